package authserver

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/seed5f5fedc6/oauth2"
)

// contactFields are what a contact has.
var contactFields = []string{"name", "email"}

const maxExported = 1000

// A contactsExport is what a client asks for that wants some fields of some contacts once, and not "your
// contacts" (RFC 9396).
type contactsExport struct {
	Fields []string `json:"fields"`
	Limit  int      `json:"limit"`
}

var contactsExports = oauth2.DetailsType[contactsExport]{Name: "contacts_export", Accept: acceptExport, NoMore: exportsNoMore}

// detailsTypes are the types that are served.
func detailsTypes(cfg *oauth2.ServerConfig) (names []string) {
	for _, served := range cfg.AuthorizationDetails {
		names = append(names, served.Type())
	}
	return names
}

func acceptExport(_ context.Context, _ *oauth2.Client, asked contactsExport) (contactsExport, error) {
	slices.Sort(asked.Fields)
	unique := slices.Compact(slices.Clone(asked.Fields))
	unknown := func(field string) bool { return !slices.Contains(contactFields, field) }
	switch {
	case len(unique) == 0 || len(unique) != len(asked.Fields) || slices.ContainsFunc(unique, unknown):
		return asked, oauth2.ErrInvalidAuthorizationDetails.With("fields has name, email or both.")
	case asked.Limit < 1 || asked.Limit > maxExported:
		return asked, oauth2.ErrInvalidAuthorizationDetails.With("limit is not from 1 to 1000.")
	}
	return asked, nil
}

func exportsNoMore(asked, granted contactsExport) bool {
	beyond := func(field string) bool { return !slices.Contains(granted.Fields, field) }
	return asked.Limit <= granted.Limit && !slices.ContainsFunc(asked.Fields, beyond)
}

// details says in words what authorization details let a client at, beside the scope.
func (l lang) details(details json.RawMessage) ([]string, error) {
	exports, err := contactsExports.All(details)
	words := make([]string, len(exports))
	for i, export := range exports {
		fields := make([]string, len(export.Fields))
		for j, field := range export.Fields {
			fields[j] = l.text("field:" + field)
		}
		words[i] = l.text("details.export", l.list(fields), export.Limit)
	}
	return words, err
}
