package resource_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testclock"
	"github.com/seed5f5fedc6/oauth2/resource"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

func TestAVerifierFollowsTheKeysOfThreeReplicasThroughTheirRotationsWithoutRefusingAToken(t *testing.T) {
	t.Parallel()
	clock := testclock.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	var replicas []*oauth2.Server
	turn := 0
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn++
		replicas[turn%len(replicas)].ServeHTTP(w, r)
	}))
	t.Cleanup(listener.Close)
	clients, err := memory.NewClients(&oauth2.Client{ID: machineID, Secrets: hashed(machineSecret), GrantTypes: []string{oauth2.GrantClientCredentials}, Scope: oauth2.Scope{"read"}})
	require.NoError(t, err)
	store := memory.New()
	for range 3 {
		server, err := oauth2.New(oauth2.ServerConfig{
			Issuer: listener.URL, Clients: clients, Tokens: store, Now: clock.Now,
			Grants:    []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
			Resources: []oauth2.Resource{{URI: audience, Format: oauth2.FormatJWT, AccessLifetime: 30 * time.Minute}},
			Keys:      &oauth2.SigningKeys{SealingKeys: [][]byte{bytes.Repeat([]byte("k"), 32)}, RotateAfter: 2 * time.Hour, Announce: 20 * time.Minute, Retain: 30 * time.Minute},
		})
		require.NoError(t, err)
		replicas = append(replicas, server)
	}
	v, err := resource.NewJWTVerifier(resource.JWTConfig{Issuer: listener.URL, Audience: []string{audience}, Now: clock.Now})
	require.NoError(t, err)

	kids := map[string]bool{}
	var live []string // the tokens of the last half hour
	for range 8 * 60 {
		token := machineJWT(t, listener.URL)
		signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
		require.NoError(t, err)
		kids[signed.Signatures[0].Header.KeyID] = true
		live = append(live, token)
		live = live[max(0, len(live)-30):]
		for _, at := range []int{0, len(live) / 2, len(live) - 1} {
			_, err := v.Check(t.Context(), live[at])
			require.NoError(t, err)
		}
		clock.Advance(time.Minute)
	}
	require.GreaterOrEqual(t, len(kids), 4, "the keys were rotated")
}

func machineJWT(t *testing.T, issuer string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, issuer+"/token", strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(machineID, machineSecret)
	res, err := direct.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
	require.Equal(t, http.StatusOK, res.StatusCode)
	return answer.AccessToken
}
