package oauth2

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// What the fuzz targets found, each as a test of its own.

func TestABcryptHashThatWouldTakeDaysToVerifyIsNone(t *testing.T) {
	t.Parallel()
	quick, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	require.NoError(t, err)
	require.True(t, IsHash(string(quick)))
	require.True(t, VerifySecret(string(quick), "secret"))
	for _, cost := range []string{"$17$", "$31$"} {
		dear := strings.Replace(string(quick), "$04$", cost, 1)
		require.False(t, IsHash(dear))
		require.False(t, VerifySecret(dear, "secret"))
	}
}

func TestTheParametersOfAnArgon2idHashHaveOneSpelling(t *testing.T) {
	t.Parallel()
	const rest = "$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"
	require.True(t, IsHash("$argon2id$v=19$m=8,t=1,p=1"+rest))
	for _, parameters := range []string{"v=19$m=8,t=1,p=1,", "v=19$m=8,t=1,p=1junk", "v=19$m= 8,t=1,p=1", "v=19$m=08,t=1,p=1", "v=19x$m=8,t=1,p=1", "v=+19$m=8,t=1,p=1"} {
		require.False(t, IsHash("$argon2id$"+parameters+rest), parameters)
	}
}

func TestARecordWithAnotherIDThanItsKeyIsAFault(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "aaaaaaaaaaaaaaaaaaaa", strings.Repeat("A", 40)} {
		a, token := refreshable()
		a.ID, a.Format, a.Issuer, a.ClientID = id, recordFormat, "https://id.example.com", "app"
		s := &shelf{a}
		server := s.server(t)
		access := newBearerToken(kindAccess, "AAAAAAAAAAAAAAAAAAAA", a.LineageKey, tokenCore{})
		_, err := server.Check(t.Context(), access.text("at_"))
		require.ErrorIs(t, err, ErrTemporarilyUnavailable)
		require.Equal(t, http.StatusServiceUnavailable, s.post(t, server.Token, "grant_type", "refresh_token", "refresh_token", token.text("rt_")))
	}
}

func TestATokenOfAGarbledIDIsMadeWithoutAPanic(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "not base64url at all", strings.Repeat("A", 19), strings.Repeat("A", 300)} {
		token := newBearerToken(kindRefresh, id, "key", tokenCore{1})
		require.True(t, token.provenBy("key"))
		require.NotEqual(t, id, token.id())
	}
}

func TestAnIssuerIsAPlainURLThatJSONLeavesAsItIs(t *testing.T) {
	t.Parallel()
	require.NoError(t, validateIssuer("https://id.example.com:8443/tenant"))
	for _, issuer := range []string{"https://:443", "HTTPS://id.example.com", "https://\xee", "https://b\u00fccher.example", `https://a"b`, "https://[fe80::1%25eth0]/"} {
		require.Error(t, validateIssuer(issuer), issuer)
	}
	require.NoError(t, validateIssuer("https://xn--bcher-kva.example"))
}

// A claim that is JSON itself became a parameter with bytes that are no text.
func TestARequestObjectThatIsNotUTF8IsRefused(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{"{\"\":[\"\xac\"]}", "{\"claims\":{\"a\":\"\xff\"}}", "{\"a\":\"\xff\"}"} {
		_, _, err := readRequestObject([]byte(payload))
		require.ErrorIs(t, err, ErrInvalidRequestObject, "%q", payload)
	}
}
