package oauth2

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

// The response modes: parameters in the query or the fragment of a redirect, or in a form that the
// browser posts.
const (
	responseModeQuery    = "query"
	responseModeFragment = "fragment"
	responseModeFormPost = "form_post"
)

// send answers the client through the browser (RFC 6749 section 4.1.2), with state as it came and
// iss in every answer (RFC 9207 section 2). A redirect is 303, so that nothing posted here is posted
// there (RFC 9700 section 4.12).
func (s *Server) send(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest, answer form) {
	if req.State != "" {
		answer = append(answer, parameter{"state", req.State})
	}
	answer = append(answer, parameter{"iss", s.cfg.Issuer})
	answer, err := s.signResponse(r, req, answer)
	if err != nil {
		s.errorPage(w, r, req, err)
		return
	}
	if strings.HasPrefix(req.ResponseMode, responseModeFormPost) {
		writeFormPost(w, req.RedirectURI, answer)
		return
	}
	location := req.RedirectURI
	if strings.HasPrefix(req.ResponseMode, responseModeFragment) {
		location = appendFragment(location, answer)
	} else {
		location = appendQuery(location, answer)
	}
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}

// sendError answers with an error (RFC 6749 section 4.1.2.1). What cannot be told by a redirect is a
// page.
func (s *Server) sendError(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest, e *Error) {
	if e.status() >= http.StatusInternalServerError || !mayRedirectError(r, req, e) {
		s.errorPage(w, r, req, e)
		return
	}
	s.emit(r.Context(), Event{Type: EventAuthorizationRefused, ClientID: req.Client.ID, Scope: req.Scope, Err: e})
	answer := form{{"error", e.Code}}
	if e.Description != "" {
		answer = append(answer, parameter{"error_description", e.publicDescription()})
	}
	s.send(w, r, req, answer)
}

// appendQuery adds parameters to a URI, whose own query stays as it is (RFC 6749 section 3.1.2).
func appendQuery(uri string, parameters form) string {
	var b strings.Builder
	b.Grow(512)
	b.WriteString(uri)
	switch {
	case len(parameters) == 0:
	case !strings.Contains(uri, "?"):
		b.WriteByte('?')
	case !strings.HasSuffix(uri, "?"):
		b.WriteByte('&')
	}
	writeParameters(&b, parameters)
	return b.String()
}

// appendFragment is a URI, which has no fragment, with parameters in one (RFC 6749 section 4.2.2). It
// takes the place of whatever fragment the browser came with.
func appendFragment(uri string, parameters form) string {
	var b strings.Builder
	b.Grow(512)
	b.WriteString(uri)
	b.WriteByte('#')
	writeParameters(&b, parameters)
	return b.String()
}

// writeParameters writes parameters form-encoded.
func writeParameters(b *strings.Builder, parameters form) {
	for i, p := range parameters {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(p.name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p.value))
	}
}

// errorPage tells the person at the browser what is wrong, and sends nobody anywhere.
func (s *Server) errorPage(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest, err error) {
	e := asError(err)
	event := failed(r.Context(), EventAuthorizationRefused, err)
	if req != nil && req.Client != nil {
		event.ClientID, event.Scope = req.Client.ID, req.Scope
	}
	s.emit(r.Context(), event)
	e.SetRetryAfter(w.Header())
	s.cfg.ErrorPage(w, r, e, e.status())
}

var errorTemplate = template.Must(template.New("error").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Request refused</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"></head>
<body><main id="error"><h1>This request cannot be answered</h1>
<p>{{.Description}}</p><p><code>{{.Code}}</code></p></main></body></html>
`))

func defaultErrorPage(w http.ResponseWriter, _ *http.Request, e *Error, status int) {
	w.Header().Set("Content-Security-Policy", ownPagePolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = errorTemplate.Execute(w, e) // a browser that went away is no fault
}

// The page of response_mode=form_post (OAuth 2.0 Form Post Response Mode section 2) posts itself, or
// by its button where scripts are off.
const formPostScript = `document.forms[0].submit()`

var formPostTemplate = template.Must(template.New("form_post").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Continue</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"></head>
<body><form method="post" action="{{.Action}}">
{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">
{{end}}<noscript><p>One more step leads back to the application that you came from.</p>
<button>Continue</button></noscript></form>
<script>{{.Script}}</script></body></html>
`))

func writeFormPost(w http.ResponseWriter, uri string, answer form) {
	type field struct{ Name, Value string }
	page := struct {
		Action template.URL
		Fields []field
		Script template.JS
	}{Action: template.URL(uri), Script: formPostScript} // uri is registered, the script is ours
	for _, p := range answer {
		page.Fields = append(page.Fields, field{p.name, p.value})
	}
	sum := sha256.Sum256([]byte(formPostScript))
	h := w.Header()
	h.Set("Content-Security-Policy", ownPagePolicy+" "+redirectOrigin(uri)+
		"; script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	_ = formPostTemplate.Execute(w, page) // a browser that went away is no fault
}

// pageHeaders guard every page of the authorization endpoint, the application's own included: no
// framing, no caching, no sniffing, no script. Referrer-Policy is same-origin because with
// no-referrer browsers would send "Origin: null" with the answer.
func pageHeaders(h http.Header) {
	setHeaders(h, pageOnlyHeaders)
}

var pageOnlyHeaders = append(noStoreHeaders[:2:2],
	header{"X-Frame-Options", "DENY"}, header{"X-Content-Type-Options", "nosniff"}, header{"Referrer-Policy", "same-origin"},
	header{"Content-Security-Policy", pagePolicy})

const (
	framingPolicy = "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	// ownPagePolicy is that of the pages written here. They load nothing; img-src is for the empty icon
	// that keeps browsers from asking for /favicon.ico.
	ownPagePolicy = "default-src 'none'; img-src data:; " + framingPolicy
	// pagePolicy is that of the application's pages.
	pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; " + framingPolicy
)

// contentSecurityPolicy lets forms go to this origin and to the proven redirect URI's, because
// browsers check the redirect that follows a form too.
func contentSecurityPolicy(redirectURI string) string {
	return pagePolicy + " " + redirectOrigin(redirectURI)
}

// A mutedWriter swallows a page that prompt=none forbids.
type mutedWriter struct{ header http.Header }

func (m *mutedWriter) Header() http.Header         { return m.header }
func (m *mutedWriter) WriteHeader(int)             {}
func (m *mutedWriter) Write(p []byte) (int, error) { return len(p), nil }
