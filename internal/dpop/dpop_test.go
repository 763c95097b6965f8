package dpop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/dpop"
	"github.com/seed5f5fedc6/oauth2/internal/dpop/dpoptest"
	"github.com/seed5f5fedc6/oauth2/internal/jws"
)

const uri = "https://api.example.com/contacts"

var (
	now   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	key   = dpoptest.NewES256(func() time.Time { return now })
	plain = &dpop.Verifier{Lifetime: time.Minute}
)

func verify(v *dpop.Verifier, token string, proofs ...string) (*dpop.Proof, error) {
	r := &http.Request{Method: http.MethodGet, Header: http.Header{}}
	for _, proof := range proofs {
		r.Header.Add("DPoP", proof)
	}
	return v.Verify(r, token, now, uri)
}

func TestAProofOfEachAlgorithmIsAccepted(t *testing.T) {
	t.Parallel()
	for _, alg := range []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jws.Ed25519, jose.PS256, jose.RS256} {
		k := dpoptest.New(alg, func() time.Time { return now })
		proof, err := verify(plain, "", k.Proof(http.MethodGet, uri, dpoptest.Claim("jti", "one")))
		require.NoError(t, err, alg)
		require.Equal(t, &dpop.Proof{JKT: k.Thumbprint(), JTI: "one", Until: time.UnixMilli(now.Add(time.Minute).UnixMilli())}, proof)
		require.True(t, dpop.IsThumbprint(proof.JKT))
	}
	require.Equal(t, []string{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"}, dpop.Algorithms())
}

// The proof, its key and its thumbprint are those of RFC 9449 sections 4.1 and 6.1.
func TestTheProofOfTheSpecificationIsAccepted(t *testing.T) {
	t.Parallel()
	const text = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR" +
		"nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0d" +
		"SI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	r := &http.Request{Method: http.MethodPost, Header: http.Header{}}
	r.Header.Set("DPoP", text)
	proof, err := plain.Verify(r, "", time.Unix(1562262616, 0), "https://server.example.com/token")
	require.NoError(t, err)
	require.Equal(t, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", proof.JKT)
	require.Equal(t, "-BwC3ESc6acc2lTc", proof.JTI)
}

func TestARequestWithoutAProofHasNone(t *testing.T) {
	t.Parallel()
	proof, err := verify(plain, "")
	require.NoError(t, err)
	require.Nil(t, proof)
}

func TestAProofThatIsWrongInAnythingIsRefused(t *testing.T) {
	t.Parallel()
	private := map[string]any{}
	encoded, err := json.Marshal(jose.JSONWebKey{Key: key.Private()})
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(encoded, &private))
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	stranger := dpoptest.NewES256(time.Now)
	good := key.Proof(http.MethodGet, uri)
	parts := strings.Split(good, ".")
	with := func(changes ...dpoptest.Change) string { return key.Proof(http.MethodGet, uri, changes...) }
	signed := func(alg jose.SignatureAlgorithm, signer, jwk any) string {
		return dpoptest.Sign(alg, signer, map[string]any{"typ": "dpop+jwt", "jwk": jwk}, map[string]any{"jti": "x", "htm": "GET", "htu": uri, "iat": now.Unix()})
	}
	payload := func(text string) string {
		return dpoptest.SignPayload(jose.ES256, key.Private(), map[string]any{"typ": "dpop+jwt", "jwk": key.JWK()}, []byte(text))
	}
	claims := map[string]any{"jti": "x", "htm": "GET", "htu": uri, "iat": now.Unix()}
	for name, c := range map[string]struct{ proof, why string }{
		"empty":                         {"", "not a JWS"},
		"no JWS":                        {"x", "not a JWS"},
		"two parts":                     {parts[0] + "." + parts[1], "not a JWS"},
		"JSON serialization":            {`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, "not a JWS"},
		"too large":                     {with(dpoptest.Claim("x", strings.Repeat("x", 8<<10))), "too large"},
		"alg none":                      {raw(t, map[string]any{"typ": "dpop+jwt", "alg": "none", "jwk": key.JWK()}, claims), "not a JWS"},
		"alg None":                      {raw(t, map[string]any{"typ": "dpop+jwt", "alg": "None", "jwk": key.JWK()}, claims), "not a JWS"},
		"no alg":                        {raw(t, map[string]any{"typ": "dpop+jwt", "jwk": key.JWK()}, claims), "not a JWS"},
		"HMAC":                          {signed(jose.HS256, []byte(strings.Repeat("k", 32)), key.JWK()), "not a JWS"},
		"HMAC with its key":             {signed(jose.HS256, []byte(strings.Repeat("k", 32)), map[string]any{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))}), "not a JWS"},
		"ES384":                         {signed(jose.ES384, other, jose.JSONWebKey{Key: other.Public()}), "not a JWS"},
		"ES256 with a P-384 key":        {raw(t, map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": jose.JSONWebKey{Key: other.Public()}}, claims), "does not fit"},
		"RS256 with an EC key":          {raw(t, map[string]any{"typ": "dpop+jwt", "alg": "RS256", "jwk": key.JWK()}, claims), "does not fit"},
		"RSA of 1024 bits":              {signed(jose.RS256, short, jose.JSONWebKey{Key: short.Public()}), "does not fit"},
		"no typ":                        {with(dpoptest.Header("typ", nil)), "typ is not"},
		"typ JWT":                       {with(dpoptest.Header("typ", "JWT")), "typ is not"},
		"typ of an access token":        {with(dpoptest.Header("typ", "at+jwt")), "typ is not"},
		"typ in capitals":               {with(dpoptest.Header("typ", "DPOP+JWT")), "typ is not"},
		"critical header":               {with(dpoptest.Header("crit", []string{"exp"}), dpoptest.Header("exp", 1)), "critical"},
		"no jwk":                        {with(dpoptest.Header("jwk", nil)), "has no key"},
		"kid for jwk":                   {with(dpoptest.Header("jwk", nil), dpoptest.Header("kid", "x")), "has no key"},
		"private jwk":                   {with(dpoptest.Header("jwk", private)), "not a JWS"},
		"another key":                   {with(dpoptest.Header("jwk", stranger.JWK())), "does not verify"},
		"no signature":                  {parts[0] + "." + parts[1] + ".", "does not verify"},
		"another proof's signature":     {parts[0] + "." + parts[1] + "." + strings.Split(with(), ".")[2], "does not verify"},
		"claims that are no object":     {payload(`[]`), "claims are malformed"},
		"no jti":                        {with(dpoptest.Claim("jti", nil)), "jti is missing"},
		"empty jti":                     {with(dpoptest.Claim("jti", "")), "jti is missing"},
		"jti that is no text":           {with(dpoptest.Claim("jti", 1)), "claims are malformed"},
		"jti that is long":              {with(dpoptest.Claim("jti", strings.Repeat("j", 257))), "jti is missing"},
		"JTI":                           {with(dpoptest.Claim("jti", nil), dpoptest.Claim("JTI", "x")), "jti is missing"},
		"no htm":                        {with(dpoptest.Claim("htm", nil)), "htm is not"},
		"htm of another method":         {with(dpoptest.Claim("htm", "POST")), "htm is not"},
		"htm in small letters":          {with(dpoptest.Claim("htm", "get")), "htm is not"},
		"no htu":                        {with(dpoptest.Claim("htu", nil)), "htu is not"},
		"htu of another path":           {with(dpoptest.Claim("htu", uri+"/1")), "htu is not"},
		"htu of another host":           {with(dpoptest.Claim("htu", "https://evil.example.com/contacts")), "htu is not"},
		"htu of another scheme":         {with(dpoptest.Claim("htu", "http://api.example.com/contacts")), "htu is not"},
		"htu of another port":           {with(dpoptest.Claim("htu", "https://api.example.com:8443/contacts")), "htu is not"},
		"no iat":                        {with(dpoptest.Claim("iat", nil)), "iat is missing or malformed"},
		"iat that is text":              {with(dpoptest.Claim("iat", "1772366400")), "claims are malformed"},
		"iat before 1970":               {with(dpoptest.Claim("iat", -1)), "iat is missing or malformed"},
		"iat after 9999":                {with(dpoptest.Claim("iat", 1e300)), "iat is missing or malformed"},
		"iat a minute ago":              {with(dpoptest.Claim("iat", now.Unix()-60)), "too old"},
		"iat eleven seconds ahead":      {with(dpoptest.Claim("iat", now.Unix()+11)), "in the future"},
		"nonce that nobody here made":   {with(dpoptest.Claim("nonce", "x")), "hands out none"},
		"nonce that is empty":           {with(dpoptest.Claim("nonce", "")), "hands out none"},
		"nonce that is no text":         {with(dpoptest.Claim("nonce", 1)), "claims are malformed"},
		"members that repeat":           {payload(`{"jti":"a","jti":"b"}`), "claims are malformed"},
		"what is around the proof":      {" " + good, "not a JWS"},
		"two proofs in one header":      {good + ", " + good, "not a JWS"},
		"the proof of another's answer": {strings.ToLower(good), "not a JWS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := verify(plain, "", c.proof)
			require.Nil(t, got)
			var refusal dpop.ProofError
			require.ErrorAs(t, err, &refusal)
			require.Contains(t, string(refusal), c.why)
			require.NotErrorIs(t, err, dpop.ErrNonce)
		})
	}
	_, err = verify(plain, "", good, good)
	require.Error(t, err, "two headers")
	_, err = verify(plain, "", good)
	require.NoError(t, err)
}

// raw is a JWS whose signature is made up.
func raw(t *testing.T, header, claims any) string {
	t.Helper()
	h, err := json.Marshal(header)
	require.NoError(t, err)
	c, err := json.Marshal(claims)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c) + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64))
}

func TestWhatAClockMayBeWrongIsAccepted(t *testing.T) {
	t.Parallel()
	for _, iat := range []any{now.Unix() - 59, now.Unix() + 10, float64(now.Unix()) + 0.5} {
		_, err := verify(plain, "", key.Proof(http.MethodGet, uri, dpoptest.Claim("iat", iat)))
		require.NoError(t, err, iat)
	}
}

func TestAProofForATokenHasTheTokensHash(t *testing.T) {
	t.Parallel()
	for proof, right := range map[string]bool{
		key.Proof(http.MethodGet, uri, dpoptest.For("token")):               true,
		key.Proof(http.MethodGet, uri):                                      false,
		key.Proof(http.MethodGet, uri, dpoptest.For("other")):               false,
		key.Proof(http.MethodGet, uri, dpoptest.Claim("ath", "")):           false,
		key.Proof(http.MethodGet, uri, dpoptest.Claim("ath", "token")):      false,
		key.Proof(http.MethodGet, uri, dpoptest.Claim("ath", []string{""})): false,
	} {
		_, err := verify(plain, "token", proof)
		require.Equal(t, right, err == nil)
	}
}

func TestTheURIIsComparedAfterNormalization(t *testing.T) {
	t.Parallel()
	verifies := func(htu, uri string) bool {
		r := &http.Request{Method: http.MethodGet, Header: http.Header{}}
		r.Header.Set("DPoP", key.Proof(http.MethodGet, htu))
		_, err := plain.Verify(r, "", now, uri)
		return err == nil
	}
	for _, same := range [][2]string{
		{"https://api.example.com/a?query=1#fragment", "https://api.example.com/a"},
		{"HTTPS://API.example.COM:443/a", "https://api.example.com/a"},
		{"http://api.example.com:80", "http://api.example.com/"},
		{"https://api.example.com:/a", "https://api.example.com/a"},
		{"https://api.example.com/%7euser/%e2%82%ac", "https://api.example.com/~user/%E2%82%AC"},
		{"https://api.example.com/a/./b/../c", "https://api.example.com/a/c"},
		{"https://api.example.com/a/..", "https://api.example.com/"},
		{"https://[::1]:8443/a", "https://[::1]:8443/a"},
		{"https://api.example.com/€", "https://api.example.com/%E2%82%AC"},
	} {
		require.True(t, verifies(same[0], same[1]), same)
		require.True(t, verifies(same[1], same[0]), same)
	}
	for _, differs := range [][2]string{
		{"https://api.example.com/a/", "https://api.example.com/a"},
		{"https://api.example.com/a%2Fb", "https://api.example.com/a/b"},
		{"https://api.example.com/A", "https://api.example.com/a"},
		{"https://api.example.com//a", "https://api.example.com/a"},
		{"https://api.example.com:80/a", "https://api.example.com/a"},
		{"https://user@api.example.com/a", "https://api.example.com/a"},
		{"//api.example.com/a", "https://api.example.com/a"},
		{"/a", "https://api.example.com/a"},
		{"https:api.example.com/a", "https://api.example.com/a"},
		{"https://api.example.com/%zz", "https://api.example.com/a"},
		{"https://api.example.com.evil.example/a", "https://api.example.com/a"},
		{"https://api.example.com/a%3Fquery", "https://api.example.com/a"},
		{"ftp://api.example.com/a", "https://api.example.com/a"},
	} {
		require.False(t, verifies(differs[0], differs[1]), differs)
	}
}

func TestNothingButAThumbprintIsOne(t *testing.T) {
	t.Parallel()
	good := key.Thumbprint()
	require.True(t, dpop.IsThumbprint(good))
	for _, text := range []string{"", good[:42], good + "A", good + "=", good[:42] + "B", "+" + good[1:], "\n" + good, strings.Repeat("é", 43)} {
		require.False(t, dpop.IsThumbprint(text), text)
	}
}
