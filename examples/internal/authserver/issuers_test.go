package authserver_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

func TestAClientTakesItsUserAlongToAnotherServerOfTheCircle(t *testing.T) {
	t.Parallel()
	const client = `{"client_id":"spam4All","client_secret":"spam4All-demo-secret-0123456789","redirect_uris":["` + redirect + `"],"scope":"contacts.read",
		"grant_types":["authorization_code","` + oauth2.GrantTokenExchange + `","` + oauth2.GrantJWTBearer + `"]},
		{"client_id":"xmail-contacts","client_secret":"xmail-contacts-demo-secret-0123456789","grant_types":[],"resource_server":true}`
	server := func(o *authserver.Options) {
		o.ClientsFile, o.Store = write(t, "["+client+"]"), "sqlite:"+filepath.Join(t.TempDir(), "xmail.db")
	}
	home, away := newSite(t, server), newSite(t, server)
	// They learn of each other once both have an address.
	for _, pair := range [][2]*site{{home, away}, {away, home}} {
		keys := pair[1].browser().get("/jwks").body
		pair[0].options.IssuersFile = write(t, `[{"issuer":"`+pair[1].url+`","jwks":`+keys+`,"id_jag":true}]`)
	}
	home.use(home.start())
	away.use(away.start())

	mine := home.loggedIn("alice", "wonderland").tokens()["access_token"].(string)
	vouched := func(audience string) map[string]any {
		return home.call("/token", "spam4All", url.Values{
			"grant_type": {oauth2.GrantTokenExchange}, "subject_token": {mine}, "subject_token_type": {oauth2.TokenTypeAccessToken},
			"requested_token_type": {oauth2.TokenTypeIDJAG}, "audience": {audience}, "scope": {"contacts.read"},
		})
	}
	require.Equal(t, "invalid_target", vouched("https://elsewhere.example")["error"])
	assertion := vouched(away.url)
	require.Equal(t, []any{http.StatusOK, "N_A"}, []any{assertion["status"], assertion["token_type"]}, assertion)

	accepted := func() map[string]any {
		return away.call("/token", "spam4All", url.Values{"grant_type": {oauth2.GrantJWTBearer}, "assertion": {assertion["access_token"].(string)}})
	}
	token := accepted()
	require.Equal(t, http.StatusOK, token["status"], token)
	told := away.introspect(token["access_token"])
	require.Equal(t, []any{"alice", "spam4All", "contacts.read"}, []any{told["sub"], told["client_id"], told["scope"]})
	require.Equal(t, "invalid_grant", accepted()["error"], "an assertion is good once")
}
