package resource_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/secrecy"
	"github.com/seed5f5fedc6/oauth2/resource"
)

// A checkerFunc is a Checker whose answers a test decides.
type checkerFunc func(ctx context.Context, token string) (*oauth2.TokenInfo, error)

func (f checkerFunc) Check(ctx context.Context, token string) (*oauth2.TokenInfo, error) {
	return f(ctx, token)
}

func TestEveryMisconfigurationIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := resource.NewGuard(resource.GuardConfig{Realm: "línea"})
	require.ErrorContains(t, err, "Checker is required")
	require.ErrorContains(t, err, "Audience is required")
	require.ErrorContains(t, err, "not printable ASCII")

	_, err = resource.NewGuard(resource.GuardConfig{Checker: &resource.Introspector{}, Audience: audience, AnyAudience: true})
	require.ErrorContains(t, err, "exclude each other")
}

func TestAGoodTokenIsLetThroughAndItsFactsAreInTheContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	for name, checker := range map[string]resource.Checker{"in process": w.server, "by introspection": w.introspector()} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, checker, "read")
			token := w.token(audience, "read", "write")
			for _, scheme := range []string{"Bearer ", "bearer ", "BEARER ", "Bearer   "} {
				got := a.call(scheme + token)
				require.Equal(t, http.StatusOK, got.status, got.body)
				require.Equal(t, machineID, got.json(t)["client_id"])
				require.Equal(t, "read write", got.json(t)["scope"])
				require.Empty(t, got.header.Get("WWW-Authenticate"))
			}
		})
	}
}

func TestWithoutATokenTheChallengeHasNoErrorCode(t *testing.T) {
	t.Parallel()
	a := newAPI(t, newWorld(t, "").server, "read")
	for name, headers := range map[string][]string{
		"no header":      nil,
		"another scheme": {"Basic YTpi"},
	} {
		t.Run(name, func(t *testing.T) {
			got := a.call(headers...)
			require.Equal(t, http.StatusUnauthorized, got.status)
			require.Equal(t, `Bearer realm="contacts"`, got.header.Get("WWW-Authenticate"))
			require.Equal(t, "no-store", got.header.Get("Cache-Control"))
			require.Empty(t, got.body)
		})
	}
}

// refused requires RFC 6750 section 3.1's answer.
func refused(t testing.TB, got answer, status int, code string) {
	t.Helper()
	require.Equal(t, status, got.status, got.body)
	require.Equal(t, code, got.json(t)["error"])
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Regexp(t, `^Bearer realm="contacts", error="`+code+`", error_description="[^"]+"`, got.header.Get("WWW-Authenticate"))
	require.Len(t, got.header.Values("WWW-Authenticate"), 1)
}

func TestAMalformedHeaderIsAnInvalidRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	a := newAPI(t, w.server)
	token := w.token(audience)
	for name, headers := range map[string][]string{
		"empty":              {""},
		"scheme only":        {"Bearer"},
		"scheme and a blank": {"Bearer "},
		"two tokens":         {"Bearer " + token + " " + token},
		"a list":             {"Bearer " + token + ", Bearer " + token},
		"quoted":             {`Bearer "` + token + `"`},
		"not ASCII":          {"Bearer " + token + "ä"},
		"padding only":       {"Bearer =="},
		"two headers":        {"Bearer " + token, "Bearer " + token},
		"two schemes":        {"Bearer " + token, "Basic YTpi"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, a.call(headers...), http.StatusBadRequest, "invalid_request")
		})
	}
}

func TestATokenInTheQueryOrTheFormIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	a := newAPI(t, w.server)
	token := w.token(audience)
	form := url.Values{"access_token": {token}}.Encode()
	for _, withHeader := range []bool{false, true} {
		inQuery, err := http.NewRequest(http.MethodGet, a.url+"?"+form, nil)
		require.NoError(t, err)
		inForm, err := http.NewRequest(http.MethodPost, a.url, strings.NewReader("name=x&"+form))
		require.NoError(t, err)
		inForm.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		for _, r := range []*http.Request{inQuery, inForm} {
			if withHeader {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			refused(t, a.do(r), http.StatusBadRequest, "invalid_request")
		}
	}
}

func TestATokenInAParsedFormIsRefused(t *testing.T) {
	t.Parallel()
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: newWorld(t, "").server, Audience: audience})
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("access_token=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	require.NoError(t, r.ParseForm())
	w := httptest.NewRecorder()
	guard.Require()(http.HandlerFunc(tellFacts)).ServeHTTP(w, r)
	require.Equal(t, http.StatusBadRequest, w.Code)
}

func TestTheHandlerReadsTheWholeBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	a := newAPI(t, w.server)
	for _, body := range []string{"", "name=x", "note=" + strings.Repeat("abc", 50_000)} {
		r, err := http.NewRequest(http.MethodPost, a.url, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", "Bearer "+w.token(audience))
		got := a.do(r)
		require.Equal(t, http.StatusOK, got.status)
		require.Equal(t, body, got.json(t)["body"])
	}
}

func TestAnUnknownExpiredOrRevokedTokenIsInvalid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	revoked, expired := w.token(audience), w.token(audience)
	w.revoke(revoked)
	for name, checker := range map[string]resource.Checker{"in process": w.server, "by introspection": w.introspector()} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, checker)
			refused(t, a.call("Bearer "+revoked), http.StatusUnauthorized, "invalid_token")
			refused(t, a.call("Bearer nonsense"), http.StatusUnauthorized, "invalid_token")
			require.Equal(t, http.StatusOK, a.call("Bearer "+expired).status)
		})
	}
	w.clock.Advance(2 * time.Hour)
	refused(t, newAPI(t, w.server).call("Bearer "+expired), http.StatusUnauthorized, "invalid_token")
}

func TestATokenForAnotherAPIIsInvalid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	token := w.token(otherAudience)
	refused(t, newAPI(t, w.server).call("Bearer "+token), http.StatusUnauthorized, "invalid_token")
	refused(t, newAPI(t, w.introspector()).call("Bearer "+token), http.StatusUnauthorized, "invalid_token")

	open, err := resource.NewGuard(resource.GuardConfig{Checker: w.server, AnyAudience: true})
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	rec := httptest.NewRecorder()
	open.Require()(http.HandlerFunc(tellFacts)).ServeHTTP(rec, r)
	require.Equal(t, http.StatusOK, rec.Code)
}

func TestAMissingScopeIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	got := newAPI(t, w.server, "read", "write").call("Bearer " + w.token(audience, "read"))
	refused(t, got, http.StatusForbidden, "insufficient_scope")
	require.True(t, strings.HasSuffix(got.header.Get("WWW-Authenticate"), `, scope="read write"`), got.header)
}

func TestWhatIsNoScopeTokenIsInNoTokensScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	for _, scope := range []string{"", "read write", "re\"ad\r\nX-Evil: 1"} {
		got := newAPI(t, w.server, scope).call("Bearer " + w.token(audience, "read", "write"))
		require.Equal(t, http.StatusForbidden, got.status)
		require.Empty(t, got.header.Get("X-Evil"))
	}
}

func TestAFaultIsNoChallenge(t *testing.T) {
	t.Parallel()
	fault := errors.New("the disk is full")
	for name, checker := range map[string]checkerFunc{
		"an error": func(context.Context, string) (*oauth2.TokenInfo, error) { return nil, fault },
		"nothing":  func(context.Context, string) (*oauth2.TokenInfo, error) { return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, checker)
			got := a.call("Bearer some-token")
			require.Equal(t, http.StatusServiceUnavailable, got.status)
			require.Equal(t, "temporarily_unavailable", got.json(t)["error"])
			require.NotEmpty(t, got.header.Get("Retry-After"))
			require.Empty(t, got.header.Get("WWW-Authenticate"))
			require.NotContains(t, got.body, "disk")
			told := <-a.faults
			require.NotContains(t, told.Error(), "some-token")
			if name == "an error" {
				require.ErrorIs(t, told, fault)
			}
		})
	}
}

func TestTheRealmIsQuoted(t *testing.T) {
	t.Parallel()
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: newWorld(t, "").server, Audience: audience, Realm: `a "b" \c`})
	require.NoError(t, err)
	rec := httptest.NewRecorder()
	guard.Require()(http.NotFoundHandler()).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, `Bearer realm="a \"b\" \\c"`, rec.Header().Get("WWW-Authenticate"))
}

func TestWithoutAGuardThereAreNoFacts(t *testing.T) {
	t.Parallel()
	_, ok := resource.FromContext(t.Context())
	require.False(t, ok)
}

func FuzzAuthorizationHeader(f *testing.F) {
	for _, seed := range []string{"Bearer abc", "bearer", "Basic x", "Bearer a b", ""} {
		f.Add(seed)
	}
	never := checkerFunc(func(_ context.Context, token string) (*oauth2.TokenInfo, error) {
		if strings.ContainsAny(token, " \t,\"\\") || token == "" {
			return nil, io.ErrUnexpectedEOF
		}
		return nil, oauth2.ErrInvalidToken
	})
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: never, Audience: audience})
	require.NoError(f, err)
	handler := guard.Require("read")(http.NotFoundHandler())
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Authorization"] = []string{header}
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnauthorized}, rec.Code)
	})
}

func TestATokenInAFaultWouldBeFound(t *testing.T) {
	t.Parallel()
	// An api of its own, whose cleanup is not the test's.
	a := &api{t: t, faults: make(chan error, 1), seen: secrecy.New()}
	token := newWorld(t, "").token(audience, "read")
	a.seen.Add("access_token", token)
	require.Empty(t, a.leaks())
	a.fault(nil, fmt.Errorf("cannot look up %s", token))
	require.Equal(t, []string{"access_token"}, a.leaks())
}
