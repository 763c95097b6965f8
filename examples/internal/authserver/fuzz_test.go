package authserver

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/language"
)

// languageRange is one that names a language of the pages (RFC 9110 section 12.5.4).
var languageRange = regexp.MustCompile(`\A *(en|nl)(?:-(?:US|NL|BE))?(?: *; *q=(0(?:\.[0-9]{1,3})?|1(?:\.0{1,3})?))? *\z`)

// The pages are in a language that exists, and in the one that a well-formed header weighs the most.
func FuzzAcceptLanguage(f *testing.F) {
	for _, seed := range []string{
		"", "nl", "en", "nl-BE,en;q=0.5", "en;q=0.1, nl;q=0.2", "nl;q=0, en", "nl;q=0", "fr", "de, nl;q=0.4", "*", "x", ";;", "en;q=2", "nl;q=,en", strings.Repeat("a-", 1100), "\xff", "nl_NL", "en-US;q=0.8,nl;q=0.9",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		l := langOf(&http.Request{Header: http.Header{"Accept-Language": {header}}})
		require.Contains(t, languages, language.Make(l.Tag()))
		require.NotEmpty(t, l.text("login.title"))
		if want, ok := weighed(header); ok {
			require.Equal(t, want, l.Tag())
		}
	})
}

// weighed reads a header by hand: the greatest weight wins, and of several the first; 0 excludes. It
// fails on ranges of other languages, and where a language is named twice.
func weighed(header string) (string, bool) {
	best, most := "en", 0.0
	seen := map[string]bool{}
	for _, part := range strings.Split(header, ",") {
		m := languageRange.FindStringSubmatch(part)
		if m == nil || seen[m[1]] {
			return "", false
		}
		seen[m[1]] = true
		weight := 1.0
		if m[2] != "" {
			weight, _ = strconv.ParseFloat(m[2], 64)
		}
		if weight > most {
			best, most = m[1], weight
		}
	}
	return best, true
}

// Whatever a link says, the login leads to a page of this site, as every browser reads it.
func FuzzReturnTarget(f *testing.F) {
	for _, seed := range []string{
		"/", "/connected-apps", "/request-access?a=b%2F&return=//evil.example", "//evil.example/request-access", "/\\evil.example", "/request-access#x", "/request-access?\\",
		"https://evil.example/", "/request-access/../x", "/tenant/request-access?x", "/request-access?\r\nSet-Cookie:a", "\t/", "/%2f/evil.example", "javascript:alert(1)", "",
	} {
		f.Add(seed, "")
		f.Add(seed, "/tenant")
	}
	f.Fuzz(func(t *testing.T, wish, base string) {
		if base != "" && base != "/tenant" {
			return
		}
		a := &App{base: base, returnPaths: []string{base + "/", base + appsPath, base + authorizationPath}}
		r := &http.Request{URL: &url.URL{Path: "/login", RawQuery: url.Values{"return": {wish}}.Encode()}}
		target := a.returnTarget(r)
		require.True(t, target == wish || target == base+"/")

		// The URL Standard drops tabs and line breaks, and reads a backslash as a slash.
		read := strings.NewReplacer("\t", "", "\r", "", "\n", "", "\\", "/").Replace(strings.TrimSpace(target))
		require.Equal(t, target, read)
		site, _ := url.Parse("https://id.example.com/somewhere")
		led, err := site.Parse(target)
		require.NoError(t, err)
		require.Equal(t, "https://id.example.com", led.Scheme+"://"+led.Host)
		require.True(t, slices.Contains(a.returnPaths, led.Path))

		w := httptest.NewRecorder()
		seeOther(w, target)
		require.Equal(t, target, w.Header().Get("Location"))
	})
}

// The URL of any request that asks for a login is a return target, and means the same request.
func FuzzRequestTarget(f *testing.F) {
	for _, seed := range []string{"", "a=b", "state=a b\\c\"é#", "%", "%zz", "a=%00", "\x7f"} {
		f.Add(seed)
	}
	a := &App{returnPaths: []string{"/", appsPath, authorizationPath}}
	f.Fuzz(func(t *testing.T, query string) {
		target := requestTarget(&http.Request{URL: &url.URL{Path: authorizationPath, RawQuery: query}})
		r := &http.Request{URL: &url.URL{Path: "/login", RawQuery: url.Values{"return": {target}}.Encode()}}
		require.Equal(t, target, a.returnTarget(r))
		_, again, _ := strings.Cut(target, "?")
		want, wantErr := url.ParseQuery(query)
		got, err := url.ParseQuery(again)
		require.Equal(t, wantErr == nil, err == nil)
		require.Equal(t, want, got)
	})
}

// A file of users is read, or refused by an error that quotes nothing of it; what looks like a hash and
// is none that can be verified is no password in clear.
func FuzzUsersFile(f *testing.F) {
	for _, seed := range []string{
		`{"alice":"wonderland"}`, `{}`, `null`, `[]`, `{"alice":1234567890123456}`, `{"alice":"$argon2id$v=19$m=1,t=1,p=1$c2FsdA$AAAA"}`, `{"alice":"$2a$31$x"}`, `{"a":"$6$x$y"}`, `{"":"x"}`,
		`{"a":"a secret of sixteen"`, `{"alice":"$sha256$a$b","alice":""}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "users.json")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		passwords, err := (&Options{UsersFile: path}).loadUsers()
		if err != nil {
			require.Equal(t, "-users "+path+": "+errUsersFile.Error(), err.Error())
			require.Error(t, json.Unmarshal(data, &map[string]string{}))
			return
		}
		for name, password := range passwords {
			// One user at a time, and none in clear, whose hash would take its time.
			if !strings.HasPrefix(password, "$") || !looksHashed.MatchString(password) {
				continue
			}
			u, err := newUsers(map[string]string{name: password})
			if err != nil {
				require.Nil(t, u)
				continue
			}
			require.Equal(t, password, u[name], "a hash is kept as it is")
		}
	})
}

// A hidden field is good only as it was made, for one key, purpose and value.
func FuzzProof(f *testing.F) {
	f.Add("key", "value", "garbage.x", "other", uint8(3), byte('A'))
	f.Add("", "", "", "\n", uint8(40), byte('\n'))
	f.Add("key", "a\nb", ".", "a", uint8(0), byte('.'))
	f.Fuzz(func(t *testing.T, key, value, garbage, other string, at uint8, c byte) {
		field := prove(key, proofConsent, value)
		require.True(t, proven(field, key, proofConsent, value))
		require.False(t, proven(field, key, proofSite, value))
		require.Equal(t, value == other, proven(field, key, proofConsent, other))
		require.False(t, proven(field, key+"x", proofConsent, value))
		require.False(t, proven(garbage, key, proofConsent, value))
		changed := []byte(field)
		changed[int(at)%len(changed)] = c
		require.Equal(t, string(changed) == field, proven(string(changed), key, proofConsent, value))
	})
}
