package resource_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testclock"
	"github.com/seed5f5fedc6/oauth2/resource"
)

func TestEveryMisconfiguredIntrospectorIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := resource.NewIntrospector(resource.IntrospectorConfig{Timeout: -1, CacheFor: -1, CacheSize: -1})
	for _, text := range []string{"Issuer or Endpoint", "ClientID", "ClientSecret", "Timeout", "CacheFor", "CacheSize"} {
		require.ErrorContains(t, err, text)
	}
	for _, address := range []string{"http://as.example.com", "ftp://as.example.com", "as.example.com", "https://u:p@as.example.com", "https://as.example.com/#x", "https:///x"} {
		_, err = resource.NewIntrospector(resource.IntrospectorConfig{Issuer: address, ClientID: "x", ClientSecret: "y"})
		require.ErrorContains(t, err, "Issuer", address)
		_, err = resource.NewIntrospector(resource.IntrospectorConfig{Endpoint: address, ClientID: "x", ClientSecret: "y"})
		require.ErrorContains(t, err, "Endpoint", address)
	}
}

func TestTheFactsAreThoseThatTheServerTells(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	token := w.token(audience, "read")
	inProcess, err := w.server.Check(t.Context(), token)
	require.NoError(t, err)
	asked, err := w.introspector().Check(t.Context(), token)
	require.NoError(t, err)
	require.Empty(t, asked.AuthorizationID)
	inProcess.AuthorizationID = ""
	require.Equal(t, inProcess, asked)
	require.Equal(t, "acme", asked.Claims["tenant"])
}

func TestAnIssuerWithAPathIsDiscovered(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/tenant/one", "/tenant/"} {
		w := newWorld(t, path)
		_, err := w.introspector().Check(t.Context(), w.token(audience))
		require.NoError(t, err)
	}
}

func TestAnExplicitEndpointIsAskedWithoutDiscovery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	i := w.introspector(func(cfg *resource.IntrospectorConfig) { cfg.Issuer, cfg.Endpoint = "", w.issuer+"/introspect" })
	_, err := i.Check(t.Context(), w.token(audience))
	require.NoError(t, err)
	require.Zero(t, w.discoveries.Load())
}

func TestAFailedDiscoveryIsTriedAgainAndASuccessfulOneIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	var up atomic.Bool
	w.before = func(rw http.ResponseWriter, _ *http.Request) bool {
		if !up.Load() {
			http.Error(rw, "starting", http.StatusBadGateway)
		}
		return up.Load()
	}
	i, token := w.introspector(), w.token(audience)
	_, err := i.Check(t.Context(), token)
	require.ErrorIs(t, err, oauth2.ErrTemporarilyUnavailable)
	up.Store(true)
	for range 3 {
		_, err = i.Check(t.Context(), token)
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, w.discoveries.Load())
}

func TestMetadataOfAnotherIssuerIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	for name, document := range map[string]string{
		"another issuer":     `{"issuer":"https://evil.example.com","introspection_endpoint":"` + w.issuer + `/introspect"}`,
		"a slash too many":   `{"issuer":"` + w.issuer + `/","introspection_endpoint":"` + w.issuer + `/introspect"}`,
		"no endpoint":        `{"issuer":"` + w.issuer + `"}`,
		"an http endpoint":   `{"issuer":"` + w.issuer + `","introspection_endpoint":"http://as.example.com/introspect"}`,
		"no JSON":            `<html>`,
		"endpoint no string": `{"issuer":"` + w.issuer + `","introspection_endpoint":7}`,
	} {
		t.Run(name, func(t *testing.T) {
			token := w.token(audience)
			w.before = func(rw http.ResponseWriter, _ *http.Request) bool {
				rw.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(rw, document)
				return false
			}
			_, err := w.introspector().Check(t.Context(), token)
			require.ErrorIs(t, err, oauth2.ErrTemporarilyUnavailable)
			require.Zero(t, w.introspections.Load())
		})
	}
}

// saying is a Checker whose authorization server answers every introspection with this.
func saying(t testing.TB, status int, contentType, body string) (*resource.Introspector, *testclock.Clock) {
	t.Helper()
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(listener.Close)
	c := testclock.At(time.Unix(1_700_000_000, 0))
	i, err := resource.NewIntrospector(resource.IntrospectorConfig{
		Issuer: "https://as.example.com", Endpoint: listener.URL, ClientID: "x", ClientSecret: "y", Now: c.Now,
	})
	require.NoError(t, err)
	return i, c
}

func TestOnlyAnActiveBearerTokenOfTheIssuerIsGood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want error
	}{
		"active alone":         {`{"active":true}`, nil},
		"all members":          {`{"active":true,"iss":"https://as.example.com","token_type":"bearer","aud":["a","b"],"exp":1700000001.5,"scope":"a b"}`, nil},
		"inactive":             {`{"active":false,"sub":"alice"}`, oauth2.ErrInvalidToken},
		"null":                 {`{"active":null}`, oauth2.ErrInvalidToken},
		"expired now":          {`{"active":true,"exp":1700000000}`, oauth2.ErrInvalidToken},
		"expiry null":          {`{"active":true,"exp":null}`, oauth2.ErrInvalidToken},
		"another issuer":       {`{"active":true,"iss":"https://evil.example.com"}`, oauth2.ErrInvalidToken},
		"DPoP":                 {`{"active":true,"token_type":"DPoP"}`, oauth2.ErrInvalidToken},
		"another type":         {`{"active":true,"token_type":"MAC"}`, oauth2.ErrInvalidToken},
		"cnf is a string":      {`{"active":true,"cnf":"x"}`, oauth2.ErrTemporarilyUnavailable},
		"active is a string":   {`{"active":"true"}`, oauth2.ErrTemporarilyUnavailable},
		"active is a number":   {`{"active":1}`, oauth2.ErrTemporarilyUnavailable},
		"Active":               {`{"Active":true}`, oauth2.ErrTemporarilyUnavailable},
		"no active":            {`{"sub":"alice"}`, oauth2.ErrTemporarilyUnavailable},
		"expiry is a string":   {`{"active":true,"exp":"1700000001"}`, oauth2.ErrTemporarilyUnavailable},
		"expiry is enormous":   {`{"active":true,"exp":1e300}`, oauth2.ErrTemporarilyUnavailable},
		"scope is a list":      {`{"active":true,"scope":["a"]}`, oauth2.ErrTemporarilyUnavailable},
		"scope is malformed":   {`{"active":true,"scope":"a  b"}`, oauth2.ErrTemporarilyUnavailable},
		"audience is a number": {`{"active":true,"aud":7}`, oauth2.ErrTemporarilyUnavailable},
		"two documents":        {`{"active":true}{"active":true}`, oauth2.ErrTemporarilyUnavailable},
		"an array":             {`[{"active":true}]`, oauth2.ErrTemporarilyUnavailable},
		"nothing":              {``, oauth2.ErrTemporarilyUnavailable},
		"cut short":            {`{"active":true`, oauth2.ErrTemporarilyUnavailable},
		"enormous":             {`{"active":true,"x":"` + strings.Repeat("x", 1<<20) + `"}`, oauth2.ErrTemporarilyUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, _ := saying(t, http.StatusOK, "application/json", c.body)
			info, err := i.Check(t.Context(), "token")
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.want == nil, info != nil)
		})
	}
}

func TestUnknownMembersAreClaims(t *testing.T) {
	t.Parallel()
	i, _ := saying(t, http.StatusOK, "application/json;charset=utf-8", `{"active":true,"aud":"a","username":"al","tenant":{"n":1},"acr":"2","amr":["pwd"],"auth_time":1600000000}`)
	info, err := i.Check(t.Context(), "token")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"username": "al", "tenant": map[string]any{"n": 1.0}}, info.Claims)
	require.Equal(t, []string{"a"}, info.Audience)
	require.Equal(t, "https://as.example.com", info.Issuer)
	require.Equal(t, "2", info.ACR)
	require.Equal(t, []string{"pwd"}, info.AMR)
	require.EqualValues(t, 1600000000, info.AuthTime.Unix())
	require.True(t, info.ExpiresAt.IsZero())
}

func TestAnAnswerThatIsNo200JSONIsAFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status      int
		contentType string
	}{
		{http.StatusUnauthorized, "application/json"},
		{http.StatusForbidden, "application/json"},
		{http.StatusBadRequest, "application/json"},
		{http.StatusInternalServerError, "application/json"},
		{http.StatusCreated, "application/json"},
		{http.StatusOK, "text/html"},
		{http.StatusOK, ""},
	} {
		i, _ := saying(t, c.status, c.contentType, `{"active":true}`)
		_, err := i.Check(t.Context(), "token")
		require.ErrorIs(t, err, oauth2.ErrTemporarilyUnavailable, c)
	}
}

func TestWrongCredentialsAreAFaultOfTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	token := w.token(audience)
	i := w.introspector(func(cfg *resource.IntrospectorConfig) { cfg.ClientSecret = "not the secret" })
	a := newAPI(t, i)
	require.Equal(t, http.StatusServiceUnavailable, a.call("Bearer "+token).status)
	told := (<-a.faults).Error()
	require.Contains(t, told, "credentials")
	require.NotContains(t, told, "not the secret")
	require.NotContains(t, told, token)
}

func TestPrintingAnIntrospectorTellsNoSecret(t *testing.T) {
	t.Parallel()
	i := newWorld(t, "").introspector(func(cfg *resource.IntrospectorConfig) { cfg.ClientSecret = "very-secret" })
	require.NotContains(t, fmt.Sprintf("%+v %#v", i, i), "very-secret")
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	token := w.token(audience)
	var reached atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(elsewhere.Close)
	w.before = func(rw http.ResponseWriter, r *http.Request) bool {
		http.Redirect(rw, r, elsewhere.URL, http.StatusTemporaryRedirect)
		return false
	}
	for _, client := range []*http.Client{nil, {}} {
		i := w.introspector(func(cfg *resource.IntrospectorConfig) {
			cfg.Endpoint, cfg.HTTPClient = w.issuer+"/introspect", client
		})
		_, err := i.Check(t.Context(), token)
		require.ErrorIs(t, err, oauth2.ErrTemporarilyUnavailable)
	}
	require.False(t, reached.Load())
}

func TestAServerThatHangsIsGivenUpOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	token := w.token(audience)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	w.before = func(http.ResponseWriter, *http.Request) bool { <-release; return false }
	for _, cacheFor := range []time.Duration{0, time.Minute} {
		i := w.introspector(func(cfg *resource.IntrospectorConfig) {
			cfg.Timeout, cfg.CacheFor = 50*time.Millisecond, cacheFor
		})
		_, err := i.Check(t.Context(), token)
		require.ErrorIs(t, err, oauth2.ErrTemporarilyUnavailable)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}

func TestAnEmptyTokenIsInvalidAndNobodyIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	_, err := w.introspector().Check(t.Context(), "")
	require.ErrorIs(t, err, oauth2.ErrInvalidToken)
	require.Zero(t, w.discoveries.Load()+w.introspections.Load())
}

func TestACallerThatGaveUpIsNoFault(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	guard, err := resource.NewGuard(resource.GuardConfig{
		Checker: newWorld(t, "").introspector(), Audience: audience,
		OnFault: func(_ *http.Request, err error) { t.Errorf("told %v", err) },
	})
	require.NoError(t, err)
	r := httptest.NewRequestWithContext(gone, http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer x")
	rec := httptest.NewRecorder()
	guard.Require()(http.NotFoundHandler()).ServeHTTP(rec, r)
	require.Equal(t, http.StatusServiceUnavailable, rec.Code)
}

func FuzzIntrospectionAnswer(f *testing.F) {
	for _, seed := range []string{`{"active":true}`, `{"active":true,"exp":1e9,"aud":["x"],"cnf":null}`, `{`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		i, _ := saying(t, http.StatusOK, "application/json", string(body))
		info, err := i.Check(t.Context(), "token")
		if err == nil {
			require.NotNil(t, info)
			return
		}
		require.True(t, errors.Is(err, oauth2.ErrInvalidToken) || errors.Is(err, oauth2.ErrTemporarilyUnavailable), err)
	})
}
