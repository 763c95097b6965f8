package oauth2_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/seed5f5fedc6/oauth2"
)

// quietWorld is a world for many requests: it remembers no events, and its user says yes at once.
func quietWorld(f *testing.F) *world {
	return newWorld(f, func(cfg *oauth2.ServerConfig) {
		cfg.OnEvent = nil
		cfg.FailureLimiter = unlimited{}
		cfg.Resources = []oauth2.Resource{{URI: "https://api.example.com"}}
		cfg.Consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return &oauth2.Approval{Subject: "alice"}, nil
		}
	})
}

// unlimited counts nothing: whoever fuzzes fails more often than anyone may.
type unlimited struct{}

func (unlimited) Spent(context.Context, oauth2.Attempt) time.Duration  { return 0 }
func (unlimited) Failed(context.Context, oauth2.Attempt) time.Duration { return 0 }
func (unlimited) Succeeded(context.Context, oauth2.Attempt)            {}

// call sends a request of any bytes to an endpoint, without a network in between.
func call(endpoint http.HandlerFunc, method, query, body string, header http.Header) answer {
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.URL.RawQuery = query
	r.Header = header
	rec := httptest.NewRecorder()
	endpoint(rec, r)
	return readAnswer(rec.Result())
}

// mayReceive are the redirect URIs of the clients, as patterns that were written by hand.
var mayReceive = map[string]*regexp.Regexp{
	webApp:     regexp.MustCompile(`\Ahttps://app\.example\.com/callback\z`),
	otherApp:   regexp.MustCompile(`\Ahttps://other\.example\.com/callback\z`),
	browserApp: regexp.MustCompile(`\Ahttps://spa\.example\.com/callback\?tenant=1\z`),
	nativeApp:  regexp.MustCompile(`\A(http://127\.0\.0\.1(:[0-9]{1,5})?/cb|http://\[::1\](:[0-9]{1,5})?/cb\?x=1|com\.example\.app:/cb)\z`),
}

// What a code and a token look like. The one may have the other's prefix in its random part.
var aCode, aToken = regexp.MustCompile(`ac_[\w-]{64}`), regexp.MustCompile(`[ar]t_[\w-]{64}`)

// A request of any form is answered to a registered redirect URI or to nobody, with the state as it
// came, and never with a token.
func FuzzAuthorize(f *testing.F) {
	good := codeRequest().Encode()
	for _, query := range []string{
		good, codeRequest("state", "a b&c=%\r\n\x7fé").Encode(), codeRequest("response_mode", "form_post").Encode(),
		codeRequest("client_id", nativeApp, "redirect_uri", "http://127.0.0.1:51004/cb", "scope", "read").Encode(),
		codeRequest("client_id", browserApp, "redirect_uri", browserRedirect, "scope", "").Encode(),
		codeRequest("redirect_uri", "https://evil.example/").Encode(), codeRequest("response_type", "token").Encode(),
		codeRequest("redirect_uri", webRedirect+"?x").Encode(), codeRequest("client_id", "nobody").Encode(),
		codeRequest("prompt", "none", "max_age", "9").Encode(), codeRequest("request", "x").Encode(), codeRequest("resource", "https://api.example.com").Encode(),
		good + "&state=again", good + "&client_id=" + webApp, good + "&redirect_uri=https://evil.example/", good + ";state=x", "", "%",
	} {
		f.Add(query, "", "GET")
		f.Add("", query, "POST")
	}
	f.Add(good, "form_token=x&decision=yes", "POST")
	f.Add(good, "", "PUT")
	w := quietWorld(f)
	f.Fuzz(func(t *testing.T, query, body, method string) {
		if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT"}, method) {
			return
		}
		got := call(w.server.Authorize, method, query, body, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
		require.NotRegexp(t, aToken, aCode.ReplaceAllString(got.body+got.header.Get("Location"), ""))
		require.NotContains(t, strings.ToLower(got.body+got.header.Get("Location")), "access_token=")
		require.Equal(t, "no-store", got.header.Get("Cache-Control"))
		location := got.header.Get("Location")
		switch {
		case method == http.MethodPost && got.status == http.StatusSeeOther && strings.HasPrefix(location, "/"):
			require.Regexp(t, `\A/authorize(\?|\z)`, location, "an authorization request by POST is sent on to this very endpoint")
		case got.status == http.StatusSeeOther:
			requireAnswered(t, w, query, location)
		case got.status == http.StatusOK:
			requireFormPost(t, w, query, got.body)
		default:
			require.True(t, got.status >= 400 && got.status < 500, got.status)
			require.Empty(t, location, "an error page sends nobody anywhere")
		}
	})
}

// requireAnswered: the redirect leads to the client's own URI, with what the specification names.
func requireAnswered(t *testing.T, w *world, query, location string) {
	asked := parsed(t, query)
	client, redirect := asked.Get("client_id"), asked.Get("redirect_uri")
	require.Len(t, asked["client_id"], 1)
	require.Len(t, asked["redirect_uri"], 1)
	require.Contains(t, mayReceive, client)
	require.Regexp(t, mayReceive[client], redirect)
	separator := "?"
	if strings.Contains(redirect, "?") {
		separator = "&"
	}
	added, ok := strings.CutPrefix(location, redirect+separator)
	require.True(t, ok, location)
	sent := parsed(t, added)
	requireParameters(t, w, asked, sent)
}

// requireParameters are those of RFC 6749 section 4.1.2 or 4.1.2.1, and of RFC 9207.
func requireParameters(t *testing.T, w *world, asked, sent url.Values) {
	require.Equal(t, []string{w.url}, sent["iss"])
	state := asked.Get("state")
	// HTML has its own idea of line breaks; state has none (RFC 6749 appendix A.5).
	broken := asked.Get("response_mode") == "form_post" && strings.ContainsAny(state, "\r\n")
	switch {
	case len(asked["state"]) > 1:
		require.Empty(t, sent["state"], "nobody can tell which one was meant")
	case state != "" && !broken:
		require.Equal(t, state, sent.Get("state"), "state comes back byte for byte")
	}
	code := sent.Get("code")
	require.NotEqual(t, code == "", sent.Get("error") == "", "a code or an error, and not both")
	for name, values := range sent {
		require.Contains(t, []string{"iss", "state", "code", "error", "error_description"}, name)
		require.Len(t, values, 1)
	}
	require.Regexp(t, describable, sent.Get("error_description"))
	if code == "" {
		return
	}
	require.Equal(t, "code", asked.Get("response_type"))
	require.Equal(t, "S256", asked.Get("code_challenge_method"))
	require.Regexp(t, `\Aac_[A-Za-z0-9_-]{64}\z`, code)
	issued, err := w.store.Get(t.Context(), code[3:23])
	require.NoError(t, err)
	require.Equal(t, asked.Get("client_id"), issued.ClientID)
	require.Equal(t, asked.Get("redirect_uri"), issued.Code.RedirectURI)
	require.Equal(t, asked.Get("code_challenge"), issued.Code.CodeChallenge)
	require.NoError(t, w.store.Delete(t.Context(), issued.ID))
}

// describable is what RFC 6749 section 5.2 allows in error_description.
var describable = regexp.MustCompile(`\A[\x20-\x21\x23-\x5B\x5D-\x7E]*\z`)

// parsed reads a query as net/url does, but that a semicolon is a character like any other.
func parsed(t *testing.T, query string) url.Values {
	values, err := url.ParseQuery(strings.ReplaceAll(query, ";", "%3B"))
	require.NoError(t, err)
	return values
}

// requireFormPost: the page posts to the client's own URI, and nothing in it was let out of its
// attribute.
func requireFormPost(t *testing.T, w *world, query, page string) {
	asked := parsed(t, query)
	if page == "" {
		return // to HEAD
	}
	require.Equal(t, "form_post", asked.Get("response_mode"))
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	sent := url.Values{}
	forms, scripts := 0, 0
	for node := range root.Descendants() {
		attributes := map[string]string{}
		for _, a := range node.Attr {
			attributes[a.Key] = a.Val
			require.False(t, strings.HasPrefix(a.Key, "on"), "no handler but the script")
		}
		switch node.Data {
		case "form":
			forms++
			require.Equal(t, asked.Get("redirect_uri"), attributes["action"])
			require.Regexp(t, mayReceive[asked.Get("client_id")], attributes["action"])
		case "input":
			sent.Add(attributes["name"], attributes["value"])
		case "script":
			scripts++
			require.Equal(t, "document.forms[0].submit()", node.FirstChild.Data)
		}
	}
	require.Equal(t, [2]int{1, 1}, [2]int{forms, scripts})
	requireParameters(t, w, asked, sent)
}
