package secrecy

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const secret = "a/secret?of+many&characters"

func TestASecretIsFoundInClearEscapedAndInBase64(t *testing.T) {
	t.Parallel()
	rec := New()
	rec.Add("code", secret)
	for _, told := range []string{secret, "x" + secret + "y", url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
		require.NotEmpty(t, rec.Find("before "+told+" after"), told)
	}
	require.Empty(t, rec.Find(secret[:len(secret)-1]))
	require.Empty(t, rec.Find(""))
}

func TestOfATokenEverythingBehindItsIDIsSecret(t *testing.T) {
	t.Parallel()
	rec := New()
	id, rest := strings.Repeat("i", idChars), strings.Repeat("r", 44)
	rec.Add("access_token", "at_"+id+rest)
	require.Empty(t, rec.Find("authorization "+id))
	require.Equal(t, []string{"access_token"}, rec.Find("token "+rest))
}

func TestAShortValueAndAPublicChallengeAreNoSecrets(t *testing.T) {
	t.Parallel()
	rec := New()
	rec.Add("code", "short")
	rec.addForm(url.Values{"code_challenge": {secret}, "code_verifier": {secret}})
	require.Empty(t, rec.Find("short "+secret))
}

func TestSecretsOfRequestsAndAnswersAreSeenAndAnEchoIsTold(t *testing.T) {
	t.Parallel()
	const cookie, hidden, issued = "cookie-0123456789abcdef", "hidden-0123456789abcdef", "issued-0123456789abcdef"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: cookie})
		switch r.URL.Path {
		case "/page":
			_, _ = io.WriteString(w, `<input type="hidden" name="form_token" value="`+hidden+`">`)
		case "/refused":
			http.Error(w, "not "+r.PostFormValue("password"), http.StatusForbidden)
		default:
			_, _ = io.WriteString(w, `{"access_token":"`+issued+`"}`)
		}
	}))
	defer server.Close()
	rec := New()
	client := &http.Client{Transport: rec.Through(server.Client().Transport)}
	for _, path := range []string{"/page", "/token", "/refused"} {
		res, err := client.PostForm(server.URL+path, url.Values{"password": {secret}})
		require.NoError(t, err)
		_, err = io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
	}
	for what, value := range map[string]string{"cookie": cookie, "form_token": hidden, "access_token": issued, "password": secret} {
		require.Equal(t, []string{what}, rec.Find(value))
	}
	require.Equal(t, []string{"/refused: password"}, rec.Echoes())
}
