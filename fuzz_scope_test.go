package oauth2

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// scopeSyntax is RFC 6749 appendix A.4.
var scopeSyntax = regexp.MustCompile(`\A[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*\z`)

// A scope is a set of the specification's tokens: writing it and reading it again changes nothing, and
// it is included in itself and in whatever it was taken from.
func FuzzScope(f *testing.F) {
	for _, seed := range []string{"", "read", "read write", "read read", " read", "read  write", "a\tb", `a"b`, `a\b`, "é", "!#[]~", "\x7f"} {
		f.Add(seed, "read")
	}
	f.Add("a b c", "c a a")
	f.Fuzz(func(t *testing.T, text, other string) {
		scope, err := ParseScope(text)
		require.Equal(t, text == "" || scopeSyntax.MatchString(text) && strings.Count(text, " ") < maxScopeTokens, err == nil)
		if err != nil {
			require.Nil(t, scope)
			return
		}
		again, err := ParseScope(scope.String())
		require.NoError(t, err)
		require.Equal(t, scope, again)
		for _, token := range strings.Fields(text) {
			require.True(t, scope.Has(token))
		}
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(scope))), len(scope), "each token once")

		var decoded Scope
		document, err := json.Marshal(scope)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(document, &decoded))
		require.True(t, scope.equal(decoded))

		require.True(t, scope.Includes(scope) && scope.Includes(nil))
		if second, err := ParseScope(other); err == nil {
			both, err := ParseScope(strings.TrimSpace(scope.String() + " " + second.String()))
			if len(scope)+len(second) > maxScopeTokens {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.True(t, both.Includes(scope) && both.Includes(second))
			require.Equal(t, len(both) == len(scope), scope.Includes(second), "a set that includes another does not grow by it")
			require.Equal(t, scope.Includes(second) && second.Includes(scope), second.equal(scope))
		}
	})
}

// verifierSyntax is RFC 7636 section 4.1.
var verifierSyntax = regexp.MustCompile(`\A[A-Za-z0-9._~-]{43,128}\z`)

// A verifier of the specification's syntax matches its own challenge (RFC 7636 section 4.6), and no
// other text matches.
func FuzzPKCE(f *testing.F) {
	verifier := "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	f.Add(verifier, verifier+"x", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
	f.Add(verifier[1:], "", "")
	f.Add(strings.Repeat("a", 128), strings.Repeat("a", 129), verifier)
	f.Add(verifier+"+", verifier+"\n", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN")
	f.Fuzz(func(t *testing.T, verifier, other, challenge string) {
		valid := verifierSyntax.MatchString(verifier)
		require.Equal(t, valid, validCodeVerifier(verifier))
		sum := sha256.Sum256([]byte(verifier))
		own := base64.RawURLEncoding.EncodeToString(sum[:])
		require.True(t, validCodeChallenge(own))
		require.Equal(t, valid, verifyPKCE(own, verifier))
		require.Equal(t, valid && own == challenge, verifyPKCE(challenge, verifier))
		if other != verifier {
			require.False(t, verifyPKCE(own, other))
		}
		if validCodeChallenge(challenge) {
			raw, err := base64.RawURLEncoding.DecodeString(challenge)
			require.NoError(t, err)
			require.Equal(t, challenge, base64.RawURLEncoding.EncodeToString(raw), "a challenge has one spelling")
			require.Len(t, raw, sha256.Size)
		}
	})
}

// What is asked for is one of the configured resources, as an exact string; each counts once
// (RFC 8707 section 2).
func FuzzResourceIndicator(f *testing.F) {
	f.Add("https://api.example.com", "urn:x:y", "resource=https://api.example.com&resource=urn:x:y")
	f.Add("https://api.example.com", "https://api.example.com/", "resource=https%3A%2F%2Fapi.example.com%2F")
	f.Add("https://api.example.com", "/relative", "resource=https://API.example.com")
	f.Add("https://a/#", "x", "resource=")
	f.Fuzz(func(t *testing.T, one, other, body string) {
		cfg := ServerConfig{Issuer: "https://id.example.com", Resources: []Resource{{URI: one}, {URI: other}}}.withDefaults()
		misconfigured := strings.Contains(cfg.validate().Error(), "Resources: ")
		u, errOne := url.Parse(one)
		v, errOther := url.Parse(other)
		absolute := errOne == nil && errOther == nil && u.IsAbs() && v.IsAbs() && !strings.Contains(one+other, "#")
		require.Equal(t, !absolute || one == other, misconfigured)
		form, err := parseForm(body)
		if misconfigured || err != nil {
			return
		}
		got, err := (&Server{cfg: cfg}).requestedResource(form)
		served := true
		for _, uri := range form.all("resource") {
			served = served && (uri == one || uri == other)
		}
		if !served {
			require.ErrorIs(t, err, ErrInvalidTarget)
			require.Nil(t, got)
			return
		}
		require.NoError(t, err)
		require.ElementsMatch(t, slices.Compact(slices.Sorted(slices.Values(form.all("resource")))), got)
	})
}
