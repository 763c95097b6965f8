package attack

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var detailsAttacks = []attack{
	{name: "details are not widened at the token endpoint", source: "RFC 9396 section 6", run: detailsWidened},
	{name: "details are not widened by a refresh token", source: "RFC 9396 section 6", run: detailsRefreshed},
	{name: "one object that was granted does not become two", source: "RFC 9396 section 6", run: detailsDoubled},
	{name: "the browser overrides no details that were pushed", source: "RFC 9126 section 4", run: detailsOverridden},
	{name: "the page of other details answers for none", source: "RFC 9396 section 12", run: detailsSwapped},
	{name: "details of an unknown type, malformed or too large are refused", source: "RFC 9396 section 5", run: detailsMalformed},
	{name: "no member is said twice, in whatever capitals", source: "RFC 8259 section 4", run: detailsTwice},
	{name: "a client asks for no type of another's", source: "RFC 9396 section 10", run: detailsForeign},
	{name: "a machine gives itself no details that it is not registered for", source: "RFC 9396 section 10", run: detailsOfMachines},
	{name: "the page shows the details", source: "RFC 9396 section 3.1", run: detailsShown},
}

// exportType is the type that servers under attack know, the example included.
const exportType = "contacts_export"

type contactsExport struct {
	Fields []string `json:"fields"`
	Limit  int      `json:"limit"`
}

var exportDetails = oauth2.DetailsType[contactsExport]{
	Name: exportType,
	Accept: func(_ context.Context, _ *oauth2.Client, asked contactsExport) (contactsExport, error) {
		if len(asked.Fields) == 0 || asked.Limit < 1 || asked.Limit > 1000 {
			return asked, oauth2.ErrInvalidAuthorizationDetails.With("fields or limit are wrong.")
		}
		return asked, nil
	},
	NoMore: func(asked, granted contactsExport) bool {
		return asked.Limit <= granted.Limit && !slices.ContainsFunc(asked.Fields, func(f string) bool { return !slices.Contains(granted.Fields, f) })
	},
}

// names are details for the names of so many contacts each.
func names(limits ...int) string {
	var all []string
	for _, limit := range limits {
		text, _ := json.Marshal(map[string]any{"type": exportType, "fields": []string{"name"}, "limit": limit}) // which always encodes
		all = append(all, string(text))
	}
	return "[" + strings.Join(all, ",") + "]"
}

const (
	bothFields     = `[{"type":"contacts_export","fields":["email","name"],"limit":1}]`
	invalidDetails = "invalid_authorization_details"
)

// granted are the details in an answer.
func granted(t *testing.T, got answer) string {
	require.Equal(t, http.StatusOK, got.status, got.body)
	var body struct {
		Details json.RawMessage `json:"authorization_details"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &body))
	return string(body.Details)
}

func detailsWidened(t *testing.T, s *site) {
	g := s.code("authorization_details", names(10))
	for _, wider := range []string{names(11), names(1000), bothFields, names(10, 10)} {
		s.refused(s.redeem(g, "authorization_details", wider), http.StatusBadRequest, invalidDetails)
	}
	less := s.redeem(g, "authorization_details", names(5))
	require.JSONEq(t, names(5), granted(t, less))
	require.JSONEq(t, names(5), granted(t, s.call(s.introspectURL, api, "token", less.str("access_token"))))

	s.refused(s.redeem(s.code(), "authorization_details", names(1)), http.StatusBadRequest, invalidDetails)
}

func detailsRefreshed(t *testing.T, s *site) {
	got := s.redeem(s.code("authorization_details", names(10)))
	for _, wider := range []string{names(11), bothFields} {
		s.refused(s.refresh(web, got.str("refresh_token"), "authorization_details", wider), http.StatusBadRequest, invalidDetails)
	}
	less := s.refresh(web, got.str("refresh_token"), "authorization_details", names(5))
	require.JSONEq(t, names(5), granted(t, less))
	s.refused(s.refresh(web, less.str("refresh_token"), "authorization_details", names(11)), http.StatusBadRequest, invalidDetails)
	require.JSONEq(t, names(10), granted(t, s.refresh(web, less.str("refresh_token"))))
}

func detailsDoubled(_ *testing.T, s *site) {
	s.refused(s.redeem(s.code("authorization_details", names(10)), "authorization_details", names(5, 5)), http.StatusBadRequest, invalidDetails)
	s.refused(s.redeem(s.code("authorization_details", names(10, 1)), "authorization_details", names(5, 5)), http.StatusBadRequest, invalidDetails)
}

func detailsOverridden(t *testing.T, s *site) {
	a := s.pushed(s.request("authorization_details", names(5)))
	a.Values = change(clone(a.Values), "authorization_details", names(1000))
	require.JSONEq(t, names(5), granted(t, s.redeem(s.alice().approved(a, redirects[web]))))
}

func detailsSwapped(t *testing.T, s *site) {
	small := s.request("authorization_details", names(5))
	page := s.alice().ask(small)
	page.url = strings.Replace(page.url, "%22limit%22%3A5", "%22limit%22%3A1000", 1)
	require.Contains(t, page.url, "1000")
	s.refusedOnPage(s.alice().decide(page, "yes"), "other details")
}

func detailsMalformed(_ *testing.T, s *site) {
	for _, bad := range []string{
		`x`, `{}`, `[]`, `[1]`, `null`, `[{}]`, `[{"type":1}]`, `[{"type":"payment"}]`, `[{"type":"Contacts_Export","fields":["name"],"limit":1}]`,
		names(0), names(-1), names(1) + "]", strings.Replace(names(1), "limit", "all", 1), `[{"type":"contacts_export","fields":["name"],"limit":1,"all":true}]`,
		names(make([]int, 21)...), "[" + strings.Repeat(" ", 9<<10) + names(1)[1:], strings.Repeat("[", 8000),
	} {
		s.refusedAt(redirects[web], s.alice().open(s.request("authorization_details", bad)), invalidDetails)
		s.refused(s.call(s.parURL(), web, flat(s.request("authorization_details", bad).Values)...), http.StatusBadRequest, invalidDetails)
		s.refused(s.token(machine, "grant_type", "client_credentials", "authorization_details", bad), http.StatusBadRequest, invalidDetails)
	}
}

func detailsTwice(_ *testing.T, s *site) {
	for _, bad := range []string{
		`[{"type":"contacts_export","type":"contacts_export","fields":["name"],"limit":1}]`,
		`[{"type":"contacts_export","fields":["name"],"limit":1,"limit":1000}]`,
		`[{"type":"contacts_export","fields":["name"],"limit":1,"Limit":1000}]`,
		`[{"type":"contacts_export","fields":["name"],"limit":1,"\u006cimit":1000}]`,
		`[{"type":"contacts_export","fields":["name"],"LIMIT":1}]`,
	} {
		s.refusedAt(redirects[web], s.alice().open(s.request("authorization_details", bad)), invalidDetails)
	}
}

func detailsForeign(_ *testing.T, s *site) {
	for _, client := range []string{rival, spa} {
		a := s.request("client_id", client, "redirect_uri", redirects[client], "scope", scopeRead, "authorization_details", names(1))
		s.refusedAt(redirects[client], s.alice().open(a), invalidDetails)
	}
}

func detailsOfMachines(t *testing.T, s *site) {
	s.refused(s.token(odd, "grant_type", "client_credentials", "authorization_details", names(1)), http.StatusBadRequest, invalidDetails)
	require.JSONEq(t, names(1), granted(t, s.token(machine, "grant_type", "client_credentials", "authorization_details", names(1))))
}

func detailsShown(t *testing.T, s *site) {
	page := s.alice().ask(s.request("authorization_details", names(731)))
	require.Contains(t, page.body, "731")
}
