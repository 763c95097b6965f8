package oauth2_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// withRegistration lets anybody register for the scope read, unless change says otherwise.
func withRegistration(change ...func(*oauth2.RegistrationConfig)) func(*oauth2.ServerConfig) {
	return func(cfg *oauth2.ServerConfig) {
		cfg.Scopes = oauth2.Scope{"read", "write", "stats"}
		cfg.Registration = &oauth2.RegistrationConfig{Open: true, Policy: oauth2.RegistrationPolicy{Scope: oauth2.Scope{"read", "write"}, DefaultScope: oauth2.Scope{"read"}}}
		for _, f := range change {
			f(cfg.Registration)
		}
	}
}

type members = map[string]any

// appMetadata is what a good client says about itself, changed by changes; nil removes a member.
func appMetadata(changes members) members {
	m := members{
		"client_name": "Zoë's app", "redirect_uris": []string{"https://new.example.com/cb"},
		"grant_types": []string{"authorization_code", "refresh_token"},
	}
	for name, value := range changes {
		if m[name] = value; value == nil {
			delete(m, name)
		}
	}
	return m
}

// sendJSON calls the registration endpoint. A token that is "" is not sent.
func (w *world) sendJSON(method, url, token string, body any) answer {
	w.t.Helper()
	text, ok := body.(string)
	if !ok && body != nil {
		data, err := json.Marshal(body)
		require.NoError(w.t, err)
		text = string(data)
	}
	r, err := http.NewRequest(method, url, strings.NewReader(text))
	require.NoError(w.t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return w.do(direct, r)
}

func (w *world) register(metadata any) answer {
	w.t.Helper()
	return w.sendJSON(http.MethodPost, w.url+"/register", "", metadata)
}

// registered registers a client that is accepted.
func (w *world) registered(changes members) answer {
	w.t.Helper()
	got := w.register(appMetadata(changes))
	require.Equal(w.t, http.StatusCreated, got.status, got.body)
	return got
}

// manage calls the client configuration endpoint of a registration.
func (w *world) manage(method string, registration answer, body any) answer {
	w.t.Helper()
	return w.sendJSON(method, registration.str("registration_client_uri"), registration.str("registration_access_token"), body)
}

func TestARegistrationTellsAllThatWasRegistered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	got := w.registered(members{
		"client_uri": "https://new.example.com", "logo_uri": "https://new.example.com/logo.png", "tos_uri": "https://new.example.com/tos",
		"policy_uri": "https://new.example.com/policy", "contacts": []string{"ops@new.example.com"}, "software_id": "4NRB1", "software_version": "2.1",
	})
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.NotEmpty(t, got.str("client_id"))
	require.Len(t, got.str("client_secret"), 43)
	require.Zero(t, got.json["client_secret_expires_at"])
	require.EqualValues(t, w.clock.Now().Unix(), got.json["client_id_issued_at"])
	require.Equal(t, w.url+"/register?client_id="+got.str("client_id"), got.str("registration_client_uri"))
	require.True(t, strings.HasPrefix(got.str("registration_access_token"), "reg_"))
	for name, want := range map[string]any{
		"client_name": "Zoë's app", "redirect_uris": []any{"https://new.example.com/cb"}, "token_endpoint_auth_method": "client_secret_basic",
		"grant_types": []any{"authorization_code", "refresh_token"}, "response_types": []any{"code"}, "scope": "read", "application_type": "web",
		"client_uri": "https://new.example.com", "logo_uri": "https://new.example.com/logo.png", "tos_uri": "https://new.example.com/tos",
		"policy_uri": "https://new.example.com/policy", "contacts": []any{"ops@new.example.com"}, "software_id": "4NRB1", "software_version": "2.1",
	} {
		require.Equal(t, want, got.json[name], name)
	}
	require.Contains(t, w.eventTypes(), oauth2.EventClientCreated)

	read := w.manage(http.MethodGet, got, nil)
	require.Equal(t, http.StatusOK, read.status, read.body)
	delete(got.json, "client_secret") // which the server does not have
	delete(got.json, "client_secret_expires_at")
	require.Equal(t, got.json, read.json)
}

func TestARegisteredClientGetsTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	got := w.registered(nil)
	id := got.str("client_id")
	code := w.approve(codeRequest("client_id", id, "redirect_uri", "https://new.example.com/cb", "scope", "read"))
	r, err := http.NewRequest(http.MethodPost, w.url+"/token", strings.NewReader(redemption(code, "redirect_uri", "https://new.example.com/cb").Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(id, got.str("client_secret"))
	tokens := w.do(direct, r)
	require.Equal(t, http.StatusOK, tokens.status, tokens.body)
	require.True(t, w.active(tokens.str("access_token")))
}

func TestAClientChoosesNeitherItsIDNorItsSecretNorItsRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	got := w.registered(members{
		"client_id": webApp, "client_secret": "a secret of my own choice", "client_secrets": []members{{"hash": oauth2.HashSecret("mine")}},
		"resource_server": true, "resources": []string{"https://api.example.com"}, "pkce_optional": true, "dynamic": false,
		"code_lifetime": 1, "access_lifetime": 1 << 60, "refresh_lifetime": 1 << 60, "request_uris": []string{"https://new.example.com/request"},
		"registration": members{"token_digest": "mine"}, "Redirect_URIs": []string{"https://evil.example/"}, "x_unknown": members{"a": 1},
	})
	require.NotEqual(t, webApp, got.str("client_id"))
	stored, err := w.clients.Client(t.Context(), got.str("client_id"))
	require.NoError(t, err)
	require.Equal(t, &oauth2.Client{
		ID: stored.ID, Name: "Zoë's app", Secrets: stored.Secrets, RedirectURIs: []string{"https://new.example.com/cb"},
		GrantTypes: []string{"authorization_code", "refresh_token"}, TokenEndpointAuthMethod: "client_secret_basic",
		ApplicationType: "web", Scope: oauth2.Scope{"read"}, Dynamic: true, Registration: stored.Registration,
	}, stored)
	require.Len(t, stored.Secrets, 1)
	require.True(t, oauth2.VerifySecret(stored.Secrets[0].Hash, got.str("client_secret")))
	require.Equal(t, oauth2.ClientRegistration{IssuedAt: stored.Registration.IssuedAt, TokenDigest: stored.Registration.TokenDigest}, *stored.Registration)
	require.NotContains(t, got.str("registration_access_token"), stored.Registration.TokenDigest)
}

func TestMetadataThatCannotBeRegisteredIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	uri, meta := "invalid_redirect_uri", "invalid_client_metadata"
	long := "https://new.example.com/" + strings.Repeat("a", 2048)
	many := make([]string, 21)
	for i := range many {
		many[i] = "https://new.example.com/" + strings.Repeat("a", i)
	}
	for _, c := range []struct {
		name   string
		change members
		code   string
	}{
		{"no redirect URI", members{"redirect_uris": nil}, uri},
		{"an empty list of them", members{"redirect_uris": []string{}}, uri},
		{"http elsewhere", members{"redirect_uris": []string{"http://new.example.com/cb"}}, uri},
		{"one good and one bad", members{"redirect_uris": []string{"https://new.example.com/cb", "http://new.example.com/cb"}}, uri},
		{"javascript", members{"redirect_uris": []string{"javascript:alert(1)"}}, uri},
		{"data", members{"redirect_uris": []string{"data:text/html,x"}}, uri},
		{"file", members{"redirect_uris": []string{"file:///etc/passwd"}}, uri},
		{"a fragment", members{"redirect_uris": []string{"https://new.example.com/cb#x"}}, uri},
		{"a wildcard", members{"redirect_uris": []string{"https://*.example.com/cb"}}, uri},
		{"user information", members{"redirect_uris": []string{"https://user@new.example.com/cb"}}, uri},
		{"relative", members{"redirect_uris": []string{"/cb"}}, uri},
		{"a private-use scheme without a dot", members{"redirect_uris": []string{"myapp:/cb"}, "application_type": "native"}, uri},
		{"a private-use scheme of a web client", members{"redirect_uris": []string{"com.example.app:/cb"}, "application_type": "web"}, uri},
		{"loopback of a web client", members{"redirect_uris": []string{"http://127.0.0.1/cb"}, "application_type": "web"}, uri},
		{"a URI twice", members{"redirect_uris": []string{"https://new.example.com/cb", "https://new.example.com/cb"}}, uri},
		{"a long URI", members{"redirect_uris": []string{long}}, uri},
		{"many URIs", members{"redirect_uris": many}, meta},
		{"URIs that are no texts", members{"redirect_uris": []int{1}}, meta},
		{"URIs that are no list", members{"redirect_uris": "https://new.example.com/cb"}, meta},
		{"an unknown application_type", members{"application_type": "hybrid"}, meta},
		{"a grant that is not served", members{"grant_types": []string{"password"}}, meta},
		{"a grant that is not allowed", members{"grant_types": []string{"client_credentials"}}, meta},
		{"a response type that is not served", members{"response_types": []string{"token"}}, meta},
		{"a response type without its grant", members{"grant_types": []string{"refresh_token"}, "response_types": []string{"code"}}, meta},
		{"a grant without its response type", members{"response_types": []string{}}, meta},
		{"a method that is not served", members{"token_endpoint_auth_method": "private_key_jwt", "jwks": members{"keys": []any{}}}, meta},
		{"a scope that is malformed", members{"scope": "read  write"}, meta},
		{"a scope that is not allowed", members{"scope": "stats"}, meta},
		{"a scope that is a list", members{"scope": []string{"read"}}, meta},
		{"both jwks and jwks_uri", members{"jwks": members{"keys": []any{}}, "jwks_uri": "https://new.example.com/jwks"}, meta},
		{"a jwks_uri that is not https", members{"jwks_uri": "http://new.example.com/jwks"}, meta},
		{"a secret key", members{"jwks": members{"keys": []any{members{"kty": "oct", "k": "c2VjcmV0"}}}}, meta},
		{"a logo that is not https", members{"logo_uri": "http://new.example.com/logo.png"}, meta},
		{"terms that are a script", members{"tos_uri": "javascript:alert(1)"}, meta},
		{"a policy that is data", members{"policy_uri": "data:text/html,x"}, meta},
		{"a page with a blank", members{"client_uri": "https://new.example.com evil"}, meta},
		{"a control character in the name", members{"client_name": "a\u0007b"}, meta},
		{"a name that is read backwards", members{"client_name": "a\u202eb"}, meta},
		{"a name that is not seen", members{"client_name": "\u3164"}, meta},
		{"a name that takes no room", members{"client_name": "\u200b"}, meta},
		{"a name of blanks", members{"client_name": " \u00a0\u2003\u2800"}, meta},
		{"a name of accents alone", members{"client_name": "\u0301\ufe0f"}, meta},
		{"a hyphen that is not seen", members{"client_name": "spam\u00ad4All"}, meta},
		{"a letter that no font has", members{"client_name": "a\ue000"}, meta},
		{"a long name", members{"client_name": strings.Repeat("a", 257)}, meta},
		{"many contacts", members{"contacts": many}, meta},
		{"DPoP that is not served", members{"dpop_bound_access_tokens": true}, meta},
		{"certificates that are not served", members{"tls_client_certificate_bound_access_tokens": true}, meta},
		{"pushed requests that are not served", members{"require_pushed_authorization_requests": true}, meta},
		{"request objects that are not served", members{"require_signed_request_object": true}, meta},
		{"an algorithm that is not served", members{"token_endpoint_auth_signing_alg": "none"}, meta},
	} {
		got := w.register(appMetadata(c.change))
		require.Equal(t, http.StatusBadRequest, got.status, "%s: %s", c.name, got.body)
		require.Equal(t, c.code, got.str("error"), "%s: %s", c.name, got.body)
	}
	require.NotContains(t, w.eventTypes(), oauth2.EventClientCreated)
	require.Contains(t, w.eventTypes(), oauth2.EventRegistrationRefused)
}

func TestABodyThatIsNoMetadataIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	for _, body := range []string{``, `[]`, `null`, `"x"`, `{`, `{"client_name":"a"}{}`, "{\"client_name\":\"\xff\"}", `{"client_name":"a","client_name":"b"}`} {
		refused(t, w.register(body), http.StatusBadRequest, "invalid_client_metadata")
	}
	got := w.register(`{"client_name":"` + strings.Repeat("a", 1<<20) + `"}`)
	refused(t, got, http.StatusRequestEntityTooLarge, "invalid_client_metadata")
	r, err := http.NewRequest(http.MethodPost, w.url+"/register", strings.NewReader(`{"redirect_uris":["https://new.example.com/cb"]}`))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	refused(t, w.do(direct, r), http.StatusBadRequest, "invalid_client_metadata")
	for _, method := range []string{http.MethodPatch, http.MethodHead, http.MethodOptions} {
		got := w.sendJSON(method, w.url+"/register", "", nil)
		require.Equal(t, http.StatusMethodNotAllowed, got.status)
		require.Equal(t, "GET, POST, PUT, DELETE", got.header.Get("Allow"))
	}
}

func TestDefaultsAreRegisteredAndTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	for _, c := range []struct{ change, want members }{
		{members{"grant_types": nil}, members{"grant_types": []any{"authorization_code"}, "response_types": []any{"code"}}},
		{members{"grant_types": []string{"refresh_token", "authorization_code", "refresh_token"}}, members{"grant_types": []any{"authorization_code", "refresh_token"}}},
		{members{"token_endpoint_auth_method": "none"}, members{"token_endpoint_auth_method": "none", "client_secret": nil, "client_secret_expires_at": nil}},
		{members{"scope": "stats write unknown"}, members{"scope": "write"}},
		{members{"scope": nil, "client_name": nil}, members{"scope": "read", "client_name": nil}},
		{members{"client_name": "نامه\u200cها 👩\u200d💻"}, members{"client_name": "نامه\u200cها 👩\u200d💻"}},
		{members{"redirect_uris": []string{"http://127.0.0.1/cb"}}, members{"application_type": "native"}},
		{members{"redirect_uris": []string{"com.example.app:/cb", "https://new.example.com/cb"}}, members{"application_type": "native"}},
		{members{"application_type": "native"}, members{"application_type": "native"}},
		{members{"response_types": []string{"code"}}, members{"response_types": []any{"code"}}},
	} {
		got := w.registered(c.change)
		for name, want := range c.want {
			require.Equal(t, want, got.json[name], name)
		}
	}
}

func TestWithoutOpenRegistrationAnInitialAccessTokenIsRequired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration(func(c *oauth2.RegistrationConfig) {
		c.Open = false
		c.InitialAccessToken = func(_ context.Context, token string) (*oauth2.RegistrationPolicy, error) {
			switch token {
			case "good-token-0123456789":
				return nil, nil
			case "machine-token-0123456789":
				return &oauth2.RegistrationPolicy{Scope: oauth2.Scope{"stats"}, GrantTypes: []string{"client_credentials"}}, nil
			case "wrong-policy-0123456789":
				return &oauth2.RegistrationPolicy{GrantTypes: []string{"password"}}, nil
			case "fault-0123456789":
				return nil, errors.New("the directory is down")
			}
			return nil, oauth2.ErrInvalidToken
		}
	}))
	got := w.register(appMetadata(nil))
	refused(t, got, http.StatusUnauthorized, "invalid_token")
	require.Equal(t, `Bearer realm="oauth2"`, got.header.Get("WWW-Authenticate"))
	require.Empty(t, got.header.Get("Access-Control-Allow-Origin"))

	with := func(token string, metadata members) answer {
		return w.sendJSON(http.MethodPost, w.url+"/register", token, metadata)
	}
	got = with("wrong-token-0123456789", appMetadata(nil))
	refused(t, got, http.StatusUnauthorized, "invalid_token")
	require.Equal(t, `Bearer realm="oauth2", error="invalid_token"`, got.header.Get("WWW-Authenticate"))
	refused(t, with("fault-0123456789", appMetadata(nil)), http.StatusServiceUnavailable, "temporarily_unavailable")
	refused(t, with("wrong-policy-0123456789", appMetadata(nil)), http.StatusInternalServerError, "server_error")
	require.Equal(t, http.StatusCreated, with("good-token-0123456789", appMetadata(nil)).status)
	refused(t, with("good-token-0123456789", members{"grant_types": []string{"client_credentials"}}), http.StatusBadRequest, "invalid_client_metadata")

	got = with("machine-token-0123456789", members{"grant_types": []string{"client_credentials"}})
	require.Equal(t, http.StatusCreated, got.status, got.body)
	require.Equal(t, "stats", got.str("scope"))
	require.Equal(t, []any{}, got.json["response_types"])
	public := members{"grant_types": []string{"client_credentials"}, "token_endpoint_auth_method": "none"}
	refused(t, with("machine-token-0123456789", public), http.StatusBadRequest, "invalid_client_metadata")
}

func TestTheApplicationHasTheLastWordOnARegistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration(func(c *oauth2.RegistrationConfig) {
		c.Approve = func(_ context.Context, c *oauth2.Client) error {
			switch c.Name {
			case "Xmail":
				return oauth2.ErrInvalidClientMetadata.With("This name is taken.")
			case "fault":
				return errors.New("the directory is down")
			}
			c.Name += ", approved"
			return nil
		}
	}))
	require.Equal(t, "Zoë's app, approved", w.registered(nil).str("client_name"))
	got := w.register(appMetadata(members{"client_name": "Xmail"}))
	refused(t, got, http.StatusBadRequest, "invalid_client_metadata")
	require.Equal(t, "This name is taken.", got.str("error_description"))
	refused(t, w.register(appMetadata(members{"client_name": "fault"})), http.StatusServiceUnavailable, "temporarily_unavailable")
}

func TestRegistrationsOfOneAddressAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration(), func(cfg *oauth2.ServerConfig) { cfg.TrustedProxies = networks("127.0.0.0/8") })
	from := func(addr string) answer {
		return w.raw(http.MethodPost, "/register", strings.NewReader(`{"redirect_uris":["https://new.example.com/cb"]}`), "X-Forwarded-For", addr, "Content-Type", "application/json")
	}
	created, limited := 0, 0
	for range 400 {
		switch got := from(attackerAddr); got.status {
		case http.StatusCreated:
			created++
		case http.StatusTooManyRequests:
			limited++
			require.NotEmpty(t, got.header.Get("Retry-After"))
			require.Equal(t, "temporarily_unavailable", got.str("error"))
		default:
			require.Fail(t, got.body)
		}
	}
	require.Equal(t, 300, created)
	require.Equal(t, 100, limited)
	require.Equal(t, http.StatusCreated, from(honestAddr).status)
	w.clock.Advance(5 * time.Second)
	require.Equal(t, http.StatusCreated, from(attackerAddr).status)
	require.Equal(t, http.StatusTooManyRequests, from(attackerAddr).status)
}

func TestPagesOfAnyOriginRegisterWhereAnybodyMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	got := w.raw(http.MethodOptions, "/register", nil, "Origin", "https://anywhere.example", "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization,content-type")
	require.Equal(t, http.StatusNoContent, got.status)
	require.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, got.header.Get("Access-Control-Allow-Methods"), "PUT")
	require.Contains(t, got.header.Get("Access-Control-Allow-Headers"), "Authorization")
	require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"))
	require.Equal(t, "*", w.registered(nil).header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "*", w.register(`{}`).header.Get("Access-Control-Allow-Origin"), "refusals can be read too")
}

func TestRegistrationIsNeitherServedNorToldUnlessConfigured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, http.StatusNotFound, w.register(appMetadata(nil)).status)
	recorder := httptest.NewRecorder()
	w.server.Register(recorder, httptest.NewRequest(http.MethodPost, "/register", nil))
	require.Equal(t, http.StatusNotFound, recorder.Code)
	require.NotContains(t, w.get(direct, "/.well-known/oauth-authorization-server", nil).json, "registration_endpoint")

	w = newWorld(t, withRegistration(), func(cfg *oauth2.ServerConfig) { cfg.Endpoints.Registration = "/clients" })
	told := w.get(direct, "/.well-known/oauth-authorization-server", nil)
	require.Equal(t, w.url+"/clients", told.str("registration_endpoint"))
	got := w.sendJSON(http.MethodPost, told.str("registration_endpoint"), "", appMetadata(nil))
	require.Equal(t, http.StatusCreated, got.status, got.body)
	require.Equal(t, http.StatusOK, w.manage(http.MethodGet, got, nil).status)
}

func TestParallelRegistrationsAreClientsOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	ids := make([]string, 16)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() { ids[i] = w.register(appMetadata(nil)).str("client_id") })
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, id := range ids {
		require.NotEmpty(t, id)
		require.False(t, seen[id])
		seen[id] = true
	}
}
