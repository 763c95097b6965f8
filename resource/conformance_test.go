package resource_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

var (
	challengePattern = regexp.MustCompile(`^Bearer ((?:[a-z_]+="(?:[^"\\]|\\.)*"(?:, |$))+)$`)
	attributePattern = regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)
	// What RFC 6750 section 3 allows in each attribute.
	allowedIn = map[string]*regexp.Regexp{
		"realm":             regexp.MustCompile(`^[ -~]+$`),
		"error":             regexp.MustCompile(`^[ !#-\[\]-~]+$`),
		"error_description": regexp.MustCompile(`^[ !#-\[\]-~]+$`),
		"scope":             regexp.MustCompile(`^[!#-\[\]-~]+( [!#-\[\]-~]+)*$`),
		// RFC 9470 section 3 and RFC 9728 section 5.1.
		"acr_values":        regexp.MustCompile(`^[!#-\[\]-~]+( [!#-\[\]-~]+)*$`),
		"max_age":           regexp.MustCompile(`^[0-9]+$`),
		"resource_metadata": regexp.MustCompile(`^https?://[!-~]+$`),
	}
)

// challengeIn reads the one challenge of an answer, and requires the grammar of RFC 6750 section 3.
func challengeIn(t *testing.T, got answer) map[string]string {
	t.Helper()
	require.Len(t, got.header.Values("WWW-Authenticate"), 1)
	text := got.header.Get("WWW-Authenticate")
	require.Regexp(t, challengePattern, text)
	attributes := map[string]string{}
	for _, found := range attributePattern.FindAllStringSubmatch(strings.TrimPrefix(text, "Bearer "), -1) {
		name, value := found[1], found[2]
		require.NotContains(t, attributes, name, "an attribute occurs once: %s", text)
		require.Contains(t, allowedIn, name)
		require.Regexp(t, allowedIn[name], value, name)
		attributes[name] = value
	}
	require.Contains(t, attributes, "realm")
	return attributes
}

func TestEveryRefusalHasOneChallengeOfTheGrammarOfRFC6750(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	narrow, foreign := w.token(audience, "read"), w.token(otherAudience, "read", "write")
	a := newAPI(t, w.server, "read", "write")
	inQuery, err := http.NewRequest(http.MethodGet, a.url+"?access_token="+narrow, nil)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		got    answer
		status int
		error  string
	}{
		"no token":       {a.call(), http.StatusUnauthorized, ""},
		"another scheme": {a.call("Basic YTpi"), http.StatusUnauthorized, ""},
		"malformed":      {a.call("Bearer \"x\\y\""), http.StatusBadRequest, "invalid_request"},
		"twice":          {a.call("Bearer x", "Bearer x"), http.StatusBadRequest, "invalid_request"},
		"in the query":   {a.do(inQuery), http.StatusBadRequest, "invalid_request"},
		"unknown":        {a.call("Bearer x"), http.StatusUnauthorized, "invalid_token"},
		"another API's":  {a.call("Bearer " + foreign), http.StatusUnauthorized, "invalid_token"},
		"too narrow":     {a.call("Bearer " + narrow), http.StatusForbidden, "insufficient_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.status, c.got.status)
			told := challengeIn(t, c.got)
			require.Equal(t, c.error, told["error"])
			require.Equal(t, c.error == "", told["error_description"] == "")
			require.Equal(t, c.status == http.StatusForbidden, told["scope"] == "read write")
		})
	}
}

func TestWhatIsNoScopeIsNotNamedInAChallenge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	for _, scope := range []string{`re"ad`, `re\ad`, "réad", "read\r\nX-Evil: 1", "", " read", "a  b"} {
		got := newAPI(t, w.server, scope).call("Bearer " + w.token(audience, "read"))
		require.Equal(t, http.StatusForbidden, got.status)
		told := challengeIn(t, got)
		require.Equal(t, "insufficient_scope", told["error"])
		require.NotContains(t, told, "scope", "%q", scope)
	}
}

func TestTheQuestionToTheServerIsAnAuthenticatedPOSTWithTheTokenInItsBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	token := w.token(audience)
	asked := make(chan *http.Request, 1)
	w.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/introspect") {
			asked <- r.Clone(r.Context())
		}
		return true
	}
	_, err := w.introspector().Check(t.Context(), token)
	require.NoError(t, err)
	r := <-asked
	require.Equal(t, http.MethodPost, r.Method)
	require.Equal(t, "application/x-www-form-urlencoded", r.Header.Get("Content-Type"))
	require.Empty(t, r.URL.RawQuery)
	require.Len(t, r.Header.Values("Authorization"), 1)
	id, secret, ok := r.BasicAuth()
	require.True(t, ok)
	require.Equal(t, url.QueryEscape(apiID), id, "encoded before they are joined")
	require.Equal(t, url.QueryEscape(apiSecret), secret)
}

func TestAServerWithoutACertificateThatCanBeProvenIsToldNothing(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Store(true)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"active":true}`))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshakes that fail are meant to
	server.StartTLS()
	t.Cleanup(server.Close)
	elsewhere := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // which is not in the certificate
	ask := func(endpoint string, client *http.Client) error {
		i, err := resource.NewIntrospector(resource.IntrospectorConfig{Endpoint: endpoint, ClientID: "x", ClientSecret: "y", HTTPClient: client})
		require.NoError(t, err)
		_, err = i.Check(t.Context(), "token")
		return err
	}
	require.ErrorIs(t, ask(server.URL, nil), oauth2.ErrTemporarilyUnavailable, "a certificate that nobody vouches for")
	require.ErrorIs(t, ask(elsewhere, server.Client()), oauth2.ErrTemporarilyUnavailable, "a certificate of another name")
	require.False(t, reached.Load())
	require.NoError(t, ask(server.URL, server.Client()), "a certificate that is trusted")
	require.True(t, reached.Load())
}
