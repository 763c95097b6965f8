package oauth2_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// last is the youngest event.
func (w *world) last() oauth2.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	require.NotEmpty(w.t, w.events)
	return w.events[len(w.events)-1]
}

func TestEveryRefusalIsToldAsThatOfItsEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]oauth2.EventType{
		"/token":      oauth2.EventTokenRefused,
		"/introspect": oauth2.EventIntrospectionRefused,
		"/revoke":     oauth2.EventRevocationRefused,
		"/authorize":  oauth2.EventAuthorizationRefused,
	} {
		r, err := http.NewRequest(http.MethodDelete, w.url+path, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusMethodNotAllowed, w.do(direct, r).status)
		require.Equal(t, want, w.last().Type, path)
		require.Error(t, w.last().Err)
		if path == "/authorize" {
			continue
		}
		refused(t, w.post(path, "", values("client_id", webApp, "token", "a", "token", "b")), 400, "invalid_request")
		require.Equal(t, want, w.last().Type, path)
		require.Empty(t, w.last().ClientID, "nobody has authenticated yet")
		refused(t, w.post(path, api, nil), 400, "invalid_request")
		require.Equal(t, want, w.last().Type, path)
		require.Equal(t, api, w.last().ClientID)
	}
}

func TestARefusalNamesTheAuthorizationOfAProvenCodeOrToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.approve(codeRequest())
	id := w.last().AuthorizationID
	require.NotEmpty(t, id)
	refused(t, w.post("/token", otherApp, redemption(code)), 400, "invalid_grant")
	require.Equal(t, []string{otherApp, "alice", id}, []string{w.last().ClientID, w.last().Subject, w.last().AuthorizationID})
	// A code that was made up names nobody, although its ID is that of a record.
	forged := code[:30] + "AAAAAAAAAA" + code[40:]
	refused(t, w.post("/token", otherApp, redemption(forged)), 400, "invalid_grant")
	require.Empty(t, w.last().Subject)
	require.Empty(t, w.last().AuthorizationID)

	refresh := w.post("/token", webApp, redemption(code)).str("refresh_token")
	refused(t, w.token(otherApp, "grant_type", "refresh_token", "refresh_token", refresh), 400, "invalid_grant")
	require.Equal(t, []string{otherApp, "alice", id}, []string{w.last().ClientID, w.last().Subject, w.last().AuthorizationID})
}

func TestWhatWasEndedTellsByWhom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	access, refresh := w.tokens()
	require.Equal(t, 200, w.post("/revoke", webApp, values("token", access)).status)
	require.Equal(t, oauth2.EventTokenRevoked, w.last().Type)
	require.Equal(t, oauth2.ByClient, w.last().By)
	require.Equal(t, 200, w.post("/revoke", webApp, values("token", refresh)).status)
	require.Equal(t, oauth2.EventAuthorizationRevoked, w.last().Type)
	require.Equal(t, oauth2.ByClient, w.last().By)

	for name, end := range map[string]func(access, id string) error{
		"ExpireToken":         func(access, _ string) error { return w.server.ExpireToken(t.Context(), access) },
		"ExpireAuthorization": func(_, id string) error { return w.server.ExpireAuthorization(t.Context(), id) },
		"ExpireSubject": func(string, string) error {
			n, err := w.server.ExpireSubject(t.Context(), "alice")
			return errors.Join(err, atLeastOne(n))
		},
		"ExpireClient": func(string, string) error {
			n, err := w.server.ExpireClient(t.Context(), webApp)
			return errors.Join(err, atLeastOne(n))
		},
	} {
		access, _ := w.tokens()
		require.NoError(t, end(access, w.last().AuthorizationID), name)
		require.Equal(t, oauth2.ByApplication, w.last().By, name)
		require.Equal(t, "alice", w.last().Subject, name)
	}
}

func atLeastOne(n int) error {
	if n < 1 {
		return errors.New("nothing was ended")
	}
	return nil
}

// withEverything serves every endpoint whose refusals have an event.
func withEverything(cfg *oauth2.ServerConfig) {
	pushing(cfg)
	withRegistration()(cfg)
	withKeys()(cfg)
	cfg.Grants = deviceGrants(oauth2.DeviceGrant{})
}

func TestASenderWhoGoesAwayIsNoFaultAndATimeThatRunsOutIs(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	for path, request := range map[string]struct {
		client, kind, body string
		refused            oauth2.EventType
	}{
		"/token":                {machine, form, "grant_type=client_credentials", oauth2.EventTokenRefused},
		"/introspect":           {api, form, "token=at_x", oauth2.EventIntrospectionRefused},
		"/revoke":               {webApp, form, "token=at_x", oauth2.EventRevocationRefused},
		"/par":                  {webApp, form, codeRequest().Encode(), oauth2.EventPushRefused},
		"/device_authorization": {webApp, form, "", oauth2.EventDeviceRefused},
		"/authorize":            {"", form, "", oauth2.EventAuthorizationRefused},
		"/device":               {"", form, "user_code=BCDF-GHJK", oauth2.EventAuthorizationRefused},
		"/register":             {"", "application/json", `{"redirect_uris":["https://new.example.com/cb"]}`, oauth2.EventRegistrationRefused},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withEverything)
			method, target := http.MethodPost, w.url+path
			if path == "/authorize" {
				method, target = http.MethodGet, target+"?"+w.pushed().Encode() // which is in the store
			}
			send := func(ctx context.Context) {
				t.Helper()
				r := httptest.NewRequest(method, target, strings.NewReader(request.body)).WithContext(ctx)
				r.Header.Set("Content-Type", request.kind)
				if request.client != "" {
					r.SetBasicAuth(request.client, secretOf(request.client))
				}
				got := httptest.NewRecorder()
				w.server.ServeHTTP(got, r)
				require.Equal(t, http.StatusServiceUnavailable, got.Code, got.Body)
			}
			gone, leave := context.WithCancel(t.Context())
			leave()
			send(gone)
			require.Equal(t, request.refused, w.last().Type)
			require.ErrorIs(t, w.last().Err, context.Canceled)

			late, end := context.WithDeadline(t.Context(), time.Unix(0, 0))
			defer end()
			send(late)
			require.Equal(t, oauth2.EventFault, w.last().Type)
			require.ErrorIs(t, w.last().Err, context.DeadlineExceeded)
		})
	}
}

func TestWhoGoesAwayWithoutTheKeysIsToldToNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKeys())
	gone, leave := context.WithCancel(t.Context())
	leave()
	w.server.JWKS(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, w.url+"/jwks", nil).WithContext(gone))
	require.Empty(t, w.eventTypes())
}
