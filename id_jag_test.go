package oauth2_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// An enterprise is an identity provider that vouches for its users, and an application's server that
// believes it.
type enterprise struct {
	idp, app *world
	vouch    func(*oauth2.TokenExchange) (*oauth2.IdentityAssertion, error)
	seen     *oauth2.BearerAssertion
}

const (
	wikiAtIDP = webApp    // the client's ID at the identity provider
	wikiAtApp = "wiki-42" // and at the application
)

func newEnterprise(t testing.TB) *enterprise {
	e := &enterprise{}
	e.vouch = func(x *oauth2.TokenExchange) (*oauth2.IdentityAssertion, error) {
		if x.Audience[0] != e.app.url || x.Client.ID != wikiAtIDP {
			return nil, nil
		}
		return &oauth2.IdentityAssertion{
			Audience: e.app.url, ClientID: wikiAtApp, Scope: x.Scope, Resource: x.Resource,
			Claims: map[string]any{"email": "alice@example.com", "sub": "forged", "aud": "forged", "resource": "forged", "act": "forged"},
		}, nil
	}
	e.idp = newExchangeWorld(t, oauth2.TokenExchangeGrant{IdentityAssertion: func(_ context.Context, x *oauth2.TokenExchange) (*oauth2.IdentityAssertion, error) {
		return e.vouch(x)
	}})
	for _, id := range []string{wikiAtIDP, otherApp} {
		client, err := e.idp.clients.Client(t.Context(), id)
		require.NoError(t, err)
		client = client.Clone()
		client.GrantTypes = append(client.GrantTypes, oauth2.GrantTokenExchange)
		require.NoError(t, e.idp.clients.UpdateClient(t.Context(), client))
	}
	keys := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/jwks"
		e.idp.server.ServeHTTP(w, r)
	}))
	t.Cleanup(keys.Close)
	e.app = newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Refuse)}, func(cfg *oauth2.ServerConfig) {
		cfg.HTTPClient = keys.Client()
		cfg.Grants = append(cfg.Grants, oauth2.JWTBearerGrant{
			Issuers: []oauth2.TrustedIssuer{{Issuer: e.idp.url, JWKSURI: keys.URL, IDJAG: true}},
			Approve: func(_ context.Context, a *oauth2.BearerAssertion) (*oauth2.Approval, error) {
				e.seen = a
				return &oauth2.Approval{Subject: "app-" + a.Subject}, nil
			},
		})
	})
	require.NoError(t, e.app.clients.CreateClient(t.Context(), &oauth2.Client{
		ID: wikiAtApp, Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf(wikiAtApp))}}, Scope: oauth2.Scope{"read", "write"},
		GrantTypes: []string{oauth2.GrantJWTBearer},
	}))
	return e
}

// ask asks the identity provider for an ID-JAG.
func (e *enterprise) ask(client, subject string, pairs ...string) answer {
	return e.idp.exchange(client, subject, append([]string{"requested_token_type", oauth2.TokenTypeIDJAG, "audience", e.app.url}, pairs...)...)
}

func (e *enterprise) bring(assertion string, pairs ...string) answer {
	return e.app.token(wikiAtApp, append([]string{"grant_type", oauth2.GrantJWTBearer, "assertion", assertion}, pairs...)...)
}

func TestAnIDJAGOfOneServerIsAnAccessTokenOfAnother(t *testing.T) {
	t.Parallel()
	e := newEnterprise(t)
	got := e.ask(wikiAtIDP, e.idp.userToken(), "scope", "read elsewhere", "resource", contactsAPI)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "N_A", got.str("token_type"))
	require.Equal(t, oauth2.TokenTypeIDJAG, got.str("issued_token_type"))
	require.Equal(t, "read elsewhere", got.str("scope"), "scopes are the other server's")
	require.InDelta(t, 300, got.json["expires_in"], 1)
	require.NotContains(t, got.json, "refresh_token")
	assertion := got.str("access_token")
	claims := verified(t, e.idp.jwks(), "oauth-id-jag+jwt", assertion)
	for name, want := range map[string]any{
		"iss": e.idp.url, "sub": "alice", "aud": e.app.url, "client_id": wikiAtApp, "scope": "read elsewhere", "resource": []any{contactsAPI}, "email": "alice@example.com",
	} {
		require.Equal(t, want, claims[name], name)
	}
	require.NotEmpty(t, claims["jti"])
	require.NotContains(t, claims, "act")
	require.Contains(t, e.idp.eventTypes(), oauth2.EventIdentityAsserted)

	token := e.bring(assertion)
	require.Equal(t, http.StatusOK, token.status, token.body)
	require.Equal(t, "read", token.str("scope"))
	told := e.app.told(token.str("access_token"))
	require.Equal(t, "app-alice", told["sub"])
	require.Equal(t, contactsAPI, told["aud"])
	require.Equal(t, "alice@example.com", e.seen.Claims["email"])
	refused(t, e.bring(assertion), 400, "invalid_grant")
	require.False(t, e.idp.active(assertion), "it is no access token of the one")
	require.False(t, e.app.active(assertion), "nor of the other")
	refused(t, e.ask(wikiAtIDP, assertion), 400, "invalid_request")
}

func TestAnIDJAGIsVouchedForWithTheClientsOwnTokenAlone(t *testing.T) {
	t.Parallel()
	e := newEnterprise(t)
	access, refresh := e.idp.tokens("resource", contactsAPI)
	refused(t, e.ask(otherApp, access), 400, "invalid_request")
	refused(t, e.ask(wikiAtIDP, refresh), 400, "invalid_request")
	refused(t, e.ask(wikiAtIDP, access, "audience", "https://other.example.com"), 400, "invalid_request")
	refused(t, e.ask(wikiAtIDP, access, "audience", ""), 400, "invalid_request")
	refused(t, e.ask(wikiAtIDP, access, "scope", "a  b"), 400, "invalid_scope")
	refused(t, e.ask(wikiAtIDP, access, "actor_token", access, "actor_token_type", oauth2.TokenTypeAccessToken), 400, "invalid_request")
	refused(t, e.ask(wikiAtIDP, access, "authorization_details", `[{"type":"payment"}]`), 400, "invalid_authorization_details")
	refused(t, e.ask(wikiAtIDP, access, "requested_token_type", oauth2.TokenTypeAccessToken), 400, "invalid_request")
	e.idp.post("/revoke", wikiAtIDP, values("token", access))
	refused(t, e.ask(wikiAtIDP, access), 400, "invalid_request")
}

func TestAnIDJAGIsForTheServerAndTheClientThatItNames(t *testing.T) {
	t.Parallel()
	e := newEnterprise(t)
	other := newEnterprise(t)
	assertion := e.ask(wikiAtIDP, e.idp.userToken()).str("access_token")
	refused(t, other.bring(assertion), 400, "invalid_grant")
	require.NoError(t, e.app.clients.CreateClient(t.Context(), &oauth2.Client{
		ID: "thief", Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf("thief"))}}, Scope: oauth2.Scope{"read"}, GrantTypes: []string{oauth2.GrantJWTBearer},
	}))
	refused(t, e.app.token("thief", "grant_type", oauth2.GrantJWTBearer, "assertion", assertion), 400, "invalid_grant")
	for _, pairs := range [][]string{{"grant_type", oauth2.GrantJWTBearer, "assertion", e.idp.userToken()}} {
		refused(t, e.app.token(wikiAtApp, pairs...), 400, "invalid_grant")
	}
	require.Equal(t, http.StatusOK, e.bring(assertion).status, "no stranger uses it up")
}

func TestAnIDJAGIsBoundToTheKeyThatItsRequestProves(t *testing.T) {
	t.Parallel()
	e := newEnterprise(t)
	key := e.idp.dpopKey()
	form := values("grant_type", oauth2.GrantTokenExchange, "subject_token", e.idp.userToken(), "subject_token_type", oauth2.TokenTypeAccessToken,
		"requested_token_type", oauth2.TokenTypeIDJAG, "audience", e.app.url)
	got := e.idp.tokenProven(wikiAtIDP, form, key)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "N_A", got.str("token_type"))
	assertion := got.str("access_token")
	require.Equal(t, map[string]any{"jkt": key.Thumbprint()}, verified(t, e.idp.jwks(), "oauth-id-jag+jwt", assertion)["cnf"])
	refused(t, e.bring(assertion), 400, "invalid_grant")
	bring := values("grant_type", oauth2.GrantJWTBearer, "assertion", assertion)
	token := e.app.tokenProven(wikiAtApp, bring, key)
	require.Equal(t, "DPoP", token.str("token_type"), token.body)
}

func TestWhatAnIDJAGSaysIsTheApplicationsToDecide(t *testing.T) {
	t.Parallel()
	e := newEnterprise(t)
	access := e.idp.userToken()
	good := oauth2.IdentityAssertion{Audience: e.app.url, ClientID: wikiAtApp}
	for name, c := range map[string]struct {
		change func(*oauth2.IdentityAssertion)
		status int
	}{
		"this server":        {func(i *oauth2.IdentityAssertion) { i.Audience = e.idp.url }, 500},
		"no audience":        {func(i *oauth2.IdentityAssertion) { i.Audience = "" }, 500},
		"no client":          {func(i *oauth2.IdentityAssertion) { i.ClientID = "" }, 500},
		"too long":           {func(i *oauth2.IdentityAssertion) { i.Lifetime = 2 * time.Hour }, 500},
		"negative":           {func(i *oauth2.IdentityAssertion) { i.Lifetime = -1 }, 500},
		"no text":            {func(i *oauth2.IdentityAssertion) { i.Subject = "\xff" }, 500},
		"no JSON":            {func(i *oauth2.IdentityAssertion) { i.Claims = map[string]any{"f": func() {}} }, 500},
		"another name there": {func(i *oauth2.IdentityAssertion) { i.Subject = "U-1" }, 200},
		"an hour":            {func(i *oauth2.IdentityAssertion) { i.Lifetime = time.Hour }, 200},
	} {
		e.vouch = func(*oauth2.TokenExchange) (*oauth2.IdentityAssertion, error) {
			changed := good
			c.change(&changed)
			return &changed, nil
		}
		got := e.ask(wikiAtIDP, access)
		require.Equal(t, c.status, got.status, name+": "+got.body)
	}
	for status, err := range map[int]error{503: errors.New("down"), 400: oauth2.ErrAccessDenied} {
		e.vouch = func(*oauth2.TokenExchange) (*oauth2.IdentityAssertion, error) { return nil, err }
		require.Equal(t, status, e.ask(wikiAtIDP, access).status)
	}
	e.vouch = func(*oauth2.TokenExchange) (*oauth2.IdentityAssertion, error) { return &good, nil }
	e.idp.clock.Advance(58 * time.Minute)
	got := e.ask(wikiAtIDP, access)
	require.InDelta(t, 120, got.json["expires_in"], 1, "no longer than the subject token")
}

func TestMetadataTellsOfIDJAGsWhereTheyAreServed(t *testing.T) {
	t.Parallel()
	e := newEnterprise(t)
	require.Equal(t, []string{oauth2.TokenTypeIDJAG}, listOf(t, e.idp.metadata(), "identity_chaining_requested_token_types_supported"))
	require.NotContains(t, e.idp.metadata(), "authorization_grant_profiles_supported")
	require.Equal(t, []string{"urn:ietf:params:oauth:grant-profile:id-jag"}, listOf(t, e.app.metadata(), "authorization_grant_profiles_supported"))
	require.NotContains(t, e.app.metadata(), "identity_chaining_requested_token_types_supported")
	require.Contains(t, listOf(t, e.app.metadata(), "grant_types_supported"), oauth2.GrantJWTBearer)
	plain := newBearerWorld(t, func(g *oauth2.JWTBearerGrant) { g.Issuers = g.Issuers[:1] }).metadata()
	require.NotContains(t, plain, "authorization_grant_profiles_supported")
	text, err := json.Marshal(e.app.metadata())
	require.NoError(t, err)
	require.NotContains(t, string(text), e.idp.url, "whom a server trusts is not told to everybody")
}

func TestATokenOfATrustedIssuerIsASubjectTokenWhereThatWasConfigured(t *testing.T) {
	t.Parallel()
	issuer := newForeignIssuer(t, theIssuer)
	var b *bearerWorld
	w := newExchangeWorld(t, oauth2.TokenExchangeGrant{
		Policy:  allow(oauth2.Delegate),
		Issuers: []oauth2.TrustedIssuer{issuer.trusted()},
		Accept:  func(_ context.Context, a *oauth2.BearerAssertion) (*oauth2.Approval, error) { return b.approve(a) },
	})
	b = &bearerWorld{world: w, issuer: issuer, approve: approveMapped}
	idToken := func(changes map[string]any) string {
		claims := b.claims(issuer, map[string]any{"aud": service, "scope": "read write", "resource": contactsAPI})
		for name, value := range changes {
			claims[name] = value
		}
		return b.sign(claims)
	}
	asID := []string{"subject_token_type", oauth2.TokenTypeIDToken}
	asJWT := []string{"subject_token_type", oauth2.TokenTypeJWT}
	got := w.exchange(service, idToken(nil), asID...)
	require.Equal(t, http.StatusOK, got.status, got.body)
	told := w.told(got.str("access_token"))
	require.Equal(t, []any{"alice", service, "read", contactsAPI}, []any{told["sub"], told["client_id"], told["scope"], told["aud"]})
	require.LessOrEqual(t, got.json["expires_in"], 120.0)
	require.Equal(t, http.StatusOK, w.exchange(service, idToken(map[string]any{"aud": w.url}), asJWT...).status)
	refused(t, w.exchange(service, idToken(nil), append(asID, "scope", "admin")...), 400, "invalid_scope")
	refused(t, w.exchange(service, idToken(nil), append(asID, "resource", mailAPI)...), 400, "invalid_target")
	now := w.clock.Now().Unix()
	for name, bad := range map[string]map[string]any{
		"another client's": {"aud": upstream}, "for this server": {"aud": w.url}, "several": {"aud": []string{service, upstream}}, "expired": {"exp": now},
		"no exp": {"exp": nil}, "nbf ahead": {"nbf": now + 60}, "no sub": {"sub": ""}, "another iss": {"iss": jagIssuer}, "nobody here": {"sub": "alice"},
		"scope": {"scope": "a  b"}, "cnf": {"cnf": map[string]any{"jkt": w.dpopKey().Thumbprint()}}, "act": {"act": map[string]any{}}, "may_act": {"may_act": map[string]any{"sub": upstream}},
	} {
		got := w.exchange(service, idToken(bad), asID...)
		require.Equal(t, http.StatusBadRequest, got.status, name+": "+got.body)
	}
	refused(t, w.exchange(service, idToken(nil), asJWT...), 400, "invalid_request")
	refused(t, w.exchange(service, idToken(nil)), 400, "invalid_request")
	plain := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Impersonate)})
	refused(t, plain.exchange(service, idToken(nil), asID...), 400, "invalid_request")
}
