package attack

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var redirectAttacks = []attack{
	{name: "a redirect URI that differs in anything is refused", source: "RFC 9700 section 2.1; CVE-2020-15234; osin accepted sub-paths", run: redirectDiffers},
	{name: "the suffix of a registered host does not count", source: "RFC 9700 section 4.1; go-oauth2 v4.5.4 accepted evil-localhost", run: redirectHostSuffix},
	{name: "only the port of a native client's loopback IP redirect may differ", source: "RFC 8252 section 7.3; CVE-2020-15233", run: redirectLoopback},
	{name: "the port of a web client's redirect may not differ", source: "RFC 9700 section 2.1", run: redirectWebPort},
	{name: "an unknown client is not redirected", source: "RFC 6749 section 4.1.2.1", run: redirectUnknownClient},
	{name: "nothing else that is wrong makes an unproven URI be redirected to", source: "RFC 6749 section 4.1.2.1; zitadel/oidc redirected errors", run: redirectWhateverElse},
	{name: "a missing or repeated redirect URI or client is refused on a page", source: "RFC 6749 section 3.1.2.3", run: redirectMissing},
	{name: "the fixed query of a registered URI is kept, and cannot be replaced", source: "RFC 6749 section 3.1.2", run: redirectQuery},
}

func redirectDiffers(_ *testing.T, s *site) {
	b := s.browser("alice")
	for _, uri := range []string{
		"https://evil-app.example/callback", "https://app.example.evil.example/callback", "https://evilapp.example/callback",
		"https://app.example@evil.example/callback", "https://app.example:x@evil.example/callback", "https://evil.example/https://app.example/callback",
		"https://evil.example#https://app.example/callback", "https://evil.example?https://app.example/callback", `https://evil.example\@app.example/callback`,
		`https://app.example\@evil.example/callback`, "https://app.example%2eevil.example/callback", "https://app.example%00.evil.example/callback",
		"https://app.example/callback/", "https://app.example/callback/sub", "https://app.example/callback/../evil", "https://app.example/x/../callback",
		"https://app.example/callback%2fevil", "https://app.example/%63allback", "https://app.example//callback", "https://app.example/./callback",
		"https://app.example/Callback", "https://app.example/CALLBACK", "HTTPS://app.example/callback", "https://APP.example/callback",
		"http://app.example/callback", "https://app.example:443/callback", "https://app.example:8443/callback", "https://app.example./callback",
		"https://app.example/callback?", "https://app.example/callback?x=1", "https://app.example/callback#", "https://app.example/callback#x",
		"https://app.example/callback;x", "https://app.example/callbac", "https://app.example/callbackx", "https://app.example/", "https://app.example",
		" https://app.example/callback", "https://app.example/callback ", "https://app.example/callback\t", "https://app.example/call\nback",
		"https://app.example/callback\r\nSet-Cookie: evil=1", "//app.example/callback", "/callback", "callback", "https:/app.example/callback", "https:app.example/callback",
		"https://*.example/callback", "https://аpp.example/callback", "https://app.example/cållback", "https://app.example,evil.example/callback",
		"javascript:alert(1)", "javascript://app.example/%0aalert(1)", "data:text/html,evil", "file:///etc/passwd", "vbscript:x", "blob:https://app.example/callback",
		redirects[rival], redirects[web] + "," + redirects[rival], redirects[web] + " " + redirects[rival],
	} {
		s.refusedOnPage(b.open(s.request("redirect_uri", uri)), uri)
	}
}

func redirectHostSuffix(_ *testing.T, s *site) {
	b := s.browser("alice")
	for _, uri := range []string{
		"http://evil-localhost:9094/callback", "http://localhost.evil.example:9094/callback", "http://evil.localhost:9094/callback",
		"http://localhost:9094@evil.example/callback", "http://localhost:90940/callback", "javascript://localhost:9094/callback",
		"http://127.0.0.1.evil.example/callback", "http://127.0.0.1@evil.example/callback", "http://127.0.0.1:1@evil.example/callback",
		"com.example.app.evil:/callback", "com.example.app://callback",
	} {
		s.refusedOnPage(b.open(s.request("client_id", native, "redirect_uri", uri)), uri)
	}
}

func redirectLoopback(_ *testing.T, s *site) {
	for _, uri := range []string{"http://127.0.0.1:51004/callback", "http://127.0.0.1/callback", "http://[::1]:5/callback?fixed=1", "http://localhost:9094/callback", "com.example.app:/callback"} {
		s.alice().ask(s.request("client_id", native, "redirect_uri", uri))
	}
	for _, uri := range []string{
		"http://127.0.0.1:51004/other", "http://127.0.0.1:51004/callback?x=1", "http://127.0.0.1:51004/callback/", "http://127.0.0.1:51004/callback#x",
		"http://127.0.0.2:51004/callback", "http://127.1/callback", "http://2130706433/callback", "http://0.0.0.0/callback", "http://127.0.0.1:999999/callback",
		"http://127.0.0.1:-1/callback", "http://127.0.0.1:/callback", "http://127.0.0.1:x/callback", "https://127.0.0.1/callback", "http://localhost/callback", "http://localhost:9095/callback",
		"http://[::1]:5/callback", "http://[::1]:5/callback?fixed=2", "http://[::1]:5/callback?fixed=1&x=1", "http://[::1]:5/callback?Fixed=1",
		"http://[::ffff:127.0.0.1]/callback", "http://[0:0:0:0:0:0:0:1]:5/callback?fixed=1", "http://[::1%25lo]:5/callback?fixed=1",
	} {
		s.refusedOnPage(s.alice().open(s.request("client_id", native, "redirect_uri", uri)), uri)
	}
}

func redirectWebPort(_ *testing.T, s *site) {
	s.alice().ask(s.request("redirect_uri", webLoopback))
	uri := strings.Replace(webLoopback, ":7000", ":7001", 1)
	s.refusedOnPage(s.alice().open(s.request("redirect_uri", uri)), uri)
	for _, client := range []string{web, spa, odd} {
		uri := strings.Replace(redirects[client], ".example", ".example:8443", 1)
		s.refusedOnPage(s.alice().open(s.request("client_id", client, "redirect_uri", uri)), uri)
	}
}

func redirectUnknownClient(_ *testing.T, s *site) {
	b := s.browser("alice")
	for _, id := range []string{"nobody", "WEB", "web ", " web", "web\x00", "we", "webx", "*", "%", "web,rival", "https://evil.example/client", "'; --", strings.Repeat("w", 5000)} {
		for _, uri := range []string{redirects[web], "https://evil.example/callback"} {
			s.refusedOnPage(b.open(s.request("client_id", id, "redirect_uri", uri)), id)
		}
	}
}

func redirectWhateverElse(_ *testing.T, s *site) {
	b := s.browser("alice")
	for _, pairs := range [][]string{
		{"response_type", "token"}, {"response_type", "x"}, {"scope", "unknown"}, {"prompt", "none"}, {"prompt", "none login"}, {"code_challenge_method", "plain"},
		{"response_mode", "form_post"}, {"response_mode", "fragment"}, {"max_age", "x"}, {"request", "x"}, {"request_uri", "https://evil.example/x"}, {"resource", "x"}, {"state", ""},
	} {
		a := s.request(append(pairs, "redirect_uri", "https://evil.example/callback")...)
		s.refusedOnPage(b.open(a), pairs[0])
		s.refusedOnPage(b.follow(b.post(s.authorizeURL, a.Values)), pairs[0])
		a.Set("client_id", "nobody")
		s.refusedOnPage(b.open(a), pairs[0])
	}
}

func redirectMissing(_ *testing.T, s *site) {
	b := s.browser("alice")
	good := s.request()
	for _, name := range []string{"redirect_uri", "client_id"} {
		s.refusedOnPage(b.open(attempt{Values: change(clone(good.Values), name, "")}), name)
		empty := clone(good.Values)
		empty.Set(name, "")
		s.refusedOnPage(b.open(attempt{Values: empty}), name)
		for _, second := range []string{good.Get(name), "https://evil.example/callback", "", rival} {
			twice := clone(good.Values)
			twice.Add(name, second)
			s.refusedOnPage(b.open(attempt{Values: twice}), name)
		}
	}
	// A form that is sent to the endpoint names nothing that the query did not.
	s.refusedOnPage(b.follow(b.post(s.authorizeURL+"?client_id="+web, values("form_token", "x", "redirect_uri", redirects[web]))), "redirect_uri in the body of an answer")
}

func redirectQuery(t *testing.T, s *site) {
	got := s.alice().decide(s.alice().ask(s.request("client_id", odd)), "yes")
	sent := s.sentTo(redirects[odd], got)
	require.Equal(t, http.StatusSeeOther, got.status)
	require.Equal(t, []string{"1"}, sent["fixed"])
	require.Len(t, sent["code"], 1)
	for _, uri := range []string{"https://odd.example/callback", "https://odd.example/callback?fixed=2", "https://odd.example/callback?fixed=1&code=x", "https://odd.example/callback?fixed=1&"} {
		s.refusedOnPage(s.alice().open(s.request("client_id", odd, "redirect_uri", uri)), uri)
	}
}
