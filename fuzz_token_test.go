package oauth2

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var tokenSyntax = regexp.MustCompile(`\Aat_[A-Za-z0-9_-]{64}\z`)

// Every code and token has exactly one spelling, and whatever parses is spelled like that.
func FuzzToken(f *testing.F) {
	token, text := testToken(kindAccess)
	for _, seed := range []string{text, text[:20] + "\n" + text[20:], text + "=", "at_", "rt_" + text[3:], "at_" + text[3:66] + "+"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, ok := parseBearerToken(kindAccess, "at_", text)
		require.Equal(t, tokenSyntax.MatchString(text), ok)
		if !ok {
			return
		}
		require.Equal(t, text, parsed.text("at_"), "a token has one spelling")
		require.Equal(t, text[3:3+idChars], parsed.id())
		require.Equal(t, parsed == token, parsed.provenBy("a lineage key") && parsed.id() == token.id() && parsed.core() == token.core())
	})
}

// One changed character makes a token that its authorization does not know.
func FuzzTokenChanged(f *testing.F) {
	f.Add(make([]byte, coreBytes), "a lineage key", uint8(3), byte('A'))
	f.Add(make([]byte, coreBytes), "", uint8(66), byte('-'))
	f.Fuzz(func(t *testing.T, secret []byte, lineageKey string, at uint8, c byte) {
		if len(secret) != coreBytes {
			return
		}
		a := &Authorization{ID: "AAAAAAAAAAAAAAAAAAAA", LineageKey: lineageKey}
		real := newBearerToken(kindAccess, a.ID, lineageKey, tokenCore(secret))
		a.Access = []AccessToken{{Digest: real.digest(), ExpiresAt: noon}}
		spelled := []byte(real.text("at_"))
		i := int(at) % len(spelled)
		if spelled[i] == c {
			return
		}
		spelled[i] = c
		changed, ok := parseBearerToken(kindAccess, "at_", string(spelled))
		if !ok {
			return
		}
		require.NotEqual(t, real.digest(), changed.digest())
		_, found := a.findAccess(changed, noon.Add(-1))
		require.False(t, found)
		if i >= len("at_")+idChars {
			require.False(t, changed.provenBy(lineageKey), "what is changed has no proof")
		}
		code := changed
		code.kind = kindCode
		require.False(t, code.provenBy(lineageKey), "a token of one kind is none of another")
	})
}

// A form token is good for the browser and the request that it was made for, and no change of it is.
func FuzzFormToken(f *testing.F) {
	f.Add("client_id=a&state=x", "state=x&client_id=a", "", "", uint8(0), byte('A'))
	f.Add("state=%41", "state=A", "AAAA", "AAAA", uint8(74), byte('_'))
	f.Add("a=1&a=2", "a=2&a=1", "", "oauth2", uint8(40), byte('\n'))
	s := &Server{cfg: ServerConfig{Issuer: "https://id.example.com", Rand: rand.Reader, Now: func() time.Time { return noon }}}
	s.formCookie = newFormCookie(s.cfg.Issuer)
	f.Fuzz(func(t *testing.T, shown, answered, garbage, cookie string, at uint8, c byte) {
		shownForm, err := parseForm(shown)
		if err != nil {
			return
		}
		answeredForm, err := parseForm(answered)
		if err != nil {
			return
		}
		browser := &http.Cookie{Name: s.formCookie.Name, Value: base64.RawURLEncoding.EncodeToString(make([]byte, formCookieBytes))}
		page := &AuthorizationRequest{form: shownForm}
		require.NoError(t, s.newFormToken(nil, requestWith(browser), page))
		verify := func(token string, f form, cookie *http.Cookie) bool {
			return s.verifyFormToken(requestWith(cookie), &AuthorizationRequest{form: f, spent: token}) == nil
		}
		require.True(t, verify(page.FormToken, shownForm, browser))
		require.Equal(t, sameParameters(shownForm, answeredForm), verify(page.FormToken, answeredForm, browser), "bound to the request")

		changed := []byte(page.FormToken)
		changed[int(at)%len(changed)] = c
		require.Equal(t, string(changed) == page.FormToken, verify(string(changed), shownForm, browser))
		require.False(t, verify(garbage, shownForm, browser))
		require.False(t, verify(page.FormToken, shownForm, &http.Cookie{Name: browser.Name, Value: cookie}), "bound to the browser")
	})
}

func requestWith(cookie *http.Cookie) *http.Request {
	r := &http.Request{Header: http.Header{}}
	r.AddCookie(cookie)
	return r
}

// sameParameters: each name has the same values in the same order.
func sameParameters(a, b form) bool {
	valuesOf := func(f form, name string) (values []string) {
		for _, p := range f {
			if p.name == name {
				values = append(values, p.value)
			}
		}
		return values
	}
	if len(a) != len(b) {
		return false
	}
	for _, p := range a {
		one, other := valuesOf(a, p.name), valuesOf(b, p.name)
		if len(one) != len(other) {
			return false
		}
		for i := range one {
			if one[i] != other[i] {
				return false
			}
		}
	}
	return true
}
