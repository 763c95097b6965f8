package oauth2_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/jws"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

const (
	jwtAPI    = "https://jwt.example.com"
	opaqueAPI = "https://opaque.example.com"
)

var sealingKey = bytes.Repeat([]byte{7}, 32)

// withKeys makes a server that signs: jwtAPI takes JWTs, opaqueAPI does not.
func withKeys(change ...func(*oauth2.SigningKeys)) func(*oauth2.ServerConfig) {
	return func(cfg *oauth2.ServerConfig) {
		cfg.Keys = &oauth2.SigningKeys{SealingKeys: [][]byte{sealingKey}}
		for _, c := range change {
			c(cfg.Keys)
		}
		cfg.Resources = []oauth2.Resource{{URI: jwtAPI, Format: oauth2.FormatJWT}, {URI: opaqueAPI}}
	}
}

func withAlgorithm(algorithm oauth2.SignatureAlgorithm) func(*oauth2.SigningKeys) {
	return func(k *oauth2.SigningKeys) { k.Algorithm = algorithm }
}

var everyAlgorithm = []oauth2.SignatureAlgorithm{oauth2.ES256, oauth2.EdDSA, oauth2.Ed25519, oauth2.RS256, oauth2.PS256}

// jwks are the published keys.
func (w *world) jwks() jose.JSONWebKeySet {
	w.t.Helper()
	got := w.get(direct, "/jwks", nil)
	require.Equal(w.t, http.StatusOK, got.status, got.body)
	var set jose.JSONWebKeySet
	require.NoError(w.t, json.Unmarshal([]byte(got.body), &set))
	return set
}

// verified are the claims of a JWT of a type, that one of the keys has signed.
func verified(t testing.TB, set jose.JSONWebKeySet, typ, text string) map[string]any {
	t.Helper()
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jws.Ed25519, jose.RS256, jose.PS256})
	require.NoError(t, err)
	require.Equal(t, typ, token.Headers[0].ExtraHeaders[jose.HeaderType])
	keys := set.Key(token.Headers[0].KeyID)
	require.Len(t, keys, 1)
	require.Equal(t, keys[0].Algorithm, token.Headers[0].Algorithm)
	var claims map[string]any
	require.NoError(t, token.Claims(jws.Key(keys[0].Key, keys[0].Algorithm), &claims))
	return claims
}

func TestAnAccessTokenForAResourceThatTakesJWTsIsOneOfRFC9068(t *testing.T) {
	t.Parallel()
	for _, algorithm := range everyAlgorithm {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withKeys(withAlgorithm(algorithm)), func(cfg *oauth2.ServerConfig) {
				cfg.Claims = func(context.Context, *oauth2.Authorization) (map[string]any, error) {
					return map[string]any{"tenant": "acme", "sub": "forged", "iss": "forged", "jti": "forged"}, nil
				}
			})
			w.consent = approveWith(&oauth2.Approval{Subject: "alice", AuthTime: w.clock.Now(), ACR: "gold", AMR: []string{"pwd", "otp"}})
			access, _ := w.tokens("resource", jwtAPI)
			claims := verified(t, w.jwks(), "at+jwt", access)
			require.Len(t, claims["jti"], 64)
			delete(claims, "jti")
			now := float64(w.clock.Now().Unix())
			require.Equal(t, map[string]any{
				"iss": w.url, "sub": "alice", "aud": jwtAPI, "client_id": webApp, "scope": "read write",
				"iat": now, "exp": now + 3600, "auth_time": now, "acr": "gold", "amr": []any{"pwd", "otp"}, "tenant": "acme",
			}, claims)
			require.True(t, w.active(access))
			opaque, _ := w.tokens("resource", opaqueAPI)
			require.True(t, strings.HasPrefix(opaque, "at_"))
		})
	}
}

// approveWith approves at once, without a page.
func approveWith(approval *oauth2.Approval) func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
	return func(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		if !req.Answered {
			return askOnPage(w, r, req)
		}
		return approval, nil
	}
}

func TestIntrospectionAndRevocationOfAJWTFindItsRecord(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newWorld(t, withTokens(store), withKeys())
		access, refresh := w.tokens("resource", jwtAPI)
		info, err := w.server.Check(t.Context(), access)
		require.NoError(t, err)
		require.Equal(t, "alice", info.Subject)
		require.NotEmpty(t, info.AuthorizationID)
		require.True(t, w.active(access))

		refused(t, w.post("/revoke", otherApp, values("token", access)), 400, "invalid_grant")
		require.True(t, w.active(access))
		require.Equal(t, 200, w.post("/revoke", webApp, values("token", access)).status)
		require.False(t, w.active(access), "revoked, though its signature is good")
		verified(t, w.jwks(), "at+jwt", access)

		again := w.refresh(refresh)
		require.True(t, w.active(again.str("access_token")))
		require.Equal(t, 200, w.post("/revoke", webApp, values("token", again.str("refresh_token"))).status)
		require.False(t, w.active(again.str("access_token")))
	})
}

func TestAJWTEndsAtItsTimeForIntrospectionToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKeys())
	access, _ := w.tokens("resource", jwtAPI)
	w.clock.Advance(59 * time.Minute)
	require.True(t, w.active(access))
	w.clock.Advance(time.Minute)
	require.False(t, w.active(access))
}

func TestARetryInTheGraceGetsTheSameJWTAgain(t *testing.T) {
	t.Parallel()
	for _, algorithm := range everyAlgorithm {
		w := newWorld(t, withKeys(withAlgorithm(algorithm)))
		_, refresh := w.tokens("resource", jwtAPI)
		first := w.refresh(refresh)
		w.clock.Advance(10 * time.Second)
		second := w.refresh(refresh)
		require.Equal(t, first.str("refresh_token"), second.str("refresh_token"))
		require.Equal(t, verified(t, w.jwks(), "at+jwt", first.str("access_token")), verified(t, w.jwks(), "at+jwt", second.str("access_token")))
		if algorithm == oauth2.EdDSA || algorithm == oauth2.Ed25519 || algorithm == oauth2.RS256 {
			require.Equal(t, first.str("access_token"), second.str("access_token"), "its signature is no matter of chance")
		}
		require.True(t, w.active(second.str("access_token")))
	}
}

func TestARefreshedJWTTellsOfTheSameAuthentication(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKeys())
	w.consent = approveWith(&oauth2.Approval{Subject: "alice", AuthTime: w.clock.Now(), ACR: "gold", AMR: []string{"otp"}})
	access, refresh := w.tokens("resource", jwtAPI)
	before := verified(t, w.jwks(), "at+jwt", access)
	w.clock.Advance(24 * time.Hour)
	after := verified(t, w.jwks(), "at+jwt", w.refresh(refresh).str("access_token"))
	for _, name := range []string{"auth_time", "acr", "amr", "sub"} {
		require.Equal(t, before[name], after[name], name)
	}
	require.NotEqual(t, before["jti"], after["jti"])
}

func TestTheJWTOfAMachineIsWrittenNowhere(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		counted := &countingStore{TokenStore: store}
		w := newWorld(t, withTokens(counted), withKeys(), func(cfg *oauth2.ServerConfig) {
			cfg.Claims = func(context.Context, *oauth2.Authorization) (map[string]any, error) {
				return map[string]any{"tenant": "acme"}, nil
			}
		})
		w.jwks()
		before := counted.writes.Load()
		got := w.token(machine, "grant_type", "client_credentials", "resource", jwtAPI)
		require.Equal(t, 200, got.status, got.body)
		access := got.str("access_token")
		claims := verified(t, w.jwks(), "at+jwt", access)
		require.Equal(t, machine, claims["sub"], "RFC 9068 section 2.2: the client is the subject")

		info, err := w.server.Check(t.Context(), access)
		require.NoError(t, err)
		require.Equal(t, &oauth2.TokenInfo{
			ClientID: machine, Scope: oauth2.Scope{"stats", "read"}, Audience: []string{jwtAPI}, Issuer: w.url,
			IssuedAt: w.clock.Now(), ExpiresAt: w.clock.Now().Add(time.Hour), Claims: map[string]any{"tenant": "acme"},
		}, info)
		refused(t, w.post("/revoke", machine, values("token", access)), 400, "unsupported_token_type")
		require.ErrorIs(t, w.server.ExpireToken(t.Context(), access), oauth2.ErrUnsupportedTokenType)
		require.True(t, w.active(access), "it cannot be ended singly, as the documentation says")
		require.Equal(t, before, counted.writes.Load())

		w.clock.Advance(time.Hour)
		require.False(t, w.active(access))
	})
}

// Members are told apart by case (RFC 7519 section 4), so an application's claim passes for none of the
// server's.
func TestAClaimThatDiffersInCaseAloneIsAnotherClaim(t *testing.T) {
	t.Parallel()
	own := map[string]any{
		"Client_ID": "another", "SCOPE": "admin", "Exp": 1, "Iss": "https://evil.example", "Aud": []any{"https://evil.example"},
		"JTI": "x", "Cnf": map[string]any{"jkt": "x"}, "Authorization_Details": []any{},
	}
	w := newWorld(t, withKeys(), func(cfg *oauth2.ServerConfig) {
		cfg.Claims = func(context.Context, *oauth2.Authorization) (map[string]any, error) { return maps.Clone(own), nil }
	})
	of := func(access string) *oauth2.TokenInfo {
		info, err := w.server.Check(t.Context(), access)
		require.NoError(t, err)
		return info
	}
	info := of(w.token(machine, "grant_type", "client_credentials", "resource", jwtAPI).str("access_token"))
	require.Equal(t, machine, info.ClientID)
	require.Equal(t, oauth2.Scope{"stats", "read"}, info.Scope)
	require.Equal(t, []string{jwtAPI}, info.Audience)
	require.Equal(t, w.clock.Now().Add(time.Hour), info.ExpiresAt)
	require.Nil(t, info.Confirmation)
	require.Nil(t, info.Details)
	require.Len(t, info.Claims, len(own))

	access, _ := w.tokens("resource", jwtAPI)
	require.Equal(t, "alice", of(access).Subject, "its record is found")
}

func TestOneTokenHasOneFormat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKeys())
	query := codeRequest()
	query["resource"] = []string{jwtAPI, opaqueAPI}
	code := w.approve(query)
	refused(t, w.post("/token", webApp, redemption(code)), 400, "invalid_target")
	got := w.post("/token", webApp, redemption(code, "resource", jwtAPI))
	require.Equal(t, 200, got.status, "nothing was spent: "+got.body)
	verified(t, w.jwks(), "at+jwt", got.str("access_token"))
	refresh := got.str("refresh_token")
	refused(t, w.refresh(refresh), 400, "invalid_target")
	got = w.refresh(refresh, "resource", opaqueAPI)
	require.True(t, strings.HasPrefix(got.str("access_token"), "at_"), got.body)
	require.True(t, w.active(got.str("access_token")))
}

// A jti is written to logs, so it must open nothing.
func TestAJTIIsNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKeys())
	access, _ := w.tokens("resource", jwtAPI)
	jti := verified(t, w.jwks(), "at+jwt", access)["jti"].(string)
	for _, prefix := range []string{"", "at_", "rt_", "ac_", "jw_"} {
		require.False(t, w.active(prefix+jti))
		require.Equal(t, 200, w.post("/revoke", webApp, values("token", prefix+jti)).status)
		refused(t, w.refresh(prefix+jti), 400, "invalid_grant")
		require.True(t, w.active(access), prefix)
	}
}

func TestNoForgedJWTIsGood(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t, withKeys()), newWorld(t, withKeys())
	access, _ := w.tokens("resource", jwtAPI)
	require.True(t, w.active(access))
	set := w.jwks()
	parts := strings.Split(access, ".")
	claims := verified(t, set, "at+jwt", access)
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	kid := set.Keys[0].KeyID
	encode := base64.RawURLEncoding.EncodeToString
	public, err := json.Marshal(set.Keys[0])
	require.NoError(t, err)
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	sign := func(alg jose.SignatureAlgorithm, key any, typ string, embed bool) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ)))
		require.NoError(t, err)
		signed, err := signer.Sign(payload)
		require.NoError(t, err)
		text, err := signed.CompactSerialize()
		require.NoError(t, err)
		return text
	}
	foreign, _ := other.tokens("resource", jwtAPI)
	for name, forged := range map[string]string{
		"no algorithm":            encode([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + ".",
		"no signature":            parts[0] + "." + parts[1] + ".",
		"another signature":       changedAt(parts[0]+"."+parts[1]+"."+parts[2], len(parts[0])+len(parts[1])+10),
		"other claims":            parts[0] + "." + encode(bytes.Replace(payload, []byte("alice"), []byte("admin"), 1)) + "." + parts[2],
		"HMAC with a public key":  sign(jose.HS256, public, "at+jwt", false),
		"a key of the forger":     sign(jose.RS256, own, "at+jwt", false),
		"a key in the header":     sign(jose.RS256, own, "at+jwt", true),
		"the key of another":      foreign,
		"a blank in front":        " " + access,
		"a dot behind":            access + ".",
		"half of it":              access[:len(access)/2],
		"two JWTs":                access + "." + access,
		"a JSON serialization":    `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"an empty one":            "..",
		"signed introspection":    w.introspectJWT(access).body,
		"a line break within it":  parts[0] + "\n." + parts[1] + "." + parts[2],
		"a padded signature":      access + "=",
		"a header that is not it": encode([]byte(`{"alg":"ES256","kid":"`+kid+`"}`)) + "." + parts[1] + "." + parts[2],
		"a bit that counts not":   access[:len(access)-1] + string(access[len(access)-1]+1),
	} {
		require.False(t, w.active(forged), name)
		_, err := w.server.Check(t.Context(), forged)
		require.ErrorIs(t, err, oauth2.ErrInvalidToken, name)
	}
	require.True(t, w.active(access))
}

func TestAClaimsHookThatFailsSpendsNoCode(t *testing.T) {
	t.Parallel()
	var failing bool
	w := newWorld(t, withKeys(), func(cfg *oauth2.ServerConfig) {
		cfg.Claims = func(context.Context, *oauth2.Authorization) (map[string]any, error) {
			if failing {
				return nil, errors.New("the directory is down")
			}
			return nil, nil
		}
	})
	code := w.approve(codeRequest("resource", jwtAPI))
	failing = true
	unavailable(t, w.post("/token", webApp, redemption(code)))
	failing = false
	require.Equal(t, 200, w.post("/token", webApp, redemption(code)).status, "the code was not spent")
}

func TestNoJWTLivesLongerThanItsKeyIsRetained(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKeys(func(k *oauth2.SigningKeys) { k.Retain = 10 * time.Minute }))
	got := w.token(machine, "grant_type", "client_credentials", "resource", jwtAPI)
	require.EqualValues(t, 600, got.json["expires_in"])
	got = w.token(machine, "grant_type", "client_credentials", "resource", opaqueAPI)
	require.EqualValues(t, 3600, got.json["expires_in"])
}

func TestJWTsAreNeitherIssuedNorReadWithoutKeys(t *testing.T) {
	t.Parallel()
	signing, w := newWorld(t, withKeys()), newWorld(t)
	access, _ := signing.tokens("resource", jwtAPI)
	require.False(t, w.active(access))
	require.Equal(t, 404, w.get(direct, "/jwks", nil).status)
	got := w.get(direct, metadataURI, nil)
	require.NotContains(t, got.json, "jwks_uri")
	require.NotContains(t, got.json, "introspection_signing_alg_values_supported")
	plain := w.introspectJWT(access)
	require.Equal(t, "application/json", plain.header.Get("Content-Type"))

	_, err := oauth2.New(oauth2.ServerConfig{
		Issuer: "https://id.example.com", Clients: testClients(t), Tokens: memory.New(), Consent: askOnPage,
		Resources: []oauth2.Resource{{URI: jwtAPI, Format: oauth2.FormatJWT}},
	})
	require.ErrorContains(t, err, "needs Keys")
}
