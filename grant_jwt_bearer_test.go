package oauth2_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
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
	"github.com/seed5f5fedc6/oauth2/internal/dpop/dpoptest"
)

const (
	theIssuer = "https://idp.example.com"
	jagIssuer = "https://jag.example.com"
)

// A foreignIssuer signs assertions.
type foreignIssuer struct {
	name string
	key  *ecdsa.PrivateKey
	set  []byte
}

func newForeignIssuer(t testing.TB, name string) *foreignIssuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	require.NoError(t, err)
	return &foreignIssuer{name, key, set}
}

func (i *foreignIssuer) trusted() oauth2.TrustedIssuer {
	return oauth2.TrustedIssuer{Issuer: i.name, JWKS: i.set, IDJAG: i.name == jagIssuer}
}

// A bearerWorld accepts the assertions of two issuers.
type bearerWorld struct {
	*world
	issuer, jag *foreignIssuer
	approve     func(*oauth2.BearerAssertion) (*oauth2.Approval, error)
}

// approveMapped knows the owner by another name here.
func approveMapped(a *oauth2.BearerAssertion) (*oauth2.Approval, error) {
	if !strings.HasPrefix(a.Subject, "U-") {
		return nil, oauth2.ErrInvalidGrant.With("Nobody is known here by that name.")
	}
	return &oauth2.Approval{Subject: strings.TrimPrefix(a.Subject, "U-"), ACR: "mapped"}, nil
}

func newBearerWorld(t testing.TB, change func(*oauth2.JWTBearerGrant), configure ...func(*oauth2.ServerConfig)) *bearerWorld {
	b := &bearerWorld{issuer: newForeignIssuer(t, theIssuer), jag: newForeignIssuer(t, jagIssuer), approve: approveMapped}
	grant := oauth2.JWTBearerGrant{
		Issuers: []oauth2.TrustedIssuer{b.issuer.trusted(), b.jag.trusted()},
		Approve: func(_ context.Context, a *oauth2.BearerAssertion) (*oauth2.Approval, error) { return b.approve(a) },
	}
	if change != nil {
		change(&grant)
	}
	b.world = newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Refuse)}, append([]func(*oauth2.ServerConfig){func(cfg *oauth2.ServerConfig) {
		cfg.Grants = append(cfg.Grants, grant)
	}}, configure...)...)
	for _, c := range []*oauth2.Client{
		{ID: agent, Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf(agent))}}, Scope: oauth2.Scope{"read", "write"}, GrantTypes: []string{oauth2.GrantJWTBearer, oauth2.GrantRefreshToken}},
		{ID: "public-agent", Scope: oauth2.Scope{"read"}, GrantTypes: []string{oauth2.GrantJWTBearer}},
	} {
		require.NoError(t, b.clients.CreateClient(t.Context(), c))
	}
	return b
}

const agent = "agent" // confidential: assertions

// claims are those of a good assertion, changed; nil removes one.
func (b *bearerWorld) claims(of *foreignIssuer, changes map[string]any) map[string]any {
	now := b.clock.Now().Unix()
	claims := map[string]any{"iss": of.name, "sub": "U-alice", "aud": b.url, "iat": now, "exp": now + 120, "jti": rand.Text()}
	if of == b.jag {
		claims["client_id"], claims["scope"] = agent, "read"
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

// header is that of a good assertion.
func (b *bearerWorld) header(of *foreignIssuer) map[string]any {
	if of == b.jag {
		return map[string]any{"kid": "1", "typ": "oauth-id-jag+jwt"}
	}
	return map[string]any{"kid": "1"}
}

func (b *bearerWorld) assertion(of *foreignIssuer, changes map[string]any) string {
	return dpoptest.Sign(jose.ES256, of.key, b.header(of), b.claims(of, changes))
}

// bring asks for a token with an assertion.
func (b *bearerWorld) bring(assertion string, pairs ...string) answer {
	b.t.Helper()
	return b.token(agent, append([]string{"grant_type", oauth2.GrantJWTBearer, "assertion", assertion}, pairs...)...)
}

func TestAnAssertionOfATrustedIssuerIsATokenOfTheOwner(t *testing.T) {
	t.Parallel()
	b := newBearerWorld(t, nil)
	for _, of := range []*foreignIssuer{b.issuer, b.jag} {
		got := b.bring(b.assertion(of, map[string]any{"scope": "read"}), "resource", contactsAPI)
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, "read", got.str("scope"))
		require.NotContains(t, got.json, "refresh_token", "although the client may refresh")
		told := b.told(got.str("access_token"))
		require.Equal(t, "alice", told["sub"])
		require.Equal(t, agent, told["client_id"])
		require.Equal(t, "mapped", told["acr"])
		require.Equal(t, contactsAPI, told["aud"])
	}
}

func TestTheOwnerIsMappedAndScopeIsDecidedByTheApplication(t *testing.T) {
	t.Parallel()
	b := newBearerWorld(t, nil)
	refused(t, b.bring(b.assertion(b.issuer, map[string]any{"sub": "alice"})), 400, "invalid_grant")
	var seen *oauth2.BearerAssertion
	b.approve = func(a *oauth2.BearerAssertion) (*oauth2.Approval, error) {
		seen = a
		return &oauth2.Approval{Subject: "alice", Scope: oauth2.Scope{"read"}, Claims: map[string]any{"tenant": "acme"}}, nil
	}
	got := b.bring(b.assertion(b.jag, map[string]any{"scope": "read write", "email": "a@example.com"}))
	require.Equal(t, "read", got.str("scope"))
	require.Equal(t, "acme", b.told(got.str("access_token"))["tenant"])
	require.True(t, seen.IDJAG)
	require.Equal(t, []string{jagIssuer, "U-alice", agent}, []string{seen.Issuer, seen.Subject, seen.Client.ID})
	require.Equal(t, oauth2.Scope{"read", "write"}, seen.Scope)
	require.Equal(t, "a@example.com", seen.Claims["email"])
	require.Equal(t, 120*time.Second, seen.ExpiresAt.Sub(b.clock.Now()))

	again := b.assertion(b.issuer, nil)
	for status, approve := range map[int]func(*oauth2.BearerAssertion) (*oauth2.Approval, error){
		http.StatusServiceUnavailable: func(*oauth2.BearerAssertion) (*oauth2.Approval, error) { return nil, errors.New("down") },
		http.StatusBadRequest:         func(*oauth2.BearerAssertion) (*oauth2.Approval, error) { return nil, oauth2.ErrAccessDenied },
	} {
		b.approve = approve
		require.Equal(t, status, b.bring(again).status)
	}
	for _, wrong := range []*oauth2.Approval{nil, {}, {Subject: "alice", Scope: oauth2.Scope{"admin"}}, {Subject: "a\x00"}, {Subject: "alice", ACR: "\xff"}, {Subject: "alice", Claims: map[string]any{"f": func() {}}}} {
		b.approve = func(*oauth2.BearerAssertion) (*oauth2.Approval, error) { return wrong, nil }
		require.Equal(t, http.StatusInternalServerError, b.bring(again).status)
	}
	b.approve = approveMapped
	require.Equal(t, http.StatusOK, b.bring(again).status, "no refusal uses an assertion up")
	refused(t, b.bring(again), 400, "invalid_grant")
}

func TestARequestThatIsRefusedAfterTheGrantHasDecidedUsesNoAssertionUp(t *testing.T) {
	t.Parallel()
	served := true
	b := newBearerWorld(t, nil, withDetails, func(cfg *oauth2.ServerConfig) {
		cfg.SubjectActive = func(context.Context, string) (bool, error) { return served, nil }
		cfg.Resources[1].Scopes = oauth2.Scope{"mail"}
	})
	b.changeClient(agent, func(c *oauth2.Client) { c.AuthorizationDetailsTypes = []string{"contacts_export"} })
	again := b.assertion(b.issuer, map[string]any{"resource": []string{contactsAPI, mailAPI, filesAPI}})
	refused(t, b.bring(again), 400, "invalid_target")
	refused(t, b.bring(again, "resource", mailAPI), 400, "invalid_scope")
	refused(t, b.bring(again, "resource", contactsAPI, "authorization_details", tenNames), 400, "invalid_authorization_details")
	served = false
	refused(t, b.bring(again, "resource", contactsAPI), 400, "invalid_grant")
	served = true
	require.Equal(t, http.StatusOK, b.bring(again, "resource", contactsAPI).status)
	refused(t, b.bring(again, "resource", contactsAPI), 400, "invalid_grant")
}

func TestABearerAssertionWithAnythingWrongIsRefused(t *testing.T) {
	t.Parallel()
	b := newBearerWorld(t, nil)
	now := b.clock.Now().Unix()
	both := map[string]map[string]any{
		"no iss": {"iss": nil}, "an unknown iss": {"iss": "https://other.example.com"}, "no sub": {"sub": nil}, "sub is no text": {"sub": "U-a\x00"},
		"no aud": {"aud": nil}, "another aud": {"aud": "https://other.example.com"}, "aud has others": {"aud": []string{b.url, "https://other.example.com"}},
		"aud is an endpoint": {"aud": b.url + "/token"}, "no exp": {"exp": nil}, "exp is over": {"exp": now}, "exp is far ahead": {"exp": now + 3600},
		"nbf is ahead": {"nbf": now + 60}, "iat is ahead": {"iat": now + 60}, "no jti": {"jti": nil}, "a long jti": {"jti": strings.Repeat("j", 257)},
		"cnf of no key": {"cnf": map[string]any{}}, "cnf of a key that is not proven": {"cnf": map[string]any{"jkt": b.dpopKey().Thumbprint()}},
		"cnf of an unknown kind": {"cnf": map[string]any{"jwk": map[string]any{}}},
		"act without a sub":      {"act": map[string]any{"client_id": "x"}}, "act of five": {"act": nest(5)}, "act is no object": {"act": "service"}, "a claim of another kind": {"exp": "soon"},
	}
	for name, fault := range both {
		for _, of := range []*foreignIssuer{b.issuer, b.jag} {
			got := b.bring(b.assertion(of, fault))
			require.Equal(t, "invalid_grant", got.str("error"), name+": "+got.body)
		}
	}
	for name, fault := range map[string]map[string]any{"no iat": {"iat": nil}, "no client_id": {"client_id": nil}, "another client's": {"client_id": service}} {
		got := b.bring(b.assertion(b.jag, fault))
		require.Equal(t, "invalid_grant", got.str("error"), name)
	}
	refused(t, b.bring(b.assertion(b.issuer, map[string]any{"scope": "read  write"})), 400, "invalid_scope")
	refused(t, b.bring(b.assertion(b.issuer, map[string]any{"scope": "admin"})), 400, "invalid_scope")
	refused(t, b.bring(b.assertion(b.issuer, map[string]any{"scope": "read"}), "scope", "write"), 400, "invalid_scope")
	refused(t, b.bring(b.assertion(b.issuer, map[string]any{"scope": ""})), 400, "invalid_scope")
	refused(t, b.bring(b.assertion(b.issuer, map[string]any{"resource": []string{}})), 400, "invalid_target")
	refused(t, b.bring(b.assertion(b.issuer, map[string]any{"authorization_details": []any{map[string]any{"type": "payment"}}})), 400, "invalid_scope")
	refused(t, b.bring(b.assertion(b.issuer, map[string]any{"resource": "https://unknown.example.com"})), 400, "invalid_target")
	refused(t, b.bring(b.assertion(b.issuer, map[string]any{"resource": contactsAPI}), "resource", mailAPI), 400, "invalid_target")
	refused(t, b.token(agent, "grant_type", oauth2.GrantJWTBearer), 400, "invalid_request")
	refused(t, b.token(service, "grant_type", oauth2.GrantJWTBearer, "assertion", b.assertion(b.issuer, nil)), 400, "unauthorized_client")
}

// nest is a chain of actors.
func nest(n int) map[string]any {
	var act map[string]any
	for range n {
		next := map[string]any{"sub": "x"}
		if act != nil {
			next["act"] = act
		}
		act = next
	}
	return act
}

func TestAForgedBearerAssertionIsRefused(t *testing.T) {
	t.Parallel()
	b := newBearerWorld(t, nil)
	stranger := newForeignIssuer(t, theIssuer)
	claims, encode := b.claims(b.issuer, nil), base64.RawURLEncoding.EncodeToString
	text, err := json.Marshal(claims)
	require.NoError(t, err)
	public, err := json.Marshal(jose.JSONWebKey{Key: b.issuer.key.Public()})
	require.NoError(t, err)
	sign := func(key any, header map[string]any) string { return dpoptest.Sign(jose.ES256, key, header, claims) }
	good := sign(b.issuer.key, map[string]any{"kid": "1"})
	parts := strings.Split(good, ".")
	for name, forged := range map[string]string{
		"none":                 encode([]byte(`{"alg":"none"}`)) + "." + encode(text) + ".",
		"HMAC with the key":    dpoptest.Sign(jose.HS256, public, map[string]any{"kid": "1"}, claims),
		"a stranger's key":     sign(stranger.key, map[string]any{"kid": "1"}),
		"an unknown kid":       sign(b.issuer.key, map[string]any{"kid": "2"}),
		"a kid that is a path": sign(stranger.key, map[string]any{"kid": "../../dev/null"}),
		"jwk":                  sign(stranger.key, map[string]any{"jwk": jose.JSONWebKey{Key: stranger.key.Public()}}),
		"jku":                  sign(stranger.key, map[string]any{"jku": "https://evil.example.com"}),
		"x5u":                  sign(stranger.key, map[string]any{"x5u": "https://evil.example.com"}),
		"crit":                 sign(b.issuer.key, map[string]any{"kid": "1", "crit": []string{"b64"}, "b64": true}),
		"another issuer's key": sign(b.jag.key, map[string]any{"kid": "1"}),
		"typ of a proof":       sign(b.issuer.key, map[string]any{"kid": "1", "typ": "dpop+jwt"}),
		"typ of a token":       sign(b.issuer.key, map[string]any{"kid": "1", "typ": "at+jwt"}),
		"typ of an ID-JAG":     sign(b.issuer.key, map[string]any{"kid": "1", "typ": "oauth-id-jag+jwt"}),
		"no signature":         parts[0] + "." + parts[1] + ".",
		"another payload":      parts[0] + "." + encode([]byte(`{"iss":"`+theIssuer+`"}`)) + "." + parts[2],
		"an opaque token":      b.userToken(),
		"garbage":              "x", "dots": "..", "too long": strings.Repeat("a", 20000) + ".b.c",
		"a plain JWT of an IdP": dpoptest.Sign(jose.ES256, b.jag.key, map[string]any{"kid": "1", "typ": "JWT"}, b.claims(b.jag, nil)),
	} {
		got := b.bring(forged)
		require.Equal(t, "invalid_grant", got.str("error"), name+": "+got.body)
		require.Equal(t, "The assertion is none of a trusted issuer.", got.str("error_description"), name)
	}
	require.Equal(t, http.StatusOK, b.bring(good).status)
}

func TestAnAssertionBringsOneTokenAtAllReplicasAndOnEachStore(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		b := newBearerWorld(t, nil, withTokens(store))
		replica, err := oauth2.New(b.config)
		require.NoError(t, err)
		var next int
		b.http.Config.Handler = roundRobin([]*oauth2.Server{b.server, replica}, &next)
		good := b.assertion(b.issuer, nil)
		var won atomic.Int32
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if b.bring(good).status == http.StatusOK {
					won.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, won.Load())
		b.clock.Advance(100 * time.Second)
		refused(t, b.bring(good), 400, "invalid_grant")
	})
}

func TestAnotherClientCannotUseAnAssertionASecondTime(t *testing.T) {
	t.Parallel()
	b := newBearerWorld(t, func(g *oauth2.JWTBearerGrant) { g.PublicClients = true })
	good := b.assertion(b.issuer, map[string]any{"scope": "read"})
	require.Equal(t, http.StatusOK, b.bring(good).status)
	refused(t, b.post("/token", "", values("grant_type", oauth2.GrantJWTBearer, "client_id", "public-agent", "assertion", good)), 400, "invalid_grant")
}

func TestPublicClientsBringAssertionsWhereThatWasConfigured(t *testing.T) {
	t.Parallel()
	form := func(assertion string) map[string][]string {
		return values("grant_type", oauth2.GrantJWTBearer, "client_id", "public-agent", "assertion", assertion)
	}
	closed := newBearerWorld(t, nil)
	refused(t, closed.post("/token", "", form(closed.assertion(closed.issuer, nil))), 400, "unauthorized_client")
	open := newBearerWorld(t, func(g *oauth2.JWTBearerGrant) { g.PublicClients = true })
	require.Equal(t, http.StatusOK, open.post("/token", "", form(open.assertion(open.issuer, nil))).status)
	refused(t, open.post("/token", "", form(open.assertion(open.jag, map[string]any{"client_id": "public-agent"}))), 400, "invalid_grant")
}

func TestAnAssertionThatIsBoundToAKeyNeedsItsProof(t *testing.T) {
	t.Parallel()
	b := newBearerWorld(t, nil)
	key := b.dpopKey()
	bound := b.assertion(b.jag, map[string]any{"cnf": map[string]any{"jkt": key.Thumbprint()}})
	form := values("grant_type", oauth2.GrantJWTBearer, "assertion", bound)
	refused(t, b.bring(bound), 400, "invalid_grant")
	refused(t, b.tokenProven(agent, form, b.dpopKey()), 400, "invalid_grant")
	got := b.tokenProven(agent, form, key)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, map[string]any{"jkt": key.Thumbprint()}, b.told(got.str("access_token"))["cnf"])
}

func TestTheActorOfAnAssertionIsTold(t *testing.T) {
	t.Parallel()
	b := newBearerWorld(t, nil)
	got := b.bring(b.assertion(b.issuer, map[string]any{"act": map[string]any{"sub": "bot"}}))
	require.Equal(t, map[string]any{"iss": theIssuer, "sub": "bot"}, b.told(got.str("access_token"))["act"])
}

func TestTheKeysOfAnIssuerAreFetchedWhereTheyAre(t *testing.T) {
	t.Parallel()
	issuer := newForeignIssuer(t, theIssuer)
	var down atomic.Bool
	keys := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(issuer.set)
	}))
	t.Cleanup(keys.Close)
	b := newBearerWorld(t, func(g *oauth2.JWTBearerGrant) {
		g.Issuers = []oauth2.TrustedIssuer{{Issuer: theIssuer, JWKSURI: keys.URL}}
	}, func(cfg *oauth2.ServerConfig) { cfg.HTTPClient = keys.Client() })
	good := b.assertion(issuer, nil)
	down.Store(true)
	require.Equal(t, http.StatusServiceUnavailable, b.bring(good).status)
	down.Store(false)
	b.clock.Advance(11 * time.Second)
	require.Equal(t, http.StatusOK, b.bring(good).status)
	// The guarded client reaches nothing on this machine.
	guarded := newBearerWorld(t, func(g *oauth2.JWTBearerGrant) {
		g.Issuers = []oauth2.TrustedIssuer{{Issuer: theIssuer, JWKSURI: keys.URL}}
	})
	require.Equal(t, http.StatusServiceUnavailable, guarded.bring(guarded.assertion(issuer, nil)).status)
}

// sign signs claims of issuer.
func (b *bearerWorld) sign(claims map[string]any) string {
	return dpoptest.Sign(jose.ES256, b.issuer.key, b.header(b.issuer), claims)
}
