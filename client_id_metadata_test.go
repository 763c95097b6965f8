package oauth2_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/clientcache"
)

func TestAClientThatNobodyRegisteredGoesThroughTheWholeFlow(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	id := h.publishes("/client", nil)
	w := newDocumentWorld(t, h)
	got := w.tokensOf(id)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "read", got.str("scope"))
	info, err := w.server.Check(t.Context(), got.str("access_token"))
	require.NoError(t, err)
	require.Equal(t, id, info.ClientID)

	again := w.post("/token", "", values("grant_type", "refresh_token", "refresh_token", got.str("refresh_token"), "client_id", id))
	require.Equal(t, http.StatusOK, again.status, again.body)
	pushed := w.post("/par", "", codeRequest("client_id", id, "redirect_uri", documentRedirect, "scope", "read"))
	require.Equal(t, http.StatusCreated, pushed.status, pushed.body)
	require.Equal(t, http.StatusOK, w.ask(values("client_id", id, "request_uri", pushed.str("request_uri"))).status)
	require.Equal(t, http.StatusOK, w.post("/revoke", "", values("token", again.str("refresh_token"), "client_id", id)).status)
	require.False(t, w.active(again.str("access_token")))
	require.EqualValues(t, 1, h.asked.Load(), "the document is fetched once")
}

func TestDocumentsAreAdvertisedWhereTheyAreServed(t *testing.T) {
	t.Parallel()
	const member = "client_id_metadata_document_supported"
	h := newDocumentHost(t)
	require.NotContains(t, newWorld(t).get(direct, "/.well-known/oauth-authorization-server", nil).json, member)
	require.Equal(t, true, newDocumentWorld(t, h).get(direct, "/.well-known/oauth-authorization-server", nil).json[member])
	decorated := newWorld(t, h.withDocuments(), func(cfg *oauth2.ServerConfig) {
		cache, err := clientcache.New(cfg.Clients, clientcache.Options{})
		require.NoError(t, err)
		cfg.Clients = cache
	})
	require.Equal(t, true, decorated.get(direct, "/.well-known/oauth-authorization-server", nil).json[member], "behind another decorator too")
	refusedOnPage(t, newWorld(t).askAs(h.publishes("/client", nil)), 400, "The client is unknown.")
	require.Zero(t, h.asked.Load(), "what is not served is not fetched")
}

func TestADocumentThatBreaksARuleIsNoClient(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	private := jwksOf(jose.JSONWebKey{Key: keyOf("private", jose.ES256), KeyID: "one"})
	for name, changes := range map[string]map[string]any{
		"no client_id":                   {"client_id": nil},
		"another client_id":              {"client_id": "https://app.example.com/client"},
		"a client_id in other letters":   {"client_id": h.origin + "/Client"},
		"an equivalent client_id":        {"client_id": h.origin + "/./client"},
		"a list in a list":               {"redirect_uris": [][]string{{documentRedirect}}},
		"client_id of another type":      {"client_id": 1},
		"Client_ID":                      {"client_id": nil, "Client_ID": h.origin + "/client"},
		"a secret":                       {"client_secret": "hunter2"},
		"an empty secret":                {"client_secret": ""},
		"a secret's expiry":              {"client_secret_expires_at": 0},
		"client_secret_basic":            {"token_endpoint_auth_method": "client_secret_basic"},
		"client_secret_post":             {"token_endpoint_auth_method": "client_secret_post"},
		"client_secret_jwt":              {"token_endpoint_auth_method": "client_secret_jwt"},
		"tls_client_auth":                {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "app.example.com"},
		"private_key_jwt without keys":   {"token_endpoint_auth_method": "private_key_jwt"},
		"a private key":                  {"token_endpoint_auth_method": "private_key_jwt", "jwks": private},
		"jwks and jwks_uri":              {"token_endpoint_auth_method": "private_key_jwt", "jwks": jwksOf(remoteKey("first")), "jwks_uri": h.origin + "/jwks"},
		"a jwks_uri over http":           {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://app.example.com/jwks"},
		"no redirect_uris":               {"redirect_uris": nil},
		"empty redirect_uris":            {"redirect_uris": []string{}},
		"redirect_uris of another type":  {"redirect_uris": documentRedirect},
		"a javascript redirect":          {"redirect_uris": []string{documentRedirect, "javascript:alert(1)"}},
		"a data redirect":                {"redirect_uris": []string{"data:text/html,hi"}},
		"an http redirect":               {"redirect_uris": []string{"http://app.example.com/back"}},
		"a redirect with a wildcard":     {"redirect_uris": []string{"https://*.example.com/back"}},
		"a redirect with a fragment":     {"redirect_uris": []string{documentRedirect + "#x"}},
		"a redirect with user info":      {"redirect_uris": []string{"https://app.example.com@evil.example/back"}},
		"a web app's private scheme":     {"redirect_uris": []string{"com.example.app:/cb"}, "application_type": "web"},
		"no grant that is served":        {"grant_types": []string{"client_credentials"}},
		"no grant at all":                {"grant_types": []string{}},
		"response_types without code":    {"response_types": []string{"token"}},
		"response_types of another type": {"response_types": "code"},
		"a name with a control":          {"client_name": "An\nApp"},
		"a name that turns around":       {"client_name": "An \u202eppa"},
		"a name that is not seen":        {"client_name": "\u3164"},
		"a name that is too long":        {"client_name": strings.Repeat("x", 257)},
		"a malformed scope":              {"scope": "a  b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newDocumentHost(t)
			if changes["client_id"] == "https://app.example.com/client" || name == "private_key_jwt without keys" {
				changes["contacts"] = []string{"a@example.com"} // which is fine
			}
			for member, value := range changes { // those that name a host name this one
				if text, ok := value.(string); ok {
					changes[member] = strings.ReplaceAll(text, "127.0.0.1", strings.TrimPrefix(h.origin, "https://"))
				}
			}
			id := h.publishes("/client", changes)
			w := newDocumentWorld(t, h)
			refusedOnPage(t, w.askAs(id), 400, "metadata document")
			refused(t, w.post("/token", "", values("grant_type", "refresh_token", "refresh_token", "x", "client_id", id)), 401, "invalid_client")
			require.EqualValues(t, 2, h.asked.Load(), "nothing of it is kept")
			h.publishes("/client", nil)
			require.Equal(t, http.StatusOK, w.askAs(id).status, "once it is mended it is good")
		})
	}
}

func TestADocumentIsJSONThatComesWith200(t *testing.T) {
	t.Parallel()
	body := func(contentType, text string, status int) func(h *documentHost) http.HandlerFunc {
		return func(h *documentHost) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", contentType)
				w.WriteHeader(status)
				if text == "" {
					text = string(h.document("/client", nil))
				}
				_, _ = w.Write([]byte(text))
			}
		}
	}
	for name, c := range map[string]struct {
		answer func(*documentHost) http.HandlerFunc
		status int
	}{
		"good":                 {body("application/json; charset=utf-8", "", 200), 200},
		"a more specific type": {body("application/cimd+json", "", 200), 200},
		"HTML":                 {body("text/html", "", 200), 400},
		"plain text":           {body("text/plain", "", 200), 400},
		"no type":              {body("", "", 200), 400},
		"201":                  {body("application/json", "", 201), 400},
		"404":                  {body("application/json", "", 404), 400},
		"410":                  {body("application/json", "", 410), 400},
		"500":                  {body("application/json", "", 500), 503},
		"429":                  {body("application/json", "", 429), 503},
		"no JSON":              {body("application/json", "client", 200), 400},
		"null":                 {body("application/json", "null", 200), 400},
		"an array":             {body("application/json", "[]", 200), 400},
		"two documents":        {body("application/json", "{}{}", 200), 400},
		"no UTF-8":             {body("application/json", "{\"client_name\":\"\xff\"}", 200), 400},
		"a connection it cuts": {func(*documentHost) http.HandlerFunc {
			return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		}, 503},
		"a member twice": {func(h *documentHost) http.HandlerFunc {
			twice := strings.Replace(string(h.document("/client", nil)), "{", `{"client_name":"Another",`, 1)
			return body("application/json", twice, 200)(h)
		}, 400},
		"more than 5 KB":         {func(h *documentHost) http.HandlerFunc { return padded(h, 5<<10+1) }, 400},
		"exactly 5 KB":           {func(h *documentHost) http.HandlerFunc { return padded(h, 5<<10) }, 200},
		"a redirect":             {func(*documentHost) http.HandlerFunc { return toElsewhere(http.StatusFound) }, 400},
		"a permanent redirect":   {func(*documentHost) http.HandlerFunc { return toElsewhere(http.StatusPermanentRedirect) }, 400},
		"a redirect with a body": {func(h *documentHost) http.HandlerFunc { return body("application/json", "", 307)(h) }, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newDocumentHost(t)
			h.answers("/client", c.answer(h))
			h.answers("/elsewhere", func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
			got := newDocumentWorld(t, h).askAs(h.origin + "/client")
			require.Equal(t, c.status, got.status, got.body)
			require.Empty(t, got.header.Get("Location"))
		})
	}
}

func toElsewhere(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		http.Redirect(w, r, "/elsewhere", status)
	}
}

// padded is a good document of a size.
func padded(h *documentHost, size int) http.HandlerFunc {
	text := h.document("/client", map[string]any{"padding": ""})
	text = []byte(strings.Replace(string(text), `"padding":""`, `"padding":"`+strings.Repeat("x", size-len(text))+`"`, 1))
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text)
	}
}

func TestAURLThatIsNoneOfADocumentIsNotFetched(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	w := newDocumentWorld(t, h)
	host := strings.TrimPrefix(h.origin, "https://")
	for name, id := range map[string]string{
		"http": "http://" + host + "/client", "no path": h.origin, "no path, but a query": h.origin + "?x", "user": "https://user@" + host + "/client", "password": "https://user:pass@" + host + "/client",
		"a fragment": h.origin + "/client#a", "an empty fragment": h.origin + "/client#", "a dot": h.origin + "/./client", "two dots": h.origin + "/a/../client", "dots at the end": h.origin + "/..",
		"a dot in code": h.origin + "/%2e/client", "two dots in code": h.origin + "/a/%2E%2e/client", "dots behind a slash in code": h.origin + "/a%2f..%2fclient",
		"capitals": "https://LOCALHOST/client", "a dot behind the host": "https://localhost./client", "a host in code": "https://%6cocalhost/client",
		"no host": "https:///client", "no port": "https://localhost:/client", "a backslash": h.origin + `/a\client`, "a quote": h.origin + `/"client`, "too long": h.origin + "/" + strings.Repeat("x", 2048),
		"a port that is none": "https://localhost:x/client",
	} {
		got := w.askAs(id)
		require.Equal(t, 400, got.status, "%s: %s", name, got.body)
		require.Contains(t, got.body, "client_id", name)
	}
	for _, id := range []string{"HTTPS://" + host + "/client", "ftp://" + host + "/client", "nobody", "//" + host + "/client", " " + h.origin + "/client"} {
		refusedOnPage(t, w.askAs(id), 400, "The client is unknown.")
	}
	require.Zero(t, h.asked.Load())
	require.Equal(t, http.StatusOK, w.askAs(h.publishes("/", nil)).status, "the root is a path")
}

func TestADocumentMayHaveAQuery(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	id := h.publishes("/client", map[string]any{"client_id": h.origin + "/client?v=1"}) + "?v=1"
	require.Equal(t, http.StatusOK, newDocumentWorld(t, h).askAs(id).status)
}

func TestADocumentGivesItsClientNothingThatIsTheOperators(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	id := h.publishes("/client", map[string]any{
		"resource_server": true, "resources": []string{"https://api.example.com"}, "pkce_optional": true, "dynamic": false, "registration": map[string]any{},
		"client_secrets": []map[string]string{{"hash": oauth2.HashSecret("secret")}}, "access_lifetime": int64(time.Hour * 1000), "code_lifetime": 1, "refresh_lifetime": 1,
		"request_uris": []string{h.origin + "/request"},
		"scope":        "write read stats", "grant_types": []string{"authorization_code", "client_credentials", "refresh_token", "password"},
		"logo_uri": "javascript:alert(1)", "client_uri": "http://app.example.com", "policy_uri": "https://app.example.com/policy", "tos_uri": "data:,x",
		"Scope": "stats", "software_id": "s-1", "contacts": []string{"a@example.com"},
	})
	w := newDocumentWorld(t, h)
	c, err := w.config.Clients.Client(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, &oauth2.Client{
		ID: id, Name: "An app", ApplicationType: "web", RedirectURIs: []string{documentRedirect}, GrantTypes: []string{"authorization_code", "refresh_token"},
		TokenEndpointAuthMethod: "none", Scope: oauth2.Scope{"read"}, PolicyURI: "https://app.example.com/policy", Contacts: []string{"a@example.com"}, SoftwareID: "s-1", Dynamic: true,
	}, c)
	refusedOnPage(t, w.askAs(id, "code_challenge", "", "code_challenge_method", ""), 400, "code_challenge is missing.")
}

func TestADocumentThatSaysLittleGetsTheDefaults(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	id := h.publishes("/client", map[string]any{"client_name": nil, "grant_types": nil, "response_types": nil, "token_endpoint_auth_method": nil})
	c, err := newDocumentWorld(t, h).config.Clients.Client(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, &oauth2.Client{
		ID: id, ApplicationType: "web", RedirectURIs: []string{documentRedirect}, GrantTypes: []string{"authorization_code"}, TokenEndpointAuthMethod: "none", Scope: oauth2.Scope{"read"}, Dynamic: true,
	}, c)
	require.Equal(t, strings.TrimPrefix(h.origin, "https://"), c.DocumentHost())
	require.Empty(t, (&oauth2.Client{ID: id}).DocumentHost(), "one that was registered")
	require.Empty(t, (&oauth2.Client{ID: "made-here", Dynamic: true}).DocumentHost(), "one that registered itself")
}

func TestWhatIsRegisteredCountsBeforeADocument(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	id := h.publishes("/client", nil)
	w := newDocumentWorld(t, h)
	registered := &oauth2.Client{
		ID: id, Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf(id))}},
		GrantTypes: []string{"client_credentials"}, Scope: oauth2.Scope{"stats"},
	}
	require.NoError(t, w.clients.CreateClient(t.Context(), registered))
	got := w.post("/token", id, values("grant_type", "client_credentials"))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "stats", got.str("scope"))
	require.Zero(t, h.asked.Load())
}

func TestAClientThatRegistersItselfGetsAnIDThatIsNoURL(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	w := newWorld(t, withRegistration(), h.withDocuments())
	for range 20 {
		id := w.registered(nil).str("client_id")
		require.NotContains(t, id, "://")
		c, err := w.config.Clients.Client(t.Context(), id)
		require.NoError(t, err)
		require.True(t, c.Dynamic)
		require.Empty(t, c.DocumentHost())
	}
	require.Zero(t, h.asked.Load())
}

func TestAStoreThatFailsIsNotTakenForAnUnknownClient(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	id := h.publishes("/client", nil)
	store := oauth2.NewClientIDMetadata(failingClients{}, oauth2.ClientIDMetadataConfig{HTTPClient: h.client})
	_, err := store.Client(t.Context(), id)
	require.ErrorIs(t, err, errStoreDown)
	require.Zero(t, h.asked.Load())
}

var errStoreDown = errors.New("the store is down")

type failingClients struct{}

func (failingClients) Client(context.Context, string) (*oauth2.Client, error) {
	return nil, errStoreDown
}
