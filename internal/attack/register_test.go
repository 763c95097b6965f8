package attack

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/redisstore"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

var registrationAttacks = []attack{
	{name: "a redirect URI that leads astray is not registered", source: "RFC 7591 section 5, RFC 9700 section 4.1", run: registerRedirects},
	{name: "a stranger registers no right of its own choice", source: "RFC 7591 sections 2 and 5", run: registerRights},
	{name: "a stranger registers no name that reads as another", source: "RFC 7591 section 5", run: registerNames},
	{name: "a stranger has no details that it did not register for", source: "RFC 9396 section 10", run: registerDetails},
	{name: "a document that is none is a quick refusal", source: "RFC 8259 section 8.1", run: registerGarbage},
	{name: "a jwks_uri is not fetched because somebody registered it", source: "Keycloak CVE-2020-10770", run: registerInward},
	{name: "nobody but the client manages its registration", source: "RFC 7592 sections 2 and 5", run: manageForeign},
	{name: "a registration access token opens nothing else", source: "RFC 7592 section 5", run: manageNothingElse},
	{name: "a replaced registration access token manages nothing", source: "RFC 7592 section 5", run: manageReplaced},
	{name: "of 16 parallel changes one is made", source: "RFC 7592 section 2.2", run: manageParallel},
	{name: "a deleted client is gone everywhere", source: "RFC 7592 section 2.3", run: manageDeleted},
	{name: "a registered client makes this server no open redirector", source: "RFC 9700 section 4.11.2", run: registerRedirector},
	{name: "a flood of registrations is limited", source: "RFC 7591 section 3", only: embedded, run: registerFlood},
}

// A bothStores has the clients of a target, and those that registered themselves beside its records.
type bothStores struct {
	fixed *memory.Clients
	oauth2.ClientRegistry
}

func (b bothStores) Client(ctx context.Context, id string) (*oauth2.Client, error) {
	client, err := b.fixed.Client(ctx, id)
	if errors.Is(err, oauth2.ErrNotFound) {
		return b.ClientRegistry.Client(ctx, id)
	}
	return client, err
}

// registeredBeside finds the registry of a store of records.
func registeredBeside(fixed *memory.Clients, tokens oauth2.TokenStore) oauth2.ClientStore {
	switch store := tokens.(type) {
	case *sqlstore.Store:
		return bothStores{fixed, store.Clients()}
	case *redisstore.Store:
		return bothStores{fixed, store.Clients()}
	}
	return fixed
}

// openRegistration is how the application of these tests registers clients.
func openRegistration() *oauth2.RegistrationConfig {
	return &oauth2.RegistrationConfig{Open: true, Policy: oauth2.RegistrationPolicy{Scope: oauth2.Scope{scopeRead}, AuthorizationDetailsTypes: []string{exportType}}}
}

type document = map[string]any

const newcomerRedirect = "https://newcomer.example/cb"

// newcomer is good metadata of a public client, changed by changes; nil removes a member.
func newcomer(changes document) document {
	d := document{"redirect_uris": []string{newcomerRedirect}, "grant_types": []string{"authorization_code", "refresh_token"}, "token_endpoint_auth_method": "none"}
	for name, value := range changes {
		if d[name] = value; value == nil {
			delete(d, name)
		}
	}
	return d
}

func (s *site) sendJSON(method, target, token string, body any) answer {
	s.t.Helper()
	text, ok := body.(string)
	if !ok {
		data, err := json.Marshal(body)
		require.NoError(s.t, err)
		text = string(data)
	}
	r, err := http.NewRequest(method, target, strings.NewReader(text))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.do(s.client, r)
}

func (s *site) registerURL() string {
	return s.get(metadataURL(s.t, s.issuer)).str("registration_endpoint")
}

func (s *site) register(body any) answer {
	s.t.Helper()
	return s.sendJSON(http.MethodPost, s.registerURL(), "", body)
}

func (s *site) registered(changes document) answer {
	s.t.Helper()
	got := s.register(newcomer(changes))
	require.Equal(s.t, http.StatusCreated, got.status, got.body)
	return got
}

// manage calls the client configuration endpoint with the token of a registration.
func (s *site) manage(method string, of answer, body any) answer {
	s.t.Helper()
	return s.sendJSON(method, of.str("registration_client_uri"), of.str("registration_access_token"), body)
}

// requestOf is an authorization request of a newcomer.
func (s *site) requestOf(of answer, pairs ...string) attempt {
	return s.request(append([]string{"client_id", of.str("client_id"), "redirect_uri", newcomerRedirect, "scope", scopeRead}, pairs...)...)
}

func registerRedirects(t *testing.T, s *site) {
	for _, uri := range []string{
		"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,<script>alert(1)</script>", "file:///etc/passwd", "vbscript:x", "blob:https://newcomer.example/x",
		"http://newcomer.example/cb", "https://newcomer.example/cb#fragment", "https://newcomer.example/cb#", "https://*.example/cb", "https://newcomer.example/*",
		"https://user:password@newcomer.example/cb", "https://newcomer.example/../cb", "//newcomer.example/cb", "/cb", "", "https://", "https:newcomer.example",
		"myapp:/cb", "http://127.0.0.1.newcomer.example/cb", "http://localhost.newcomer.example/cb", "http://169.254.169.254/cb", "https://newcomer.example\\@evil.example/cb",
		"https://newcomer.example/cb\r\nX: y", "https://newcomer.example /cb", "https://newcomer.example/\u202ecb",
	} {
		for _, uris := range [][]string{{uri}, {newcomerRedirect, uri}} {
			for _, kind := range []any{nil, "web", "native"} {
				got := s.register(newcomer(document{"redirect_uris": uris, "application_type": kind}))
				s.refused(got, http.StatusBadRequest, "invalid_redirect_uri")
			}
		}
	}
	s.refused(s.register(newcomer(document{"redirect_uris": []string{"http://127.0.0.1/cb"}, "application_type": "web"})), http.StatusBadRequest, "invalid_redirect_uri")
	s.refused(s.register(newcomer(document{"redirect_uris": nil})), http.StatusBadRequest, "invalid_redirect_uri")
}

func registerRights(t *testing.T, s *site) {
	got := s.registered(document{
		"client_id": web, "client_secret": "chosen-by-the-client-itself", "client_secrets": []document{{"hash": oauth2.HashSecret("chosen-by-the-client-itself")}},
		"token_endpoint_auth_method": "client_secret_basic", "resource_server": true, "resources": []string{s.apiURL}, "pkce_optional": true, "dynamic": false,
		"access_lifetime": 1 << 60, "code_lifetime": 1 << 60, "registration": document{"token_digest": "x"}, "scope": scopeRead + " " + scopeStats,
	})
	id := got.str("client_id")
	require.NotEqual(t, web, id)
	require.NotEqual(t, "chosen-by-the-client-itself", got.str("client_secret"))
	require.Equal(t, scopeRead, got.str("scope"))
	access, _ := s.tokens()
	s.refused(s.callWith(s.introspectURL, id, got.str("client_secret"), "token", access), http.StatusForbidden, "unauthorized_client")
	s.refused(s.callWith(s.tokenURL, id, "chosen-by-the-client-itself", "grant_type", "refresh_token"), http.StatusUnauthorized, "invalid_client")
	for _, grantType := range []string{"client_credentials", "password", "implicit", "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:jwt-bearer"} {
		s.refused(s.register(newcomer(document{"grant_types": []string{grantType}, "token_endpoint_auth_method": nil})), http.StatusBadRequest, "invalid_client_metadata")
		require.Contains(t, []string{"unauthorized_client", "unsupported_grant_type"}, s.callWith(s.tokenURL, id, got.str("client_secret"), "grant_type", grantType).str("error"))
	}
	s.refused(s.register(newcomer(document{"scope": scopeStats})), http.StatusBadRequest, "invalid_client_metadata")
}

func registerNames(t *testing.T, s *site) {
	for _, name := range []string{"Xmail\u202etxe", "Xmail\u0000", "Xmail\nverified", "Xmail\u2066x", "X\u00admail", "X\u200bmail", "\u3164", "\u2003", strings.Repeat("Xmail ", 100)} {
		s.refused(s.register(newcomer(document{"client_name": name})), http.StatusBadRequest, "invalid_client_metadata")
	}
	for _, member := range []string{"logo_uri", "client_uri", "policy_uri", "tos_uri"} {
		for _, uri := range []string{"javascript:alert(1)", "data:text/html,x", "http://newcomer.example/", "https://user@newcomer.example/", "//newcomer.example", "https://newcomer.example\n"} {
			s.refused(s.register(newcomer(document{member: uri})), http.StatusBadRequest, "invalid_client_metadata")
		}
	}
	got := s.registered(document{"client_name": `"><script>alert(1)</script>`})
	page := s.alice().open(s.requestOf(got))
	require.NotContains(t, page.body, "<script>alert(1)")
}

func registerDetails(t *testing.T, s *site) {
	got := s.registered(document{"authorization_details_types": []string{exportType, "payment", "Contacts_export", exportType + " "}})
	var told struct {
		Types []string `json:"authorization_details_types"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &told))
	require.Equal(t, []string{exportType}, told.Types)
	page := s.alice().ask(s.requestOf(got, "authorization_details", names(731)))
	require.Contains(t, page.body, "731", "and the resource owner is shown them")

	plain := s.registered(nil)
	s.refusedOnPage(s.alice().open(s.requestOf(plain, "authorization_details", names(1))), "a type that was not registered")
	s.refused(s.register(newcomer(document{"authorization_details_types": exportType})), http.StatusBadRequest, "invalid_client_metadata")
}

func registerGarbage(t *testing.T, s *site) {
	for _, body := range []string{
		"", "null", "[]", "0", `"x"`, "{", "{}{}", "\x00", "\xff\xfe", `{"redirect_uris":`, strings.Repeat("[", 10_000), `{"a":` + strings.Repeat("[", 8_000),
		`{"redirect_uris":["https://newcomer.example/cb"],"redirect_uris":["https://evil.example/cb"]}`, `{"redirect_uris":{"0":"https://newcomer.example/cb"}}`,
		`{"redirect_uris":["https://newcomer.example/cb"],"scope":{}}`, `{"redirect_uris":["https://newcomer.example/cb"],"grant_types":"authorization_code"}`,
		`{"redirect_uris":["https://newcomer.example/cb"],"jwks":[]}`, `{"redirect_uris":["https://newcomer.example/cb"],"jwks":{"keys":[{"kty":"oct","k":"AAAA"}]}}`,
	} {
		s.refused(s.register(body), http.StatusBadRequest, "invalid_client_metadata")
	}
	s.refused(s.register(`{"client_name":"`+strings.Repeat("a", 8<<20)+`"}`), http.StatusRequestEntityTooLarge, "invalid_client_metadata")
	r := s.form(s.registerURL(), values("redirect_uris", newcomerRedirect))
	s.refused(s.do(s.client, r), http.StatusBadRequest, "invalid_client_metadata")
}

func registerInward(t *testing.T, s *site) {
	for _, uri := range []string{"http://169.254.169.254/latest", "file:///etc/passwd", "https://user@127.0.0.1/jwks", "gopher://127.0.0.1/"} {
		s.refused(s.register(newcomer(document{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri})), http.StatusBadRequest, "invalid_client_metadata")
	}
	got := s.registered(document{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": startTrap(t).url, "logo_uri": startTrap(t).url, "request_uris": []string{startTrap(t).url}})
	s.alice().open(s.requestOf(got))
	s.alice().open(s.requestOf(got, "request_uri", startTrap(t).url))
	require.Zero(t, startTrap(t).connected.Load())
}

func manageForeign(t *testing.T, s *site) {
	mine, other := s.registered(nil), s.registered(nil)
	access, refresh := s.tokens()
	for _, token := range []string{"", "x", other.str("registration_access_token"), access, refresh, "reg_", "reg_" + strings.Repeat("A", 43), mine.str("registration_access_token") + "A"} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			got := s.sendJSON(method, mine.str("registration_client_uri"), token, newcomer(document{"client_id": mine.str("client_id"), "client_name": "stolen"}))
			s.refused(got, http.StatusUnauthorized, "invalid_token")
			unknown := s.sendJSON(method, s.registerURL()+"?client_id=nobody", token, newcomer(document{"client_id": "nobody"}))
			require.Equal(t, got.body, unknown.body, "nobody learns which clients there are")
		}
	}
	for _, id := range []string{web, api, other.str("client_id"), "", "nobody"} {
		got := s.sendJSON(http.MethodDelete, s.registerURL()+"?client_id="+id, mine.str("registration_access_token"), "")
		s.refused(got, http.StatusUnauthorized, "invalid_token")
	}
	for _, wish := range []document{{"client_id": web}, {"client_id": nil}, {"client_id": mine.str("client_id"), "client_secret": "chosen-by-the-client-itself"}} {
		s.refused(s.manage(http.MethodPut, mine, newcomer(wish)), http.StatusBadRequest, "invalid_client_metadata")
	}
	require.Equal(t, http.StatusOK, s.manage(http.MethodGet, mine, "").status)
}

func manageNothingElse(t *testing.T, s *site) {
	got := s.registered(nil)
	token, id := got.str("registration_access_token"), got.str("client_id")
	require.Equal(t, http.StatusUnauthorized, s.contacts(token).status)
	require.False(t, s.active(token))
	for _, pairs := range [][]string{
		{"grant_type", "refresh_token", "refresh_token", token, "client_id", id},
		{"grant_type", "authorization_code", "code", token, "redirect_uri", newcomerRedirect, "code_verifier", strings.Repeat("v", 43), "client_id", id},
	} {
		s.refused(s.do(s.client, s.form(s.tokenURL, values(pairs...))), http.StatusBadRequest, "invalid_grant")
	}
	s.refused(s.callWith(s.tokenURL, id, token, "grant_type", "refresh_token"), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, http.StatusOK, s.manage(http.MethodGet, got, "").status)
}

func manageReplaced(t *testing.T, s *site) {
	first := s.registered(nil)
	second := s.manage(http.MethodPut, first, newcomer(document{"client_id": first.str("client_id"), "client_name": "second"}))
	require.Equal(t, http.StatusOK, second.status, second.body)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		s.refused(s.manage(method, first, newcomer(document{"client_id": first.str("client_id"), "client_name": "third"})), http.StatusUnauthorized, "invalid_token")
	}
	require.Equal(t, "second", s.manage(http.MethodGet, second, "").str("client_name"))
}

func manageParallel(t *testing.T, s *site) {
	first := s.registered(nil)
	answers := make([]answer, 16)
	together(len(answers), func(i int) {
		answers[i] = s.manage(http.MethodPut, first, newcomer(document{"client_id": first.str("client_id"), "client_name": strings.Repeat("x", i+1)}))
	})
	made := 0
	for _, got := range answers {
		if got.status == http.StatusOK {
			made++
			require.Equal(t, got.str("client_name"), s.manage(http.MethodGet, got, "").str("client_name"))
		}
	}
	require.Equal(t, 1, made)
}

func manageDeleted(t *testing.T, s *site) {
	got := s.registered(nil)
	id := got.str("client_id")
	grant := s.alice().approved(s.requestOf(got), newcomerRedirect)
	redeem := func() answer {
		return s.do(s.client, s.form(s.tokenURL, values("grant_type", "authorization_code", "client_id", id, "code", grant.code, "redirect_uri", newcomerRedirect, "code_verifier", grant.verifier)))
	}
	tokens := redeem()
	require.Equal(t, http.StatusOK, tokens.status, tokens.body)
	page := s.alice().ask(s.requestOf(got))
	require.Equal(t, http.StatusNoContent, s.manage(http.MethodDelete, got, "").status)

	require.False(t, s.active(tokens.str("access_token")))
	require.Equal(t, http.StatusUnauthorized, s.contacts(tokens.str("access_token")).status)
	refresh := values("grant_type", "refresh_token", "client_id", id, "refresh_token", tokens.str("refresh_token"))
	s.refused(s.do(s.client, s.form(s.tokenURL, refresh)), http.StatusUnauthorized, "invalid_client")
	s.refused(redeem(), http.StatusUnauthorized, "invalid_client")
	s.refusedOnPage(s.alice().decide(page, "yes"), "a page of a client that is gone")
	s.refusedOnPage(s.alice().open(s.requestOf(got)), "a client that is gone")
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		s.refused(s.manage(method, got, newcomer(document{"client_id": id})), http.StatusUnauthorized, "invalid_token")
	}
}

func registerRedirector(_ *testing.T, s *site) {
	got := s.registered(nil)
	for _, pairs := range [][]string{
		{"scope", "unknown"}, {"scope", scopeStats}, {"response_type", "token"}, {"response_type", ""}, {"code_challenge", ""}, {"code_challenge_method", "plain"},
		{"prompt", "none"}, {"prompt", "none login"}, {"max_age", "x"}, {"resource", "https://unknown.example"}, {"response_mode", "x"}, {"dpop_jkt", "x"},
	} {
		s.refusedOnPage(s.browser("").open(s.requestOf(got, pairs...)), strings.Join(pairs, "="))
	}
}

func registerFlood(t *testing.T, s *site) {
	flooded := s.anew()
	var mu sync.Mutex
	seen := map[int]int{}
	together(8, func(int) {
		for range 50 {
			got := flooded.sendJSON(http.MethodPost, flooded.issuer+"/register", "", newcomer(nil))
			mu.Lock()
			seen[got.status]++
			mu.Unlock()
		}
	})
	require.Equal(t, map[int]int{http.StatusCreated: 300, http.StatusTooManyRequests: 100}, seen)
}
