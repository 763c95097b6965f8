package attack

import (
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"github.com/stretchr/testify/require"
)

// A browser keeps cookies, and goes where it is sent within the site only.
type browser struct {
	*site
	client *http.Client
	user   string
}

func (s *site) browser(user string) *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	return &browser{site: s, user: user, client: &http.Client{Jar: jar, Transport: s.client.Transport, CheckRedirect: s.client.CheckRedirect}}
}

// base is the origin of the site.
func (s *site) base() string {
	u, err := url.Parse(s.issuer)
	require.NoError(s.t, err)
	return u.Scheme + "://" + u.Host
}

// visit asks for one URL.
func (b *browser) visit(target string) answer {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, target, nil)
	require.NoError(b.t, err)
	return b.do(b.client, r)
}

// follow goes on from an answer while it leads to the site itself.
func (b *browser) follow(got answer) answer {
	b.t.Helper()
	for range 10 {
		location := got.header.Get("Location")
		if strings.HasPrefix(location, "/") {
			location = b.base() + location
		}
		if got.status != http.StatusSeeOther || !strings.HasPrefix(location, b.base()+"/") {
			return got
		}
		got = b.visit(location)
	}
	require.Fail(b.t, "redirected for ever")
	return got
}

// open goes to an authorization request, whatever comes of it.
func (b *browser) open(a attempt) answer {
	b.t.Helper()
	return b.follow(b.visit(b.authorizeURL + "?" + a.Encode()))
}

var hiddenPattern = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// hidden are the hidden fields of the first form on a page.
func (a answer) hidden() url.Values {
	fields := url.Values{}
	form, _, _ := strings.Cut(a.body, "</form>")
	for _, m := range hiddenPattern.FindAllStringSubmatch(form, -1) {
		fields.Set(m[1], html.UnescapeString(m[2]))
	}
	return fields
}

// post sends a form from a page of the site.
func (b *browser) post(target string, form url.Values, headers ...string) answer {
	b.t.Helper()
	r := b.form(target, form)
	r.Header.Set("Origin", b.base())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.do(b.client, r)
}

// login fills in a login page, and goes where that leads.
func (b *browser) login(page answer) answer {
	b.t.Helper()
	require.Contains(b.t, page.body, `id="login"`)
	got := b.post(page.url, change(page.hidden(), "username", b.user, "password", b.passwords[b.user]))
	require.Equal(b.t, http.StatusSeeOther, got.status, got.body)
	return b.follow(got)
}

// ask opens the consent page of a request, and logs in if need be.
func (b *browser) ask(a attempt) answer {
	b.t.Helper()
	page := b.open(a)
	if strings.Contains(page.body, `id="login"`) {
		page = b.login(page)
	}
	require.Contains(b.t, page.body, `id="consent"`, "%d %s %s", page.status, page.header.Get("Location"), page.body)
	require.Equal(b.t, http.StatusOK, page.status)
	return page
}

// fill fills in a consent page.
func (b *browser) fill(page answer, pairs ...string) url.Values {
	form := page.hidden()
	if strings.Contains(page.body, `name="password"`) {
		change(form, "username", b.user, "password", b.passwords[b.user])
	}
	return change(form, pairs...)
}

// decide answers a consent page.
func (b *browser) decide(page answer, decision string) answer {
	b.t.Helper()
	return b.post(page.url, b.fill(page, "decision", decision))
}

// approve says yes, and returns the code.
func (b *browser) approve(a attempt) grant {
	b.t.Helper()
	sent := b.sentTo(a.Get("redirect_uri"), b.decide(b.ask(a), "yes"))
	require.NotEmpty(b.t, sent.Get("code"), sent)
	g := grant{client: a.Get("client_id"), code: sent.Get("code"), redirect: a.Get("redirect_uri")}
	if a.Get("code_challenge") != "" {
		g.verifier = a.verifier
	}
	return g
}

// sentTo requires a redirect to a client, and returns what it is told.
func (s *site) sentTo(redirect string, got answer) url.Values {
	s.t.Helper()
	require.Equal(s.t, http.StatusSeeOther, got.status, got.body)
	location := got.header.Get("Location")
	require.True(s.t, strings.HasPrefix(location, redirect+"?") || strings.HasPrefix(location, redirect+"&"), location)
	require.NotContains(s.t, location, "#")
	u, err := url.Parse(location)
	require.NoError(s.t, err)
	require.Equal(s.t, s.issuer, u.Query().Get("iss"), "RFC 9207 section 2")
	return u.Query()
}

// refusedAt requires an error that the client is told by a redirect.
func (s *site) refusedAt(redirect string, got answer, code string) {
	s.t.Helper()
	sent := s.sentTo(redirect, got)
	require.Equal(s.t, code, sent.Get("error"), sent)
	require.False(s.t, sent.Has("code"))
}

var linkPattern = regexp.MustCompile(`(?i)(href|src|action|http-equiv)=`)

// refusedOnPage requires an error page that leads nowhere.
func (s *site) refusedOnPage(got answer, about string) {
	s.t.Helper()
	require.GreaterOrEqual(s.t, got.status, 400, about)
	require.Less(s.t, got.status, 500, about)
	require.Empty(s.t, got.header.Get("Location"), about)
	require.Empty(s.t, got.header.Get("Refresh"), about)
	require.Contains(s.t, got.body, `id="error"`, about)
	main, ok := mainOf(got.body)
	require.True(s.t, ok, got.body)
	require.NotRegexp(s.t, linkPattern, main, about)
	require.NotContains(s.t, main, "evil", about)
}

// mainOf is the page without its own header.
func mainOf(body string) (string, bool) {
	_, main, ok := strings.Cut(body, "<main")
	return main, ok
}

// sessionCookie is the name of the example's session cookie; over https it has a prefix.
const sessionCookie = "xmail_session"

func (b *browser) cookies() []*http.Cookie {
	u, err := url.Parse(b.authorizeURL)
	require.NoError(b.t, err)
	return b.client.Jar.Cookies(u)
}

// session is the session cookie, empty if there is none.
func (b *browser) session() *http.Cookie {
	for _, c := range b.cookies() {
		if strings.HasSuffix(c.Name, sessionCookie) {
			return c
		}
	}
	return &http.Cookie{}
}

// plant gives the browser a cookie that someone else chose.
func (b *browser) plant(name, value string) {
	u, err := url.Parse(b.authorizeURL)
	require.NoError(b.t, err)
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: u.Scheme == "https"}})
}
