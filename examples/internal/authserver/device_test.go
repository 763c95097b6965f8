package authserver_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

// television starts what a device starts, as the built-in xmail-tv.
func (s *site) television() (userCode string, poll func() map[string]any) {
	s.t.Helper()
	started := s.call("/device_authorization", "", url.Values{"client_id": {"xmail-tv"}})
	require.Equal(s.t, http.StatusOK, started["status"], started)
	require.Equal(s.t, s.url+"/device", started["verification_uri"])
	return started["user_code"].(string), func() map[string]any {
		s.t.Helper()
		return s.call("/token", "", url.Values{"client_id": {"xmail-tv"}, "grant_type": {oauth2.GrantDeviceCode}, "device_code": {started["device_code"].(string)}})
	}
}

func TestAUserConnectsATelevision(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	code, poll := s.television()
	require.Equal(t, "authorization_pending", poll()["error"])
	b := s.browser()
	page := b.get("/device")
	require.Contains(t, page.body, `<form id="device" method="post">`)
	toConsent := b.submit(page, "user_code", strings.ToLower(code))
	consent := b.follow(b.login(b.follow(b.follow(toConsent)), "alice", "wonderland"))
	require.Contains(t, consent.body, `id="consent"`)
	require.Contains(t, consent.body, "Do you allow 'Xmail TV' to access your contacts?")
	require.Contains(t, consent.body, "<li>your contacts</li>")
	require.Contains(t, consent.body, "<strong>"+code+"</strong>")
	require.NotContains(t, consent.body, `id="host"`)
	done := b.submit(consent, "decision", "yes")
	require.Equal(t, http.StatusOK, done.status)
	require.Contains(t, done.body, `<main id="device-done">`)
	require.Contains(t, done.body, "'Xmail TV' has access now.")

	tokens := poll()
	require.Equal(t, http.StatusOK, tokens["status"], tokens)
	token := s.introspect(tokens["access_token"])
	require.Equal(t, "alice", token["sub"])
	require.Equal(t, "contacts.read", token["scope"])
	require.NotEmpty(t, tokens["refresh_token"])
	require.Equal(t, "invalid_grant", poll()["error"])
	require.Contains(t, b.get("/connected-apps").body, "Xmail TV")
}

func TestAUserRefusesATelevision(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	code, poll := s.television()
	b := s.loggedIn("alice", "wonderland")
	b.language = "nl"
	consent := b.get("/device?user_code=" + code)
	require.Contains(t, consent.body, "Geeft u 'Xmail TV' toegang tot uw contacten?")
	done := b.submit(consent, "decision", "no")
	require.Contains(t, done.body, `id="device-done"`)
	require.Contains(t, done.body, "krijgt geen toegang")
	require.Equal(t, "access_denied", poll()["error"])
}

func TestAPageOfATelevisionThatWasShownToOneUserIsNotAnsweredByAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	code, poll := s.television()
	b := s.loggedIn("alice", "wonderland")
	alices := b.get("/device?user_code=" + code)
	require.Equal(t, http.StatusSeeOther, b.login(b.get("/login"), "bob", "builder").status)
	require.Contains(t, b.submit(alices, "decision", "yes").body, "<strong>bob</strong>")
	require.Equal(t, "authorization_pending", poll()["error"])
}

func TestWrongCodesAreToldAndLimited(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	page := b.get("/device")
	wrong := b.submit(page, "user_code", `BBBB-"<b>`)
	require.Equal(t, http.StatusBadRequest, wrong.status)
	require.Contains(t, wrong.body, "This code is unknown or has expired.")
	require.NotContains(t, wrong.body, `"<b>`)
	var last answer
	for range 30 {
		last = b.submit(page, "user_code", "CCCC-CCCC")
	}
	require.Equal(t, http.StatusTooManyRequests, last.status)
	require.NotEmpty(t, last.header.Get("Retry-After"))
	require.Contains(t, last.body, "There were too many wrong codes.")
	s.clock.Advance(time.Minute)
	require.Equal(t, http.StatusBadRequest, b.submit(page, "user_code", "CCCC-CCCC").status)
}

func TestDevicesAreServedWhereAClientIsRegisteredForThem(t *testing.T) {
	t.Parallel()
	clients := filepath.Join(t.TempDir(), "clients.json")
	for entry, served := range map[string]bool{
		`{"client_id":"tv","grant_types":["` + oauth2.GrantDeviceCode + `"]}`: true,
		`{"client_id":"app","grant_types":["authorization_code"]}`:            false,
	} {
		require.NoError(t, os.WriteFile(clients, []byte("["+entry+"]"), 0o600))
		app, err := authserver.New(t.Context(), authserver.Options{Issuer: "https://id.example.com", Store: "memory", Users: testUsers(), ClientsFile: clients})
		require.NoError(t, err)
		told := httptest.NewRecorder()
		app.ServeHTTP(told, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/.well-known/oauth-authorization-server", nil))
		require.Equal(t, served, strings.Contains(told.Body.String(), "device_authorization_endpoint"))
		require.NoError(t, app.Close())
	}
}
