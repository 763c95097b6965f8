package resource_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

// keyed is an issuer with one key, and a function that signs a good token under any kid with it.
func keyed(t testing.TB) (*issuer, func(kid string) string) {
	key := testKeys()[jose.EdDSA]
	i := newIssuer(t, published(key, jose.EdDSA, "1"))
	return i, func(kid string) string {
		return signed(t, jose.EdDSA, key, kid, i.claims(nil), nil)
	}
}

func TestTheKeysAreReadWhenTheyAreNeededAndAgainWhenTheyAreOld(t *testing.T) {
	t.Parallel()
	i, token := keyed(t)
	v := i.verifier()
	require.Zero(t, i.lookups.Load())
	for range 3 {
		_, err := v.Check(t.Context(), token("1"))
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, i.fetches.Load())
	i.clock.Advance(5*time.Minute - 1)
	_, err := v.Check(t.Context(), token("1"))
	require.NoError(t, err)
	require.EqualValues(t, 1, i.fetches.Load())
	i.publish(false, "not a key") // the key is withdrawn
	i.clock.Advance(1)
	_, err = v.Check(t.Context(), token("1"))
	require.ErrorIs(t, err, oauth2.ErrInvalidToken)
	require.EqualValues(t, 2, i.fetches.Load())
	require.EqualValues(t, 2, i.lookups.Load(), "the endpoint may have moved")
}

func TestAnUnknownKidReadsTheKeysAtMostOncePerPause(t *testing.T) {
	t.Parallel()
	i, token := keyed(t)
	v := i.verifier()
	_, err := v.Check(t.Context(), token("1"))
	require.NoError(t, err)
	for range 100 {
		_, err := v.Check(t.Context(), token("made up"))
		require.ErrorIs(t, err, oauth2.ErrInvalidToken)
	}
	require.EqualValues(t, 1, i.fetches.Load())
	i.clock.Advance(30 * time.Second)
	i.publish(false, published(testKeys()[jose.EdDSA], jose.EdDSA, "2"))
	_, err = v.Check(t.Context(), token("2"))
	require.NoError(t, err, "a key that was rotated in is found")
	for range 100 {
		_, err := v.Check(t.Context(), token("made up"))
		require.ErrorIs(t, err, oauth2.ErrInvalidToken)
	}
	require.EqualValues(t, 2, i.fetches.Load())
}

func TestAnEndpointThatFailsKeepsTheOldKeysForAWhile(t *testing.T) {
	t.Parallel()
	i, token := keyed(t)
	v := i.verifier(func(cfg *resource.JWTConfig) { cfg.StaleFor = time.Hour })
	_, err := v.Check(t.Context(), token("1"))
	require.NoError(t, err)
	i.publish(true)
	i.clock.Advance(time.Hour - time.Second)
	for range 10 {
		_, err = v.Check(t.Context(), token("1"))
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, i.lookups.Load(), "one attempt per pause")
	_, err = v.Check(t.Context(), token("2"))
	require.ErrorIs(t, err, oauth2.ErrTemporarilyUnavailable, "nobody can tell whether the key is new")
	i.clock.Advance(time.Second)
	_, err = v.Check(t.Context(), token("1"))
	require.ErrorIs(t, err, oauth2.ErrTemporarilyUnavailable)
	i.publish(false, published(testKeys()[jose.EdDSA], jose.EdDSA, "1"))
	i.clock.Advance(30 * time.Second)
	_, err = v.Check(t.Context(), token("1"))
	require.NoError(t, err)
}

func TestWithoutKeysNobodyCanTellAndTheEndpointIsAskedOncePerSecond(t *testing.T) {
	t.Parallel()
	i, token := keyed(t)
	v := i.verifier()
	i.publish(true)
	for range 50 {
		_, err := v.Check(t.Context(), token("1"))
		require.ErrorIs(t, err, oauth2.ErrTemporarilyUnavailable)
		require.ErrorContains(t, err, "500", "the cause is kept for OnFault")
	}
	require.EqualValues(t, 1, i.lookups.Load())
	i.publish(false, published(testKeys()[jose.EdDSA], jose.EdDSA, "1"))
	i.clock.Advance(time.Second)
	_, err := v.Check(t.Context(), token("1"))
	require.NoError(t, err)
}

func TestAnIssuerWithoutKeysHasNoTokens(t *testing.T) {
	t.Parallel()
	i, token := keyed(t)
	v, err := resource.NewJWTVerifier(resource.JWTConfig{Issuer: newWorld(t, "").issuer, Audience: []string{audience}})
	require.NoError(t, err)
	_, err = v.Check(t.Context(), token("1"))
	require.ErrorIs(t, err, oauth2.ErrInvalidToken, "no jwks_uri")
	i.publish(false)
	_, err = i.verifier().Check(t.Context(), token("1"))
	require.ErrorIs(t, err, oauth2.ErrTemporarilyUnavailable, "keys: null is no set of keys")
	i.publish(false, "not a key")
	_, err = i.verifier().Check(t.Context(), token("1"))
	require.ErrorIs(t, err, oauth2.ErrInvalidToken)
}

func TestParallelChecksShareOneFetchThatNoCallerCanCancel(t *testing.T) {
	t.Parallel()
	i, token := keyed(t)
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	i.before = func() { arrived <- struct{}{}; <-release }
	v, text := i.verifier(), token("1")
	first, cancel := context.WithCancel(t.Context())
	cancelled := make(chan error, 1)
	go func() {
		_, err := v.Check(first, text)
		cancelled <- err
	}()
	<-arrived
	var all sync.WaitGroup
	failures := make(chan error, 50)
	for range 50 {
		all.Go(func() {
			_, err := v.Check(t.Context(), text)
			failures <- err
		})
	}
	cancel()
	require.ErrorIs(t, <-cancelled, context.Canceled)
	close(release)
	all.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, i.fetches.Load())
}

func TestAnEndpointThatHangsIsGivenUpOnAndTheOldKeysServe(t *testing.T) {
	t.Parallel()
	i, token := keyed(t)
	// Long enough for an answer that comes, on a machine that is busy.
	v := i.verifier(func(cfg *resource.JWTConfig) { cfg.Timeout = 3 * time.Second })
	_, err := v.Check(t.Context(), token("1"))
	require.NoError(t, err)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	i.mu.Lock()
	i.before = func() { <-release }
	i.mu.Unlock()
	i.clock.Advance(5 * time.Minute)
	_, err = v.Check(t.Context(), token("1"))
	require.NoError(t, err)
}

// answering is a server whose keys are at /keys of any kind.
func answering(t testing.TB, contentType, body string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/keys"
}

func TestAnAnswerThatIsNoSmallKeySetIsAFault(t *testing.T) {
	t.Parallel()
	i, token := keyed(t)
	key, err := json.Marshal(published(testKeys()[jose.EdDSA], jose.EdDSA, "1"))
	require.NoError(t, err)
	set := `{"keys":[` + string(key) + `]}`
	for name, c := range map[string]struct {
		contentType, body string
		want              error
	}{
		"a key set":          {"application/json", set, nil},
		"its own media type": {"application/jwk-set+json; charset=utf-8", set, nil},
		"HTML":               {"text/html", set, oauth2.ErrTemporarilyUnavailable},
		"too large":          {"application/json", `{"x":"` + strings.Repeat("x", 1<<20) + `",` + set[1:], oauth2.ErrTemporarilyUnavailable},
		"cut short":          {"application/json", set[:len(set)-1], oauth2.ErrTemporarilyUnavailable},
		"a list":             {"application/json", "[" + string(key) + "]", oauth2.ErrTemporarilyUnavailable},
		"no keys":            {"application/json", "{}", oauth2.ErrTemporarilyUnavailable},
		"an empty set":       {"application/json", `{"keys":[]}`, oauth2.ErrInvalidToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := i.verifier(func(cfg *resource.JWTConfig) { cfg.JWKSURI = answering(t, c.contentType, c.body) })
			_, err := v.Check(t.Context(), token("1"))
			require.ErrorIs(t, err, c.want)
		})
	}
	require.Zero(t, i.lookups.Load(), "a JWKSURI needs no metadata")
}

func TestKeysAreReadFromTheIssuerAloneAndNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	_, token := keyed(t)
	var reached atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(elsewhere.Close)
	for name, metadata := range map[string]map[string]any{
		"another issuer":   {"issuer": "https://id.example.com", "jwks_uri": elsewhere.URL},
		"plain http":       {"jwks_uri": "http://id.example.com/keys"},
		"a file":           {"jwks_uri": "file:///etc/passwd"},
		"another spelling": {"JWKS_URI": elsewhere.URL},
	} {
		var server *httptest.Server
		server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if metadata["issuer"] == nil {
				metadata["issuer"] = server.URL
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(metadata)
		}))
		t.Cleanup(server.Close)
		v, err := resource.NewJWTVerifier(resource.JWTConfig{Issuer: server.URL, Audience: []string{audience}})
		require.NoError(t, err)
		_, err = v.Check(t.Context(), token("1"))
		require.Error(t, err, name)
	}
	redirecting := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	t.Cleanup(redirecting.Close)
	v, err := resource.NewJWTVerifier(resource.JWTConfig{Issuer: redirecting.URL, Audience: []string{audience}, HTTPClient: &http.Client{}})
	require.NoError(t, err)
	_, err = v.Check(t.Context(), token("1"))
	require.ErrorIs(t, err, oauth2.ErrTemporarilyUnavailable)
	require.False(t, reached.Load())
}
