package authserver

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestDetailsAreToldInWords(t *testing.T) {
	t.Parallel()
	details, err := contactsExports.Encode(contactsExport{[]string{"email", "name"}, 10})
	require.NoError(t, err)
	for l, want := range []string{
		"the e-mail address and name of at most 10 contacts, to export them",
		"het e-mailadres en de naam van ten hoogste 10 contacten, om ze over te nemen",
	} {
		words, err := lang(l).details(details)
		require.NoError(t, err)
		require.Equal(t, []string{want}, words)
	}
	_, err = lang(0).details(json.RawMessage(`[{"type":"contacts_export","all":true}]`))
	require.Error(t, err)
}

func TestAnExportHasFieldsOfAContactAndALimit(t *testing.T) {
	t.Parallel()
	for _, bad := range []contactsExport{{}, {[]string{"name"}, 0}, {[]string{"name"}, 1001}, {[]string{"phone"}, 1}, {[]string{"name", "name"}, 1}, {nil, 1}} {
		_, err := acceptExport(t.Context(), nil, bad)
		require.ErrorIs(t, err, oauth2.ErrInvalidAuthorizationDetails, "%v", bad)
	}
	good, err := acceptExport(t.Context(), nil, contactsExport{[]string{"name", "email"}, 1000})
	require.NoError(t, err)
	require.True(t, exportsNoMore(contactsExport{[]string{"name"}, 10}, good))
	require.False(t, exportsNoMore(good, contactsExport{[]string{"name"}, 1000}))
	require.False(t, exportsNoMore(good, contactsExport{contactFields, 999}))
}
