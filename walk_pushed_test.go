//go:build !race

// The walk runs one thing at a time: the race detector would find nothing, and take minutes.

package oauth2

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"
)

// The records of this walk begin as pushed requests, and what happens to them comes through the
// authorization endpoint: each operation is a browser, whose requests hold at every call of the store.

const (
	pushedVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	pushedChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	appRedirect     = "https://app.example.com/"
)

// begunPushed is a request that was pushed a minute ago and expires after lifetime.
func begunPushed(lifetime time.Duration) (*Authorization, url.Values) {
	a := blankRecord()
	a.Subject, a.Scope = "", nil
	uri := newBearerToken(kindRequest, a.ID, a.LineageKey, tokenCore{4})
	parameters := url.Values{
		"client_id": {"app"}, "redirect_uri": {appRedirect}, "response_type": {"code"}, "scope": {"read"},
		"code_challenge": {pushedChallenge}, "code_challenge_method": {challengeS256},
	}
	a.request(uri, parameters.Encode(), noon, lifetime)
	return a, url.Values{"client_id": {"app"}, "request_uri": {uri.text(requestURIPrefix)}}
}

// servePushes makes whole servers of a walk's replicas. Whoever answers a page says yes.
func (w *walk) servePushes() error {
	for _, r := range w.replicas {
		cfg := r.server.cfg
		cfg.Endpoints.PushedAuthorization = "/par"
		cfg.Consent = func(w http.ResponseWriter, _ *http.Request, req *AuthorizationRequest) (*Approval, error) {
			if req.Answered {
				return &Approval{Subject: "alice"}, nil
			}
			_, err := io.WriteString(w, req.FormToken)
			return nil, errors.Join(ErrAnswered, err)
		}
		cfg.ErrorPage = func(w http.ResponseWriter, _ *http.Request, e *Error, status int) {
			w.Header().Set("Error", e.Code)
			w.WriteHeader(status)
		}
		server, err := New(cfg)
		if err != nil {
			return err
		}
		server.sleep = r.server.sleep
		r.server = server
	}
	return nil
}

// A visitor is a browser with a cookie of its own.
type visitor struct {
	cookie *http.Cookie
	query  url.Values
}

// open asks for the page of a request, and returns its form token.
func (v *visitor) open(s *Server) (string, error) {
	return v.visit(s, http.MethodGet, nil)
}

// answer says yes on a page, and returns the code that the client is sent.
func (v *visitor) answer(s *Server, formToken string) (string, error) {
	return v.visit(s, http.MethodPost, url.Values{FormTokenField: {formToken}})
}

func (v *visitor) visit(s *Server, method string, form url.Values) (string, error) {
	r := httptest.NewRequest(method, "https://id.example.com/authorize?"+v.query.Encode(), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if v.cookie != nil {
		r.AddCookie(v.cookie)
	}
	w := httptest.NewRecorder()
	s.Authorize(w, r)
	for _, cookie := range w.Result().Cookies() {
		v.cookie = cookie
	}
	location, err := url.Parse(w.Header().Get("Location"))
	switch {
	case err != nil:
		return "", err
	case w.Code >= http.StatusBadRequest:
		return "", &Error{Code: w.Header().Get("Error")}
	case w.Code == http.StatusSeeOther && location.Query().Get("error") != "":
		return "", &Error{Code: location.Query().Get("error")}
	case w.Code == http.StatusSeeOther:
		return location.Query().Get("code"), nil
	}
	return w.Body.String(), nil
}

// The operations: told.refresh is the code that the client was sent, told.access its access token.

func opening(query url.Values) operation {
	return operation{"open", func(s *Server, t *told) { _, t.err = (&visitor{query: query}).open(s) }}
}

func approving(query url.Values) operation {
	return operation{"approve", func(s *Server, t *told) {
		v := &visitor{query: query}
		page, err := v.open(s)
		if t.err = err; err == nil {
			t.refresh, t.err = v.answer(s, page)
		}
	}}
}

// answeringPage is the answer to a page that is open already: two of them are a double click.
func answeringPage(v visitor, page string) operation {
	return operation{"answer", func(s *Server, t *told) { t.refresh, t.err = v.answer(s, page) }}
}

// andRedeeming goes on with the code that the client was sent.
func andRedeeming(op operation) operation {
	return operation{op.name + " and redeem", func(s *Server, t *told) {
		if op.run(s, t); t.err == nil {
			pushedRedemption(t.refresh).run(s, t)
		}
	}}
}

func pushedRedemption(code string) operation {
	return operation{"redeem", func(s *Server, t *told) {
		out, err := s.exchange(context.Background(), request(s,
			"grant_type", GrantAuthorizationCode, "code", code, "redirect_uri", appRedirect, "code_verifier", pushedVerifier))
		if t.err = err; err == nil {
			t.access = out.texts.access
		}
	}}
}
