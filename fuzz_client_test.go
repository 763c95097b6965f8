package oauth2

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever file of clients is accepted holds valid clients only, reads the same once it is written
// again, and has no secret in clear any more.
func FuzzParseClients(f *testing.F) {
	for _, seed := range []string{
		`[]`, `null`, `{}`, `[null]`, `[{}]`,
		`[{"client_id":"app","client_secret":"a secret of sixteen","redirect_uris":["https://app.example.com/cb"],"grant_types":[],"scope":"read write"}]`,
		`[{"client_id":"app","Client_Secret":"a secret of sixteen","client_secrets":[{"hash":"$sha256$a$b","expires_at":"2026-03-01T12:00:00+01:00"}]}]`,
		`[{"client_id":"native","redirect_uris":["http://127.0.0.1/cb","com.example.app:/cb"],"grant_types":null}]`,
		`[{"client_id":"a"},{"client_id":"a"}]`, `[{"client_id":"a","token_endpoint_auth_method":"none","client_secret":"a secret of sixteen"}]`,
		`[{"client_id":"a","access_lifetime":-1,"contacts":["\ud800"],"scope":""}]`, `[{"client_id":"a","client_secret":123456789012345678}]`,
		`[{"client_id":"a","redirect_uris":["javascript:alert(1)"]}]`, `[{"client_id":"é"}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		secrets := secretsIn(data)
		clients, err := ParseClients(data)
		if err != nil {
			require.Empty(t, clients)
			for _, secret := range secrets {
				require.NotContains(t, err.Error(), secret)
			}
			return
		}
		seen := map[string]bool{}
		for _, c := range clients {
			require.NoError(t, c.Validate())
			require.False(t, seen[c.ID], "an ID occurs once")
			seen[c.ID] = true
			require.Equal(t, c, c.Clone())
			for _, uri := range c.RedirectURIs {
				require.NoError(t, ValidateRedirectURI(uri, c.native()))
			}
		}
		document, err := json.Marshal(clients)
		require.NoError(t, err)
		for _, secret := range secrets {
			require.NotContains(t, string(document), secret)
		}
		again, err := ParseClients(document)
		require.NoError(t, err)
		second, err := json.Marshal(again)
		require.NoError(t, err)
		require.JSONEq(t, string(document), string(second))
	})
}

// secretsIn finds what a file says in clear in the member client_secret, as long as no other member
// says the same.
func secretsIn(data []byte) (secrets []string) {
	var entries []map[string]any
	if json.Unmarshal(data, &entries) != nil {
		return nil
	}
	for _, members := range entries {
		for name, value := range members {
			secret, _ := value.(string)
			if strings.EqualFold(name, "client_secret") && len(secret) >= 16 && strings.Count(string(data), secret) == 1 {
				secrets = append(secrets, secret)
			}
		}
	}
	return secrets
}

// What one client of a file has as its secret is what authenticates it, and only it.
func FuzzClientSecret(f *testing.F) {
	f.Add("app", "secret", "other")
	f.Add("app", "\"\\\n", "")
	f.Add(" ", "é", "e")
	f.Fuzz(func(t *testing.T, id, secret, other string) {
		document, err := json.Marshal([]map[string]string{{"client_id": id, "client_secret": secret}})
		require.NoError(t, err)
		if !isText(secret) {
			return // JSON has no such text
		}
		clients, err := ParseClients(document)
		if !validClientID(id) {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, secret == "", clients[0].Public())
		if secret == "" {
			require.Empty(t, clients[0].Secrets)
			return
		}
		require.Len(t, clients[0].Secrets, 1)
		require.True(t, VerifySecret(clients[0].Secrets[0].Hash, secret))
		require.Equal(t, other == secret, VerifySecret(clients[0].Secrets[0].Hash, other))
	})
}
