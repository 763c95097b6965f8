package resource

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// Whatever the issuer signed, it is a token only with the claims of RFC 9068 section 2.2, for this API
// and now.
func FuzzJWTClaims(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"https://id.example.com","aud":"a","sub":"alice","client_id":"app","jti":"1","iat":1700000000,"exp":1700000060}`,
		`{"iss":"https://id.example.com","aud":["b","a"],"sub":"app","client_id":"app","jti":"1","iat":1.7e9,"exp":1.7e9,"nbf":0,"cnf":{"jkt":"x"}}`,
		`{"iss":null,"aud":"a","sub":"x","client_id":"x","jti":"","iat":0,"exp":1e99}`, `{"ISS":"https://id.example.com"}`, `{}`, `[]`, `null`, ``,
	} {
		f.Add([]byte(seed))
	}
	now := time.Unix(1_700_000_000, 0)
	v := &JWTVerifier{issuer: "https://id.example.com", audience: []string{"a"}, now: func() time.Time { return now }}
	f.Fuzz(func(t *testing.T, payload []byte) {
		info, err := v.read(payload)
		if err != nil {
			require.ErrorIs(t, err, oauth2.ErrInvalidToken)
			require.Nil(t, info)
			return
		}
		var members map[string]any
		require.NoError(t, json.Unmarshal(payload, &members))
		for _, name := range requiredClaims {
			require.NotNil(t, members[name], name)
		}
		require.Equal(t, v.issuer, members["iss"])
		require.Contains(t, info.Audience, "a")
		require.True(t, info.ExpiresAt.After(now))
		require.False(t, info.IssuedAt.After(now))
		require.NotEqual(t, info.ClientID, info.Subject, "a client is no user")
		_, bound := members["cnf"]
		require.Equal(t, bound, info.Confirmation != nil, "a bound token is never told as a bearer token")
	})
}

// A text has one spelling: what is accepted is what a signer writes, to the letter.
func FuzzJWTSpelling(f *testing.F) {
	for _, seed := range []string{"e30.e30.AA", "e30.e30.AB", "e30=.e30.AA", "e30.\ne30.AA", "..", "", "a+b.c/d.e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !oneSpelling(text) {
			return
		}
		for part := range strings.SplitSeq(text, ".") {
			decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
			require.NoError(t, err)
			require.Equal(t, part, base64.RawURLEncoding.EncodeToString(decoded))
		}
		_ = looksLikeJWT(text)
	})
}

// Whatever is published, only public keys that an algorithm here takes, under a kid, verify anything.
func FuzzKeySet(f *testing.F) {
	for _, seed := range []string{
		`{"keys":[]}`, `{"keys":null}`, `{}`, `[]`, `{"keys":[{"kty":"oct","k":"AAAA","kid":"1","alg":"HS256"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"1"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","kid":"1"}]}`,
		`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"1"},7,null]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := parseKeySet(body)
		if err != nil {
			require.Nil(t, keys)
			return
		}
		for kid, all := range keys {
			require.NotEmpty(t, kid)
			for _, key := range all {
				require.True(t, key.IsPublic())
				require.False(t, fits(key, "HS256"))
				require.False(t, fits(key, "none"))
			}
		}
	})
}
