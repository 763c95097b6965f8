package oauth2_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

const (
	service  = "service"  // confidential: token exchange and client credentials; scope read
	upstream = "upstream" // confidential: token exchange; scopes read and write
)

// allow is a policy that says one thing.
func allow(mode oauth2.ExchangeMode) func(context.Context, *oauth2.TokenExchange) (oauth2.ExchangeMode, error) {
	return func(context.Context, *oauth2.TokenExchange) (oauth2.ExchangeMode, error) { return mode, nil }
}

// newExchangeWorld has three APIs, and two services that exchange; files take JWTs.
func newExchangeWorld(t testing.TB, grant oauth2.TokenExchangeGrant, configure ...func(*oauth2.ServerConfig)) *world {
	w := newWorld(t, append([]func(*oauth2.ServerConfig){func(cfg *oauth2.ServerConfig) {
		cfg.Grants = []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.RefreshGrant{}, oauth2.ClientCredentialsGrant{}, grant}
		cfg.Resources = []oauth2.Resource{{URI: contactsAPI}, {URI: mailAPI}, {URI: filesAPI, Format: oauth2.FormatJWT}}
		cfg.Keys = &oauth2.SigningKeys{SealingKeys: [][]byte{make([]byte, 32)}}
		cfg.DPoP = &oauth2.DPoPConfig{}
	}}, configure...)...)
	for id, scope := range map[string]oauth2.Scope{service: {"read"}, upstream: {"read", "write"}} {
		require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{
			ID: id, Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf(id))}}, Scope: scope,
			GrantTypes: []string{oauth2.GrantTokenExchange, oauth2.GrantClientCredentials},
		}))
	}
	return w
}

const (
	contactsAPI = "https://contacts.example.com"
	mailAPI     = "https://mail.example.com"
	filesAPI    = "https://files.example.com"
)

// exchange exchanges an access token as a client, with pairs beside it.
func (w *world) exchange(client, subject string, pairs ...string) answer {
	w.t.Helper()
	form := values("grant_type", oauth2.GrantTokenExchange, "subject_token", subject, "subject_token_type", oauth2.TokenTypeAccessToken)
	for i := 0; i+1 < len(pairs); i += 2 {
		if form.Del(pairs[i]); pairs[i+1] != "" {
			form.Set(pairs[i], pairs[i+1])
		}
	}
	return w.post("/token", client, form)
}

// told is what introspection tells about a token.
func (w *world) told(token string) map[string]any {
	w.t.Helper()
	return w.post("/introspect", api, values("token", token)).json
}

func (w *world) userToken(pairs ...string) string {
	access, _ := w.tokens(append([]string{"resource", contactsAPI}, pairs...)...)
	return access
}

func TestAnExchangedTokenIsTheSubjectsAndTheClients(t *testing.T) {
	t.Parallel()
	for mode, act := range map[oauth2.ExchangeMode]any{
		oauth2.Impersonate: nil,
		oauth2.Delegate:    map[string]any{"sub": service, "client_id": service},
	} {
		w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(mode)})
		got := w.exchange(service, w.userToken())
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, oauth2.TokenTypeAccessToken, got.str("issued_token_type"))
		require.Equal(t, "Bearer", got.str("token_type"))
		require.Equal(t, "read", got.str("scope"))
		require.NotContains(t, got.json, "refresh_token")
		told := w.told(got.str("access_token"))
		require.Equal(t, "alice", told["sub"])
		require.Equal(t, service, told["client_id"])
		require.Equal(t, contactsAPI, told["aud"])
		require.Equal(t, act, told["act"])
		info, err := w.server.Check(t.Context(), got.str("access_token"))
		require.NoError(t, err)
		record, err := w.store.Get(t.Context(), info.AuthorizationID)
		require.NoError(t, err)
		require.Equal(t, 3, record.Format, "an older replica would drop the limit")
		require.Len(t, record.Parents, 1)
	}
}

func TestAGrantWithoutAPolicyIsNoConfiguration(t *testing.T) {
	t.Parallel()
	keys := []oauth2.TrustedIssuer{{Issuer: "https://idp.example.com"}, {Issuer: "https://id.example.com", JWKSURI: "http://x", Algorithms: []oauth2.SignatureAlgorithm{"HS256"}}, {JWKS: []byte(`{}`), IDJAG: true}, {Issuer: "https://idp.example.com"}}
	for want, grant := range map[string]oauth2.GrantHandler{
		"Policy is required":                        oauth2.TokenExchangeGrant{},
		"IdentityAssertion needs Keys":              oauth2.TokenExchangeGrant{IdentityAssertion: func(context.Context, *oauth2.TokenExchange) (*oauth2.IdentityAssertion, error) { return nil, nil }},
		"Issuers and Accept need each other":        oauth2.TokenExchangeGrant{Issuers: keys},
		"an ID-JAG is no subject token":             &oauth2.TokenExchangeGrant{Issuers: keys},
		"Approve is required":                       oauth2.JWTBearerGrant{},
		"Issuers is required":                       oauth2.JWTBearerGrant{},
		"has no Issuer":                             oauth2.JWTBearerGrant{Issuers: keys},
		"is this server itself":                     oauth2.JWTBearerGrant{Issuers: keys},
		`has "https://idp.example.com" twice`:       oauth2.JWTBearerGrant{Issuers: keys},
		"has not exactly one of JWKS and JWKSURI":   oauth2.JWTBearerGrant{Issuers: keys},
		"has a JWKSURI that is no https URL":        oauth2.JWTBearerGrant{Issuers: keys},
		"has a JWKS that is no JWK Set":             oauth2.JWTBearerGrant{Issuers: keys},
		`the algorithm "HS256", which is not`:       oauth2.JWTBearerGrant{Issuers: keys},
		"MaxLifetime 2h0m0s is negative or longer":  oauth2.JWTBearerGrant{MaxLifetime: 2 * time.Hour},
		"MaxLifetime -1ns is negative or longer th": oauth2.JWTBearerGrant{MaxLifetime: -1},
	} {
		cfg := minimal()
		cfg.Grants = []oauth2.GrantHandler{grant}
		_, err := oauth2.New(cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestAPolicyThatSaysNothingRefuses(t *testing.T) {
	t.Parallel()
	own := oauth2.ErrInvalidTarget.With("Not there.")
	for code, policy := range map[string]func(context.Context, *oauth2.TokenExchange) (oauth2.ExchangeMode, error){
		"invalid_request": allow(oauth2.Refuse),
		"invalid_target": func(context.Context, *oauth2.TokenExchange) (oauth2.ExchangeMode, error) {
			return oauth2.Impersonate, own
		},
		"temporarily_unavailable": func(context.Context, *oauth2.TokenExchange) (oauth2.ExchangeMode, error) { return "", errors.New("no") },
	} {
		w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: policy})
		got := w.exchange(service, w.userToken())
		require.Equal(t, code, got.str("error"), got.body)
		require.NotContains(t, got.json, "access_token")
	}
	w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow("anything")})
	refused(t, w.exchange(service, w.userToken()), 400, "invalid_request")
}

func TestAPolicySeesWhatTheTokensStandFor(t *testing.T) {
	t.Parallel()
	var seen *oauth2.TokenExchange
	w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: func(_ context.Context, x *oauth2.TokenExchange) (oauth2.ExchangeMode, error) {
		seen = x
		return oauth2.Delegate, nil
	}})
	actor := w.token(service, "grant_type", "client_credentials").str("access_token")
	got := w.exchange(service, w.userToken(), "scope", "read", "resource", contactsAPI, "actor_token", actor, "actor_token_type", oauth2.TokenTypeAccessToken)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, service, seen.Client.ID)
	require.Equal(t, "alice", seen.Subject.Subject)
	require.Equal(t, webApp, seen.Subject.ClientID)
	require.Equal(t, service, seen.ActorToken.ClientID)
	require.Equal(t, &oauth2.Actor{Subject: service, ClientID: service}, seen.Actor)
	require.Equal(t, oauth2.TokenTypeAccessToken, seen.SubjectTokenType)
	require.Equal(t, oauth2.TokenTypeAccessToken, seen.RequestedTokenType)
	require.Equal(t, oauth2.Scope{"read"}, seen.Scope)
	require.Equal(t, []string{contactsAPI}, seen.Resource)
}

func TestAnExchangeNeverWidens(t *testing.T) {
	t.Parallel()
	w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Impersonate)})
	reads := w.userToken("scope", "read")
	refused(t, w.exchange(upstream, reads, "scope", "write"), 400, "invalid_scope")
	refused(t, w.exchange(upstream, reads, "scope", "read write"), 400, "invalid_scope")
	refused(t, w.exchange(service, w.userToken(), "scope", "write"), 400, "invalid_scope")
	refused(t, w.exchange(service, w.userToken("scope", "write")), 400, "invalid_scope")
	refused(t, w.exchange(upstream, reads, "resource", mailAPI), 400, "invalid_target")
	refused(t, w.exchange(upstream, reads, "audience", mailAPI), 400, "invalid_target")
	refused(t, w.exchange(upstream, reads, "audience", "https://unknown.example.com"), 400, "invalid_target")
	refused(t, w.exchange(upstream, reads, "resource", "https://unknown.example.com"), 400, "invalid_target")
	refused(t, w.exchange(upstream, reads, "resource", contactsAPI, "audience", mailAPI), 400, "invalid_target")

	w.clock.Advance(50 * time.Minute)
	got := w.exchange(upstream, reads, "audience", contactsAPI)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.InDelta(t, 600, got.json["expires_in"], 1)
	require.Equal(t, "read", got.str("scope"))
	require.Equal(t, w.told(reads)["exp"], w.told(got.str("access_token"))["exp"])

	both := w.exchange(upstream, w.userToken())
	require.Equal(t, "read write", both.str("scope"))
	narrower := w.exchange(upstream, both.str("access_token"), "scope", "read")
	require.Equal(t, "read", narrower.str("scope"))
	refused(t, w.exchange(upstream, narrower.str("access_token"), "scope", "write"), 400, "invalid_scope")
}

func TestAnExchangedTokenEndsWithTheSubjectToken(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world, access, refresh string){
		"the token is revoked":         func(w *world, access, _ string) { w.post("/revoke", webApp, values("token", access)) },
		"the authorization is revoked": func(w *world, _, refresh string) { w.post("/revoke", webApp, values("token", refresh)) },
		"the owner is logged out": func(w *world, _, _ string) {
			_, err := w.server.ExpireSubject(t.Context(), "alice")
			require.NoError(t, err)
		},
		"the refresh token is reused": func(w *world, _, refresh string) {
			w.refresh(refresh)
			w.clock.Advance(10 * time.Minute)
			refused(t, w.refresh(refresh), 400, "invalid_grant")
		},
		"the token expires": func(w *world, _, _ string) { w.clock.Advance(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Delegate)})
			access, refresh := w.tokens("resource", contactsAPI)
			first := w.exchange(service, access).str("access_token")
			second := w.exchange(upstream, first).str("access_token")
			require.True(t, w.active(first))
			require.True(t, w.active(second))
			end(w, access, refresh)
			require.False(t, w.active(first))
			require.False(t, w.active(second))
			refused(t, w.exchange(upstream, first), 400, "invalid_request")
		})
	}
}

func TestAnExchangedTokenIsRevokedByItsOwnClientAlone(t *testing.T) {
	t.Parallel()
	w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Impersonate)})
	access := w.userToken()
	exchanged := w.exchange(service, access).str("access_token")
	refused(t, w.post("/revoke", webApp, values("token", exchanged)), 400, "invalid_grant")
	require.Equal(t, http.StatusOK, w.post("/revoke", service, values("token", exchanged)).status)
	require.False(t, w.active(exchanged))
	require.True(t, w.active(access))
}

func TestOnlyALiveAccessTokenOfAResourceOwnerIsASubjectToken(t *testing.T) {
	t.Parallel()
	w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Impersonate)})
	access, refresh := w.tokens("resource", contactsAPI)
	code := w.approve(codeRequest("resource", contactsAPI))
	ofMachine := w.token(machine, "grant_type", "client_credentials", "resource", contactsAPI).str("access_token")
	jwtOfMachine := w.token(machine, "grant_type", "client_credentials", "resource", filesAPI).str("access_token")
	revoked := w.userToken()
	w.post("/revoke", webApp, values("token", revoked))
	other := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Impersonate)})
	for name, subject := range map[string]string{
		"a code": code, "a refresh token": refresh, "another server's": other.userToken(), "garbage": "x", "JWT garbage": "a.b.c",
		"a machine's": ofMachine, "a machine's JWT": jwtOfMachine, "revoked": revoked,
		"flipped": changedAt(access, 30), "truncated": access[:len(access)-1], "extended": access + "A",
		"another kind": "rt_" + access[3:],
	} {
		got := w.exchange(service, subject)
		require.Equal(t, "invalid_request", got.str("error"), name)
		require.Equal(t, "subject_token is no token that is good for an exchange.", got.str("error_description"), name)
	}
	require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(code)).status, "no attempt used the code up")
	require.Equal(t, http.StatusOK, w.refresh(refresh).status, "nor the refresh token")
	for name, pairs := range map[string][]string{
		"no subject_token":              {"subject_token", ""},
		"no type":                       {"subject_token_type", ""},
		"an ID token":                   {"subject_token_type", oauth2.TokenTypeIDToken},
		"a refresh token by type":       {"subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token"},
		"SAML":                          {"subject_token_type", "urn:ietf:params:oauth:token-type:saml2"},
		"an opaque token as a JWT":      {"subject_token_type", oauth2.TokenTypeJWT},
		"an actor token without a type": {"actor_token", access},
		"a type without an actor token": {"actor_token_type", oauth2.TokenTypeAccessToken},
		"another's actor token":         {"actor_token", access, "actor_token_type", oauth2.TokenTypeAccessToken},
		"an actor token that is none":   {"actor_token", "x", "actor_token_type", oauth2.TokenTypeAccessToken},
		"an actor token of no type":     {"actor_token", "x", "actor_token_type", "x"},
		"an opaque actor token as JWT":  {"actor_token", access, "actor_token_type", oauth2.TokenTypeJWT},
		"a refresh token is requested":  {"requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"},
		"an ID-JAG is requested":        {"requested_token_type", oauth2.TokenTypeIDJAG},
		"a JWT of an API of others":     {"requested_token_type", oauth2.TokenTypeJWT},
	} {
		got := w.exchange(service, access, pairs...)
		require.Equal(t, "invalid_request", got.str("error"), name+": "+got.body)
	}
}

func TestOnlyAConfidentialClientThatIsRegisteredForItExchanges(t *testing.T) {
	t.Parallel()
	w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Impersonate)})
	access := w.userToken()
	refused(t, w.exchange(webApp, access), 400, "unauthorized_client")
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{ID: "public", GrantTypes: []string{oauth2.GrantTokenExchange}, Scope: oauth2.Scope{"read"}}))
	refused(t, w.exchange("", access, "client_id", "public"), 400, "unauthorized_client")
	refused(t, w.post("/token", "", values("grant_type", oauth2.GrantTokenExchange, "subject_token", access, "subject_token_type", oauth2.TokenTypeAccessToken)), 401, "invalid_client")
}

func TestAJWTIsExchangedAndIssuedWhereTheResourceTakesOne(t *testing.T) {
	t.Parallel()
	w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Delegate)})
	access, _ := w.tokens("resource", filesAPI)
	for _, tokenType := range []string{oauth2.TokenTypeJWT, oauth2.TokenTypeAccessToken} {
		got := w.exchange(service, access, "subject_token_type", tokenType, "requested_token_type", oauth2.TokenTypeJWT)
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, oauth2.TokenTypeJWT, got.str("issued_token_type"))
		claims := verified(t, w.jwks(), "at+jwt", got.str("access_token"))
		require.Equal(t, "alice", claims["sub"])
		require.Equal(t, map[string]any{"sub": service, "client_id": service}, claims["act"])
		require.Equal(t, claims["act"], w.told(got.str("access_token"))["act"])
	}
}

func TestABoundTokenIsExchangedWithAProofOfItsKeyAlone(t *testing.T) {
	t.Parallel()
	w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Impersonate)})
	key, other := w.dpopKey(), w.dpopKey()
	exchanging := func(subject string) url.Values {
		return values("grant_type", oauth2.GrantTokenExchange, "subject_token", subject, "subject_token_type", oauth2.TokenTypeAccessToken)
	}
	bound := w.tokenProven(webApp, redemption(w.approve(codeRequest("resource", contactsAPI))), key)
	require.Equal(t, "DPoP", bound.str("token_type"), bound.body)
	refused(t, w.exchange(service, bound.str("access_token")), 400, "invalid_request")
	refused(t, w.tokenProven(service, exchanging(bound.str("access_token")), other), 400, "invalid_request")
	got := w.tokenProven(service, exchanging(bound.str("access_token")), key)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "DPoP", got.str("token_type"))
	require.Equal(t, w.told(bound.str("access_token"))["cnf"], w.told(got.str("access_token"))["cnf"])

	plain := w.tokenProven(service, exchanging(w.userToken()), other)
	require.Equal(t, "DPoP", plain.str("token_type"), "a bearer token may become a bound one")
}

func TestLintFindsExchangesAndAssertionsThatAreUnwise(t *testing.T) {
	t.Parallel()
	cfg := minimal()
	public := &oauth2.Client{ID: "spa", Scope: oauth2.Scope{"read"}, GrantTypes: []string{oauth2.GrantTokenExchange}}
	found := func() []string {
		return said(append(oauth2.Lint(oauth2.ProfileOAuth21, cfg, public), oauth2.Lint(oauth2.ProfileFAPI2, cfg, public)...))
	}
	require.Contains(t, found(), "RFC 8693 section 2.1 | must | client spa")
	require.NotContains(t, found(), "RFC 7523 section 2.1 | should | Grants")
	bad := oauth2.JWTBearerGrant{PublicClients: true, Issuers: []oauth2.TrustedIssuer{{Algorithms: []oauth2.SignatureAlgorithm{oauth2.RS256}}}}
	for _, grant := range []oauth2.GrantHandler{bad, &bad} {
		cfg.Grants = []oauth2.GrantHandler{oauth2.CodeGrant{}, nil, grant}
		require.Contains(t, found(), "RFC 7523 section 2.1 | should | Grants")
		require.Contains(t, found(), "FAPI 2.0 section 5.4.1 item 1 | must | Grants")
	}
	cfg.Grants = []oauth2.GrantHandler{oauth2.TokenExchangeGrant{Issuers: bad.Issuers}}
	require.Contains(t, found(), "FAPI 2.0 section 5.4.1 item 1 | must | Grants")
	cfg.Grants = []oauth2.GrantHandler{oauth2.TokenExchangeGrant{}, oauth2.JWTBearerGrant{}}
	require.NotContains(t, found(), "FAPI 2.0 section 5.4.1 item 1 | must | Grants")
}
