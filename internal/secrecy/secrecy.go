// Package secrecy finds secrets in what was told. A Recorder watches the traffic of tests, remembers
// each secret that passes, and looks for all of them in logs, events, errors and stored records.
package secrecy

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A Recorder remembers every secret that passes over the wire, and every refusal that repeats one. It
// is safe for concurrent use.
type Recorder struct {
	mu      sync.Mutex
	secrets map[string]string // what it is, by secret
	public  map[string]bool   // challenges, which attackers try as verifiers too
	echoes  []string
}

// New returns a Recorder that has seen nothing.
func New() *Recorder {
	return &Recorder{secrets: map[string]string{}, public: map[string]bool{}}
}

// secretFields are the parameters and members whose values are secret.
var secretFields = []string{
	"code", "access_token", "refresh_token", "token", "client_secret", "code_verifier", "password",
	"client_assertion", "assertion", "subject_token", "actor_token", "form_token", "proof", "registration_access_token",
}

const minSecret = 16

// idChars is the length of the record's ID, which begins each token and is no secret.
const idChars = 20

var tokenPattern = regexp.MustCompile(`^(ac|at|rt|dc)_[A-Za-z0-9_-]{64}$`)

// Add remembers a secret, by the name of what it is, in clear and as a form has it. One of less than 16
// characters is not remembered: it may occur anywhere.
func (rec *Recorder) Add(what, value string) {
	for _, form := range []string{value, url.QueryEscape(value)} {
		if len(form) >= minSecret {
			rec.mu.Lock()
			rec.keep(what, form)
			rec.mu.Unlock()
		}
	}
	if tokenPattern.MatchString(value) {
		rec.Add(what, value[3+idChars:]) // which is all that is secret of a token
	}
}

// keep remembers a secret as what it was seen first.
func (rec *Recorder) keep(what, secret string) {
	if _, known := rec.secrets[secret]; !known && !rec.public[secret] {
		rec.secrets[secret] = what
	}
}

func (rec *Recorder) addForm(form url.Values) {
	rec.mu.Lock()
	rec.public[form.Get("code_challenge")] = true
	rec.mu.Unlock()
	for _, name := range secretFields {
		for _, value := range form[name] {
			rec.Add(name, value)
		}
	}
}

func (rec *Recorder) addCookies(cookies []*http.Cookie) {
	for _, c := range cookies {
		rec.Add("cookie", c.Value)
		if value, err := url.QueryUnescape(c.Value); err == nil {
			rec.Add("cookie", value)
			id, _, _ := strings.Cut(value, ".")
			rec.Add("cookie", id)
		}
	}
}

// Through is a transport whose traffic is recorded.
func (rec *Recorder) Through(next http.RoundTripper) http.RoundTripper { return recording{rec, next} }

type recording struct {
	rec  *Recorder
	next http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (r recording) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := New()
	sent.request(req)
	r.rec.merge(sent)
	res, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	r.rec.response(res, body)
	if res.StatusCode >= http.StatusBadRequest {
		if found := sent.Find(string(body)); len(found) > 0 {
			r.rec.mu.Lock()
			r.rec.echoes = append(r.rec.echoes, req.URL.Path+": "+strings.Join(found, ", "))
			r.rec.mu.Unlock()
		}
	}
	return res, nil
}

func (rec *Recorder) merge(other *Recorder) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	maps.Copy(rec.public, other.public)
	for secret, what := range other.secrets {
		rec.keep(what, secret)
	}
}

// request finds what a client or a browser sends.
func (rec *Recorder) request(r *http.Request) {
	rec.addForm(r.URL.Query())
	rec.addCookies(r.Cookies())
	if id, secret, ok := r.BasicAuth(); ok {
		_, encoded, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		rec.Add("Basic credentials", encoded)
		rec.Add("client_secret", secret)
		if plain, err := url.QueryUnescape(secret); err == nil && id != "" {
			rec.Add("client_secret", plain)
		}
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		rec.Add("access_token", token)
	}
	if r.GetBody == nil {
		return
	}
	if body, err := r.GetBody(); err == nil {
		text, _ := io.ReadAll(body)
		form, _ := url.ParseQuery(string(text)) // what of it is a form
		rec.addForm(form)
	}
}

var hiddenField = regexp.MustCompile(`name="(form_token|proof)" value="([^"]+)"`)

// response finds what the server hands out.
func (rec *Recorder) response(res *http.Response, body []byte) {
	rec.addCookies(res.Cookies())
	if location, err := res.Location(); err == nil {
		rec.addForm(location.Query())
		fragment, _ := url.ParseQuery(location.EscapedFragment()) // what of it is parameters
		rec.addForm(fragment)
	}
	var members map[string]any
	if json.Unmarshal(body, &members) == nil {
		for _, name := range secretFields {
			if value, ok := members[name].(string); ok {
				rec.Add(name, value)
			}
		}
	}
	for _, m := range hiddenField.FindAllStringSubmatch(string(body), -1) {
		rec.Add(m[1], m[2])
	}
}

// Echoes are the refusals, by path, that repeated a secret of their own request.
func (rec *Recorder) Echoes() []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return slices.Clone(rec.echoes)
}

// Find tells which kinds of secrets occur in a text, in clear or in base64.
func (rec *Recorder) Find(text string) []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	type clue struct{ text, what string }
	clues := make(map[string][]clue, 2*len(rec.secrets))
	for secret, what := range rec.secrets {
		// The last characters of base64 depend on what follows.
		encoded := base64.RawStdEncoding.EncodeToString([]byte(secret[:len(secret)/3*3]))
		for _, c := range []clue{{secret, what}, {encoded, what + " in base64"}} {
			clues[c.text[:minSecret]] = append(clues[c.text[:minSecret]], c)
		}
	}
	var found []string
	for i := range max(0, len(text)-minSecret+1) {
		for _, c := range clues[text[i:i+minSecret]] {
			if strings.HasPrefix(text[i:], c.text) {
				found = append(found, c.what)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
