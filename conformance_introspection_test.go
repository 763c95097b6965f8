package oauth2_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestIntrospectionChecksExpiryAndRevocationEachTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expiring, _ := w.tokens()
	w.clock.Advance(time.Hour - time.Second)
	revoked, _ := w.tokens()
	require.True(t, w.active(expiring), "in its last second")
	require.True(t, w.active(revoked))
	w.clock.Advance(time.Second)
	require.False(t, w.active(expiring))
	require.True(t, w.active(revoked))
	require.Equal(t, http.StatusOK, w.post("/revoke", webApp, values("token", revoked)).status)
	require.False(t, w.active(revoked))
}

func TestAnInactiveTokenIsNotTalkedAboutWhateverTheReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.AuthorizationLifetime = 90 * time.Minute })
	revoked, refresh := w.tokens()
	expired, _ := w.tokens()
	require.Equal(t, http.StatusOK, w.post("/revoke", webApp, values("token", refresh)).status)
	w.clock.Advance(time.Hour)
	for _, token := range []string{revoked, expired, refresh, "never issued"} {
		got := w.post("/introspect", api, values("token", token))
		require.Equal(t, http.StatusOK, got.status)
		require.Equal(t, `{"active":false}`, got.body)
	}
}

func TestAResourceServerWithAWrongSecretLearnsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	access, _ := w.tokens()
	for _, token := range []string{access, "unknown"} {
		got := w.post("/introspect", "", values("token", token, "client_id", api, "client_secret", "wrong"))
		refused(t, got, http.StatusUnauthorized, "invalid_client")
		require.NotContains(t, got.json, "active")
	}
}

func TestAMachinesTokenIsToldWithoutASubject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(machine, "grant_type", "client_credentials", "scope", "stats").str("access_token")
	got := w.post("/introspect", api, values("token", token))
	require.Equal(t, machine, got.str("client_id"))
	require.Equal(t, "stats", got.str("scope"))
	require.NotContains(t, got.json, "sub")
	require.NotContains(t, got.json, "username")
}

func TestAResourceServerIsToldAboutTheTokensOfItsOwnResourcesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withResources(resourceOne, resourceTwo))
	for id, uris := range map[string][]string{"of-one": {resourceOne}, "of-both": {resourceOne, resourceTwo}} {
		require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{
			ID: id, Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf(id))}}, GrantTypes: []string{}, ResourceServer: true, Resources: uris,
		}))
	}
	issue := func(pairs ...string) string {
		return w.token(machine, append([]string{"grant_type", "client_credentials"}, pairs...)...).str("access_token")
	}
	one, two, both, none := issue("resource", resourceOne), issue("resource", resourceTwo), issue("resource", resourceOne, "resource", resourceTwo), issue()
	for asker, told := range map[string]map[string]bool{
		"of-one":  {one: true, two: false, both: true, none: false},
		"of-both": {one: true, two: true, both: true, none: false},
		api:       {one: true, two: true, both: true, none: true}, // it names no resources of its own
	} {
		for token, active := range told {
			got := w.post("/introspect", asker, values("token", token))
			require.Equal(t, http.StatusOK, got.status)
			require.Equal(t, active, got.json["active"], asker)
			if !active {
				require.Equal(t, `{"active":false}`, got.body)
			}
		}
	}
}
