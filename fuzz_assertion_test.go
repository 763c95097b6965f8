package oauth2_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// No client authenticates by what it did not sign, however that is written, and what it did sign
// never makes anything but an answer of the specification.
func FuzzClientAssertion(f *testing.F) {
	w := newSigningWorld(f)
	key := keyOf(signer, jose.ES256)
	for _, claims := range []string{
		`{"iss":"signer","sub":"signer","aud":"x","exp":1,"jti":"a"}`, `{"sub":["signer"],"aud":[{}],"exp":1e300,"nbf":-1e18,"jti":{}}`, `{"exp":null}`, `[]`, `"`, ``,
	} {
		f.Add(`{"alg":"ES256"}`, claims, false)
		f.Add(`{"alg":"ES256","kid":"es","typ":"JWT"}`, claims, true)
	}
	f.Fuzz(func(t *testing.T, header, claims string, signed bool) {
		encode := base64.RawURLEncoding.EncodeToString
		assertion := encode([]byte(header)) + "." + encode([]byte(claims)) + "." + encode(make([]byte, 64))
		if signed {
			s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
			require.NoError(t, err)
			jws, err := s.Sign([]byte(claims))
			require.NoError(t, err)
			assertion, err = jws.CompactSerialize()
			require.NoError(t, err)
		}
		r := httptest.NewRequest(http.MethodPost, "/token", strings.NewReader(asserting(assertion, "client_id", signer).Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		got := httptest.NewRecorder()
		w.server.ServeHTTP(got, r)
		if !signed {
			require.Contains(t, []int{http.StatusUnauthorized, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests}, got.Code)
		}
		require.Less(t, got.Code, http.StatusInternalServerError, got.Body.String())
	})
}
