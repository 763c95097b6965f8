package oauth2

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a client signs, what becomes a parameter is text that a pushed request can keep.
func FuzzRequestObject(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"app","client_id":"app","aud":["https://id.example"],"exp":1,"scope":"read","max_age":600,"resource":["a","b"]}`,
		`{"claims":{"userinfo":{}},"authorization_details":[{}],"state":null,"x":true,"max_age":1e300}`,
		`{"request":"x"}`, `{"request_uri":"x"}`, `{"a":"\u0000"}`, `{"\u0000":"a"}`, `[]`, `null`, `{"aud":1}`, `{"exp":"x"}`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		claims, inner, err := readRequestObject(payload)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidRequestObject)
			return
		}
		require.NotNil(t, claims)
		require.Empty(t, inner.get("request")+inner.get("request_uri")+inner.get("iss")+inner.get("exp"))
		if len(inner) < maxParameters {
			again, err := parseForm(inner.values().Encode())
			require.NoError(t, err)
			require.Equal(t, inner.values(), again.values())
		}
	})
}
