package authserver_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

func TestAClientThatIsRegisteredForItExchangesAUsersToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *authserver.Options) {
		o.ClientsFile = write(t, `[
			{"client_id":"spam4All","client_secret":"spam4All-demo-secret-0123456789","redirect_uris":["`+redirect+`"],"scope":"contacts.read","grant_types":["authorization_code"]},
			{"client_id":"xmail-contacts","client_secret":"xmail-contacts-demo-secret-0123456789","scope":"contacts.read contacts.stats","resource_server":true,
			 "grant_types":["`+oauth2.GrantTokenExchange+`","client_credentials"]}]`)
	})
	subject := s.loggedIn("alice", "wonderland").tokens()["access_token"].(string)
	exchange := func(client string, pairs ...string) map[string]any {
		form := url.Values{"grant_type": {oauth2.GrantTokenExchange}, "subject_token": {subject}, "subject_token_type": {oauth2.TokenTypeAccessToken}}
		for i := 0; i+1 < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return s.call("/token", client, form)
	}
	got := exchange("xmail-contacts")
	require.Equal(t, http.StatusOK, got["status"], got)
	token := s.introspect(got["access_token"])
	require.Equal(t, []any{"alice", "xmail-contacts", "contacts.read"}, []any{token["sub"], token["client_id"], token["scope"]})
	require.NotContains(t, token, "act", "impersonation")

	actor := s.call("/token", "xmail-contacts", url.Values{"grant_type": {"client_credentials"}})["access_token"].(string)
	delegated := exchange("xmail-contacts", "actor_token", actor, "actor_token_type", oauth2.TokenTypeAccessToken)
	require.Equal(t, map[string]any{"sub": "xmail-contacts", "client_id": "xmail-contacts"}, s.introspect(delegated["access_token"])["act"])

	require.Equal(t, "invalid_scope", exchange("xmail-contacts", "scope", "contacts.stats")["error"], "never wider")
	require.Equal(t, "unauthorized_client", exchange("spam4All")["error"])
}
