package oauth2_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestACodeIsRedeemedByTheVerifierOfItsOwnRequestAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := strings.Repeat("other-verifier_", 4)
	one := w.approve(codeRequest("state", "one"))
	two := w.approve(codeRequest("state", "two", "code_challenge", challengeOf(other)))
	refused(t, w.post("/token", webApp, redemption(one, "code_verifier", other)), http.StatusBadRequest, "invalid_grant")
	refused(t, w.post("/token", webApp, redemption(two, "code_verifier", verifier)), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(one, "code_verifier", verifier)).status)
	require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(two, "code_verifier", other)).status)
}

func TestAVerifierHas43To128UnreservedCharacters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for text, ok := range map[string]bool{
		strings.Repeat("a", 42):               false,
		strings.Repeat("a", 43):               true,
		strings.Repeat("aZ0-._~9", 5) + "xyz": true,
		strings.Repeat("a", 128):              true,
		strings.Repeat("a", 129):              false,
		strings.Repeat("a", 43) + "+":         false,
		strings.Repeat("a", 43) + "/":         false,
		strings.Repeat("a", 43) + "=":         false,
		strings.Repeat("a", 43) + "é":         false,
	} {
		code := w.approve(codeRequest("code_challenge", challengeOf(text)))
		got := w.post("/token", webApp, redemption(code, "code_verifier", text))
		if ok {
			require.Equal(t, http.StatusOK, got.status, "%q: %s", text, got.body)
		} else {
			refused(t, got, http.StatusBadRequest, "invalid_grant")
		}
	}
}

func TestTheChallengeCannotBeReadFromTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest()
	answer := w.decide(query, formTokenIn(w.ask(query).body), "yes")
	sum := sha256.Sum256([]byte(verifier))
	require.NotContains(t, answer.header.Get("Location"), challengeOf(verifier))
	code := answer.location(t).Get("code")
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(code, "ac_"))
	require.NoError(t, err)
	require.NotContains(t, string(raw), string(sum[:8]), "nor is a piece of it in the code")
}

func TestARefusalForPKCESaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ name, value, why string }{
		{"code_challenge", "", "code_challenge is missing"},
		{"code_challenge_method", "plain", "The only code_challenge_method served is S256"},
		{"code_challenge_method", "S512", "The only code_challenge_method served is S256"},
		{"code_challenge_method", "", "The only code_challenge_method served is S256"},
	} {
		got := w.ask(codeRequest(c.name, c.value)).location(t)
		require.Equal(t, "invalid_request", got.Get("error"))
		require.Contains(t, got.Get("error_description"), c.why)
	}
}

func TestAPublicClientCannotLeavePKCEOutOnEitherSide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const loopback = "http://127.0.0.1:5000/cb"
	request := func(pairs ...string) string {
		return w.ask(codeRequest(append([]string{"client_id", nativeApp, "redirect_uri", loopback, "scope", "read"}, pairs...)...)).location(t).Get("error")
	}
	require.Equal(t, "invalid_request", request("code_challenge", "", "code_challenge_method", ""))
	require.Equal(t, "invalid_request", request("code_challenge_method", "plain", "code_challenge", verifier))

	code := w.approve(codeRequest("client_id", nativeApp, "redirect_uri", loopback, "scope", "read"))
	redeem := func(pairs ...string) answer {
		return w.post("/token", "", redemption(code, append([]string{"client_id", nativeApp, "redirect_uri", loopback}, pairs...)...))
	}
	refused(t, redeem("code_verifier", ""), http.StatusBadRequest, "invalid_request")
	require.Equal(t, http.StatusOK, redeem().status)
}
