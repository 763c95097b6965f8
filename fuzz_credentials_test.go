package oauth2

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// Any pair that is text comes back as it was, whatever characters it has (RFC 6749 section 2.3.1).
func FuzzBasicRoundTrip(f *testing.F) {
	f.Add("app", "secret")
	f.Add("a:b %+/", "s:e c%r+e/t=&\"?")
	f.Add("é€", "\x7f")
	f.Fuzz(func(t *testing.T, id, secret string) {
		r := &http.Request{Header: http.Header{}}
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		gotID, gotSecret, ok := parseBasic(r.Header.Get("Authorization"))
		if !isText(id) || !isText(secret) {
			require.False(t, ok, "what is no text is refused")
			return
		}
		require.True(t, ok)
		require.Equal(t, [2]string{id, secret}, [2]string{gotID, gotSecret})
	})
}

// A header is read as net/http reads it, and then both parts are form-decoded; anything else is
// refused.
func FuzzBasicHeader(f *testing.F) {
	for _, pair := range []string{"a:b", "a:b:c", ":", "a", "%41:%zz", "a+b:%00", "\xff:x"} {
		f.Add("Basic " + base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	for _, header := range []string{"", "Basic", "basic YTpi", "Basic  YTpi", "Bearer YTpi", "Basic YTpi=", "Basic YTp", "Basic\tYTpi"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		id, secret, ok := parseBasic(header)
		if strings.HasPrefix(strings.ToLower(header), "basic  ") {
			// RFC 9110 section 11.4 allows more than one blank; net/http does not.
			header = "Basic " + strings.TrimLeft(header[len("Basic "):], " ")
		}
		rawID, rawSecret, agreed := (&http.Request{Header: http.Header{"Authorization": {header}}}).BasicAuth()
		wantID, errID := url.PathUnescape(strings.ReplaceAll(rawID, "+", "%20"))
		wantSecret, errSecret := url.PathUnescape(strings.ReplaceAll(rawSecret, "+", "%20"))
		require.Equal(t, agreed && errID == nil && errSecret == nil && isText(wantID) && isText(wantSecret), ok)
		if ok {
			require.Equal(t, [2]string{wantID, wantSecret}, [2]string{id, secret})
		}
	})
}

// quickArgon is the most memory times passes that the fuzzer spends on one hash.
const quickArgon = 1 << 12

// A stored hash is anybody's text once a registration comes from a file: reading it never panics,
// and it is served only at a cost that the machine can bear.
func FuzzSecretHash(f *testing.F) {
	quick, _ := bcrypt.GenerateFromPassword([]byte("x"), bcrypt.MinCost)
	f.Add(string(quick), "x")
	f.Add(strings.Replace(string(quick), "$04$", "$31$", 1), "x")
	f.Add(HashSecret("x"), "x")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "x")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "x")
	f.Add("$argon2id$v=19$m=8,t=1,p=1junk$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "x")
	f.Add("$2a$", "")
	f.Add("$sha256$$", "")
	f.Fuzz(func(t *testing.T, hash, secret string) {
		if !IsHash(hash) {
			require.False(t, VerifySecret(hash, secret), "what is no hash matches nothing")
			return
		}
		if cost, err := bcrypt.Cost([]byte(hash)); err == nil {
			require.LessOrEqual(t, cost, 16, "a login would take minutes")
			if cost > bcrypt.MinCost {
				return
			}
		}
		if h, err := parseArgon2id(hash); err == nil {
			require.LessOrEqual(t, h.memory, uint32(argonMemoryMax))
			require.LessOrEqual(t, h.time, uint32(argonTimeMax))
			require.Equal(t, fmt.Sprintf("m=%d,t=%d,p=%d", h.memory, h.time, h.threads), strings.Split(hash, "$")[3], "parameters have one spelling")
			if uint64(h.memory)*uint64(h.time) > quickArgon {
				return
			}
		}
		if VerifySecret(hash, secret) {
			require.False(t, VerifySecret(hash, "not "+secret))
		}
	})
}

// The secret itself matches its hash, and no other does.
func FuzzSecret(f *testing.F) {
	f.Add("secret", "Secret")
	f.Add("secret", "secret ")
	f.Add("", "\x00")
	f.Fuzz(func(t *testing.T, secret, other string) {
		hash := HashSecret(secret)
		require.True(t, IsHash(hash))
		require.True(t, VerifySecret(hash, secret))
		require.Equal(t, secret == other, VerifySecret(hash, other))
		require.NotEqual(t, hash, HashSecret(secret), "every hash has a salt of its own")
	})
}
