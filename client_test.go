package oauth2

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

func TestParseClientsReadsRFC7591sNames(t *testing.T) {
	t.Parallel()
	clients, err := ParseClients([]byte(`[
		{"client_id":"web","client_name":"Web","client_secret":"in clear","redirect_uris":["https://app.example.com/cb"],
		 "grant_types":["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"],"scope":"read write","unknown":{"x":1}},
		{"client_id":"spa","token_endpoint_auth_method":"none","redirect_uris":["https://spa.example.com/cb"]},
		{"client_id":"nothing","grant_types":[]},
		{"client_id":"api","client_secret":"s","resource_server":true,"grant_types":[]},
		{"client_id":"later","token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://later.example.com/jwks"}
	]`))
	require.NoError(t, err)
	web, spa, nothing, api, later := clients[0], clients[1], clients[2], clients[3], clients[4]
	require.False(t, web.Public())
	require.True(t, VerifySecret(web.Secrets[0].Hash, "in clear"))
	require.NotContains(t, web.Secrets[0].Hash, "in clear")
	require.Equal(t, Scope{"read", "write"}, web.Scope)
	require.True(t, web.MayUse("urn:ietf:params:oauth:grant-type:device_code"), "it loads, and is refused at use")
	require.True(t, spa.Public())
	require.True(t, spa.MayUse("authorization_code"), "absent grant_types mean authorization_code")
	require.False(t, spa.MayUse("refresh_token"))
	require.False(t, nothing.MayUse("authorization_code"), "empty grant_types mean none")
	require.True(t, api.ResourceServer)
	require.False(t, later.Public())
	require.False(t, later.accepts(AuthMethodNone))

	text, err := json.Marshal(web)
	require.NoError(t, err)
	require.NotContains(t, string(text), "in clear")
	var back Client
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, *web, back)
}

func TestClientThatCannotBeRegisteredIsAnError(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no array":                  `{}`,
		"no client_id":              `[{}]`,
		"client_id twice":           `[{"client_id":"a"},{"client_id":"a"}]`,
		"client_id not ASCII":       `[{"client_id":"é"}]`,
		"redirect URI not allowed":  `[{"client_id":"a","redirect_uris":["http://app.example.com/"]}]`,
		"malformed scope":           `[{"client_id":"a","scope":"a  b"}]`,
		"secret of a public client": `[{"client_id":"a","client_secret":"x","token_endpoint_auth_method":"none"}]`,
		"basic without a secret":    `[{"client_id":"a","token_endpoint_auth_method":"client_secret_basic"}]`,
	} {
		_, err := ParseClients([]byte(text))
		require.Error(t, err, name)
	}
}

func TestCloneOfAClientSharesNothing(t *testing.T) {
	t.Parallel()
	c := &Client{ID: "a", Secrets: []ClientSecret{{Hash: "h"}}, RedirectURIs: []string{"u"}, GrantTypes: []string{"g"}, Scope: Scope{"s"}, Resources: []string{"r"}, Contacts: []string{"c"}}
	clone := c.Clone()
	clone.Secrets[0].Hash, clone.RedirectURIs[0], clone.GrantTypes[0], clone.Scope[0], clone.Resources[0], clone.Contacts[0] = "", "", "", "", "", ""
	require.Equal(t, &Client{ID: "a", Secrets: []ClientSecret{{Hash: "h"}}, RedirectURIs: []string{"u"}, GrantTypes: []string{"g"}, Scope: Scope{"s"}, Resources: []string{"r"}, Contacts: []string{"c"}}, c)
}

func TestRegistrationRefusesRedirectURIsThatAreNotSafe(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]struct{ web, native bool }{
		"https://app.example.com/cb":        {true, true},
		"https://app.example.com/cb?x=1":    {true, true},
		"https://app.example.com":           {true, true},
		"http://localhost:8600/cb":          {true, true},
		"http://127.0.0.1/cb":               {true, true},
		"http://[::1]:99/cb":                {true, true},
		"com.example.app:/cb":               {false, true},
		"com.example.app://cb":              {false, true},
		"myapp:/cb":                         {},
		"http://app.example.com/cb":         {},
		"http://127.0.0.1.evil.example/":    {},
		"http://0.0.0.0/cb":                 {},
		"javascript:alert(1)":               {},
		"JavaScript://x/%0aalert(1)":        {},
		"data:text/html,x":                  {},
		"file:///etc/passwd":                {},
		"https://app.example.com/cb#x":      {},
		"https://app.example.com/cb#":       {},
		"https://*.example.com/cb":          {},
		"https://user:pass@app.example.com": {},
		"https:///cb":                       {},
		"https://a;script-src/cb":           {},
		"https://a,b.example.com/cb":        {},
		"https://a'b.example.com/cb":        {},
		"https://app.example.com/a/../cb":   {},
		"https://app.example.com/%2e%2e/cb": {},
		"//app.example.com/cb":              {},
		"/cb":                               {},
		"":                                  {},
		"https://app.example.com/c b":       {},
		"https://app.example.com/\\evil":    {},
		"https://app.example.com/\r\nX: y":  {},
		"https://äpp.example.com/cb":        {},
	} {
		require.Equal(t, want.web, ValidateRedirectURI(uri, false) == nil, "web %q", uri)
		err := ValidateRedirectURI(uri, true)
		require.Equal(t, want.native, err == nil, "native %q", uri)
		if err != nil {
			require.ErrorIs(t, err, ErrRedirectURI)
		}
	}
}

func TestScopeIsRFC6749Section3_3s(t *testing.T) {
	t.Parallel()
	scope, err := ParseScope("a b a !#[]~")
	require.NoError(t, err)
	require.Equal(t, Scope{"a", "b", "!#[]~"}, scope)
	require.Equal(t, "a b !#[]~", scope.String())
	require.True(t, scope.Includes(Scope{"b"}))
	require.True(t, scope.Includes(nil))
	require.False(t, scope.Includes(Scope{"c"}))
	require.False(t, scope.Has("A"))
	for _, bad := range []string{" ", " a", "a ", "a  b", "a\"", "a\\b", "a\tb", "é", "a\x7f"} {
		_, err := ParseScope(bad)
		require.Error(t, err, "%q", bad)
	}
	empty, err := ParseScope("")
	require.NoError(t, err)
	require.Empty(t, empty)
	require.Error(t, json.Unmarshal([]byte(`["a"]`), &scope))
	require.Error(t, json.Unmarshal([]byte(`"a  b"`), &scope))
}

func TestPKCEIsRFC7636s(t *testing.T) {
	t.Parallel()
	// The example of RFC 7636 appendix B.
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	require.True(t, validCodeChallenge(challenge))
	require.True(t, verifyPKCE(challenge, verifier))
	for _, bad := range []string{"", verifier[1:], verifier + "=", verifier[:42] + "!", strings.Repeat("a", 129), challenge} {
		require.False(t, verifyPKCE(challenge, bad), "%q", bad)
	}
	require.True(t, validCodeVerifier(strings.Repeat("a", 128)))
	for _, bad := range []string{"", challenge[1:], challenge + "A", "=" + challenge[1:], challenge[:42] + "\n", challenge[:42] + "N"} {
		require.False(t, validCodeChallenge(bad), "%q", bad)
	}
}

func TestSecretsAreKeptAsSaltedHashesToldApartByPrefix(t *testing.T) {
	t.Parallel()
	old, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	require.NoError(t, err)
	for _, hash := range []string{HashSecret("secret"), HashPassword("secret"), string(old)} {
		require.True(t, IsHash(hash))
		require.True(t, VerifySecret(hash, "secret"), hash)
		for _, near := range []string{"", "secre", "secret ", "Secret", "secretx", hash} {
			require.False(t, VerifySecret(hash, near), "%q", near)
		}
	}
	require.NotEqual(t, HashSecret("secret"), HashSecret("secret"), "salted")
	require.NotEqual(t, NewSecret(), NewSecret())
	require.Len(t, NewSecret(), 43)
}

func TestHashThatCannotBeReadMatchesNothing(t *testing.T) {
	t.Parallel()
	for _, hash := range []string{
		"", "secret", "$", "$sha256$", "$sha256$salt", "$argon2id$", "$argon2id$v=19$m=1,t=1,p=1$AAAA$", "$argon2id$v=18$m=8,t=1,p=1$AAAA$" + strings.Repeat("A", 43),
		"$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$" + strings.Repeat("A", 43), "$argon2id$v=19$m=8,t=0,p=1$AAAA$" + strings.Repeat("A", 43),
		"$argon2id$v=19$m=8,t=1,p=0$AAAA$" + strings.Repeat("A", 43), "$2a$", "$5$rounds=5000$x$y",
	} {
		require.False(t, VerifySecret(hash, "secret"), hash)
		require.False(t, VerifySecret(hash, ""), hash)
	}
}

func TestFormsAreReadAsBrowsersWriteThem(t *testing.T) {
	t.Parallel()
	f, err := parseForm("a=1+2%203&b=%C3%A9&&c=x=y;z&resource=1&resource=2&d=&e")
	require.NoError(t, err)
	require.Equal(t, "1 2 3", f.get("a"))
	require.Equal(t, "é", f.get("b"))
	require.Equal(t, "x=y;z", f.get("c"))
	require.Equal(t, []string{"1", "2"}, f.all("resource"))
	require.Empty(t, f.get("d"))
	_, repeated := f.repeated()
	require.False(t, repeated, "resource may repeat")
	f, err = parseForm("d=&d=1")
	require.NoError(t, err)
	name, repeated := f.repeated()
	require.True(t, repeated)
	require.Equal(t, "d", name)
	for _, bad := range []string{"%", "a=%z1", "a=%ff", "a=\x00", "%00=a", strings.Repeat("a=b&", maxParameters+1)} {
		_, err := parseForm(bad)
		require.Error(t, err, "%q", bad)
	}
}

func TestErrorsAreComparedByCodeAndTellNoCause(t *testing.T) {
	t.Parallel()
	err := ErrInvalidGrant.With(`a "quoted" \ line` + "\né").Because(ErrNotFound)
	require.ErrorIs(t, err, ErrInvalidGrant)
	require.ErrorIs(t, err, ErrNotFound)
	require.NotErrorIs(t, err, ErrInvalidClient)
	require.Equal(t, `a 'quoted' ' line??`, err.publicDescription())
	require.Empty(t, ErrInvalidGrant.Description, "the sentinels stay as they are")
	require.Equal(t, ErrServerError.Code, asError(ErrNotFound).Code)
}
