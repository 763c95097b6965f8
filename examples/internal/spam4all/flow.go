package spam4all

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2/examples/internal/discovery"
)

// start sends the browser to the authorization server (RFC 6749 section 4.1.1), with a state and a
// PKCE verifier of its own (RFC 7636 section 4.1).
func (a *app) start(w http.ResponseWriter, r *http.Request) {
	server, err := a.finder.Find(r.Context())
	if err != nil {
		a.fail(w, r, serverDown.problem(""))
		return
	}
	s, ok := a.sessions.of(r)
	if !ok {
		var id string
		id, s = a.sessions.create()
		a.setCookie(w, id)
	}
	// A verifier is random text of 256 bits; so must a state be.
	state, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	s.begin(state, flow{verifier: verifier, begun: a.options.Now(), endpoint: server.AuthorizationEndpoint})
	http.Redirect(w, r, a.config(server).AuthCodeURL(state,
		oauth2.S256ChallengeOption(verifier),
		oauth2.SetAuthURLParam("resource", a.options.Resource),
	), http.StatusSeeOther)
}

// callback takes the authorization server's answer (RFC 6749 section 4.1.2) and goes on to the home
// page, so that a reload redeems nothing.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	server, err := a.finder.Find(r.Context())
	if err != nil {
		a.fail(w, r, serverDown.problem(""))
		return
	}
	s, ok := a.sessions.of(r)
	if !ok {
		a.fail(w, r, answerUnknown.problem(""))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.connection
	p := a.connect(r, s, server)
	if s.connection != nil && s.connection != before {
		a.setCookie(w, a.sessions.renew(r, s))
	}
	if p != nil {
		a.fail(w, r, p)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// connect checks the answer and redeems its code. s.mu is held.
func (a *app) connect(r *http.Request, s *session, server *discovery.Metadata) *problem {
	q := r.URL.Query()
	for _, name := range []string{"state", "iss", "code", "error"} {
		if len(q[name]) > 1 {
			return answerMalformed.problem("")
		}
	}
	f, ok := s.take(q.Get("state"), a.options.Now())
	if !ok {
		return answerUnknown.problem("")
	}
	// An answer of another server must not bring its code here (RFC 9207 section 2.4).
	if iss := q.Get("iss"); iss != a.options.Issuer && (iss != "" || server.NamesIssuer) {
		return issuerUnexpected.problem("")
	}
	if p := refusal(q); p != nil {
		return p
	}
	ctx, cancel := a.calling(r)
	defer cancel()
	token, err := a.config(server).Exchange(ctx, q.Get("code"),
		oauth2.VerifierOption(f.verifier),
		oauth2.SetAuthURLParam("resource", a.options.Resource),
	)
	if err != nil {
		return tokenProblem(err, codeRefused)
	}
	if !strings.EqualFold(token.TokenType, "Bearer") {
		return answerMalformed.problem("")
	}
	s.connection = &connection{
		token: token, code: mask(q.Get("code")), state: mask(q.Get("state")), endpoint: f.endpoint, issuer: q.Get("iss"),
	}
	return a.fetchContacts(ctx, s)
}

// refusal reads an error response (RFC 6749 section 4.1.2.1).
func refusal(q url.Values) *problem {
	switch code := q.Get("error"); {
	case code == "access_denied":
		return accessDenied.problem("")
	case code != "":
		return answerRefused.problem(inWords(code, q.Get("error_description")))
	case q.Get("code") == "":
		return answerMalformed.problem("")
	}
	return nil
}
