package oauth2_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestClientAuthenticatesByBasicOrPost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, 200, w.token(machine, "grant_type", "client_credentials").status)
	require.Equal(t, 200, w.raw(http.MethodPost, "/token", strings.NewReader(machineForm)).status)
	require.Equal(t, 200, w.raw(http.MethodPost, "/token", strings.NewReader("grant_type=client_credentials"), "Authorization", strings.Replace(basic(machine, secretOf(machine)), "Basic", "bAsIc", 1)).status)
}

func TestBasicCredentialsAreFormEncodedBeforeTheyAreJoined(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const id, secret = "a client:with + %41 signs", "s:e+c r%C3%A9t"
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{ID: id, Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secret)}}, GrantTypes: []string{"client_credentials"}}))
	post := func(authorization string) answer {
		return w.raw(http.MethodPost, "/token", strings.NewReader("grant_type=client_credentials"), "Authorization", authorization)
	}
	require.Equal(t, 200, post(basic(id, secret)).status)
	refused(t, post("Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret))), 401, "invalid_client")
}

func TestTwoMethodsAtOnceAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	both := func(body string) answer {
		return w.raw(http.MethodPost, "/token", strings.NewReader(body), "Authorization", basic(machine, secretOf(machine)))
	}
	refused(t, both(machineForm), 400, "invalid_request")
	refused(t, both("grant_type=client_credentials&client_assertion=x"), 400, "invalid_request")
	refused(t, w.raw(http.MethodPost, "/token", strings.NewReader(machineForm+"&client_assertion=x")), 400, "invalid_request")
	refused(t, both("grant_type=client_credentials&client_id="+webApp), 400, "invalid_request")
	require.Equal(t, 200, both("grant_type=client_credentials&client_id="+machine).status, "the same client_id twice is one method")
}

func TestFailedAuthenticationIs401WithAChallenge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, authorization := range map[string]string{
		"wrong secret":    basic(machine, "wrong"),
		"unknown client":  basic("nobody", "wrong"),
		"no base64":       "Basic !!!",
		"no colon":        "Basic " + base64.StdEncoding.EncodeToString([]byte(machine)),
		"bad encoding":    "Basic " + base64.StdEncoding.EncodeToString([]byte("%zz:%zz")),
		"not UTF-8":       "Basic " + base64.StdEncoding.EncodeToString([]byte("%ff:x")),
		"another scheme":  "Bearer " + secretOf(machine),
		"no credentials":  "Basic",
		"an empty header": "Basic ",
		"public client":   basic(browserApp, "any"),
	} {
		got := w.raw(http.MethodPost, "/token", strings.NewReader("grant_type=client_credentials"), "Authorization", authorization)
		refused(t, got, 401, "invalid_client")
		require.True(t, strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Basic "), name)
	}
	refused(t, w.raw(http.MethodPost, "/token", strings.NewReader("grant_type=client_credentials")), 401, "invalid_client")
	refused(t, w.raw(http.MethodPost, "/token", strings.NewReader("grant_type=client_credentials&client_id="+machine)), 401, "invalid_client")
	refused(t, w.raw(http.MethodPost, "/token", strings.NewReader("grant_type=client_credentials&client_id="+machine+"&client_assertion=x")), 401, "invalid_client")
}

func TestNearMissesOfASecretAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret := secretOf(machine)
	for _, near := range []string{"", secret[:len(secret)-1], secret + "x", secret[1:], strings.ToUpper(secret), " " + secret, secret + " ", secret + "\n", strings.Repeat(secret, 2)} {
		refused(t, w.raw(http.MethodPost, "/token", strings.NewReader("grant_type=client_credentials"), "Authorization", basic(machine, near)), 401, "invalid_client")
	}
}

func TestPublicClientThatSendsASecretIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := values("grant_type", "refresh_token", "refresh_token", "x", "client_id", browserApp)
	refused(t, w.post("/token", "", form), 400, "invalid_grant")
	form.Set("client_secret", "anything")
	refused(t, w.post("/token", "", form), 401, "invalid_client")
}

func TestRegisteredMethodIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for method, ok := range map[string][2]int{oauth2.AuthMethodBasic: {200, 401}, oauth2.AuthMethodPost: {401, 200}, oauth2.AuthMethodPrivateKeyJWT: {401, 401}} {
		c := &oauth2.Client{ID: method, TokenEndpointAuthMethod: method, Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf(method))}}, GrantTypes: []string{"client_credentials"}}
		if method == oauth2.AuthMethodPrivateKeyJWT {
			c.JWKS = jwksOf(publicJWK(keyOf(method, jose.ES256), ""))
		}
		require.NoError(t, w.clients.CreateClient(t.Context(), c))
		form := values("grant_type", "client_credentials")
		require.Equal(t, ok[0], w.post("/token", method, form).status, method)
		form.Set("client_id", method)
		form.Set("client_secret", secretOf(method))
		require.Equal(t, ok[1], w.post("/token", "", form).status, method)
	}
}

func TestSecretsCanOverlapAndExpire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := &oauth2.Client{ID: "rolling", GrantTypes: []string{"client_credentials"}, Secrets: []oauth2.ClientSecret{
		{Hash: oauth2.HashSecret("old"), ExpiresAt: w.clock.Now().Add(time.Hour)},
		{Hash: oauth2.HashSecret("rolling-secret")},
	}}
	require.NoError(t, w.clients.CreateClient(t.Context(), c))
	with := func(secret string) int {
		return w.raw(http.MethodPost, "/token", strings.NewReader("grant_type=client_credentials"), "Authorization", basic("rolling", secret)).status
	}
	require.Equal(t, 200, with("old"))
	require.Equal(t, 200, with("rolling-secret"))
	w.clock.Advance(time.Hour)
	require.Equal(t, 401, with("old"))
	require.Equal(t, 200, with("rolling-secret"))
}
