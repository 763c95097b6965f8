package spam4all

import (
	"bytes"
	"html/template"
	"net/http"
	"strconv"
	"time"
)

var page = template.Must(template.ParseFS(files, "page.html"))

// A view is what the page shows.
type view struct {
	Lang string
	// T are the texts in the reader's language.
	T map[string]string

	ErrorTitle, ErrorText, ErrorDetail string

	Connected, Called, Refreshable bool
	Contacts                       []contact
	Steps                          []step
}

// A step is one step of the flow, with the values that were exchanged.
type step struct {
	Title string
	Facts []fact
}

type fact struct{ Name, Value string }

func newView(r *http.Request) *view {
	l := localeOf(r)
	v := &view{Lang: l.String(), T: make(map[string]string, len(words))}
	for name, text := range words {
		v.T[name] = text[l]
	}
	return v
}

// home shows where the browser stands. Showing it changes nothing.
func (a *app) home(w http.ResponseWriter, r *http.Request) {
	v := newView(r)
	v.Steps = []step{a.registered(v.T)}
	if s, ok := a.sessions.of(r); ok {
		s.mu.Lock()
		if c := s.connection; c != nil {
			v.Connected, v.Called, v.Refreshable = true, c.called, c.token.RefreshToken != ""
			v.Contacts = c.contacts
			v.Steps = append(v.Steps, a.taken(v.T, c)...)
		}
		s.mu.Unlock()
	}
	write(w, http.StatusOK, v)
}

// fail shows a problem, in words.
func (a *app) fail(w http.ResponseWriter, r *http.Request, p *problem) {
	v, l := newView(r), localeOf(r)
	v.ErrorTitle, v.ErrorText, v.ErrorDetail = p.title[l], p.text[l], p.detail
	write(w, p.status, v)
}

func write(w http.ResponseWriter, status int, v *view) {
	var body bytes.Buffer
	if err := page.Execute(&body, v); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Lang)
	h.Add("Vary", "Accept-Language")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // a browser that went away is no fault
}

// registered is the step that precedes every flow.
func (a *app) registered(t map[string]string) step {
	return step{t["step1"], []fact{
		{"client_id", a.options.ClientID},
		{"client_secret", t["secret"]},
		{"redirect_uri", a.options.BaseURL + CallbackPath},
		{"scope", Scope},
	}}
}

// taken are the steps that led to a connection.
func (a *app) taken(t map[string]string, c *connection) []step {
	asked := step{t["step2"], []fact{
		{"authorization endpoint", c.endpoint},
		{"response_type", "code"},
		{"client_id", a.options.ClientID},
		{"redirect_uri", a.options.BaseURL + CallbackPath},
		{"scope", Scope},
		{"state", c.state},
		{"resource", a.options.Resource},
		{"code_challenge_method", "S256"},
	}}
	answered := step{t["step3"], []fact{{"code", c.code}, {"state", c.state}, {"iss", c.issuer}}}
	exchanged := step{t["step4"], []fact{
		{"refresh token", mask(c.token.RefreshToken)},
		{"access token", mask(c.token.AccessToken)},
		{t["refreshed"], strconv.Itoa(c.refreshes)},
	}}
	if !c.token.Expiry.IsZero() {
		exchanged.Facts = append(exchanged.Facts, fact{t["expires"], c.token.Expiry.UTC().Format(time.RFC1123)})
	}
	steps := []step{asked, answered, exchanged}
	if c.called {
		steps = append(steps, step{t["step5"], []fact{{"GET", a.options.Resource + "/contacts"}, {"Authorization", "Bearer " + mask(c.token.AccessToken)}}})
	}
	return steps
}
