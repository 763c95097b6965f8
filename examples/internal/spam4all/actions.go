package spam4all

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
)

// maxAnswerBytes bounds what is read of the API's answer.
const maxAnswerBytes = 1 << 20

// A contact is one entry of the API's answer.
type contact struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// withConnection serves a button: one action on the browser's connection, then the home page.
func (a *app) withConnection(do func(context.Context, *session) *problem) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, ok := a.sessions.of(r)
		if !ok {
			a.fail(w, r, notConnected.problem(""))
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.connection == nil {
			a.fail(w, r, notConnected.problem(""))
			return
		}
		ctx, cancel := a.calling(r)
		defer cancel()
		if p := do(ctx, s); p != nil {
			a.fail(w, r, p)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// fetchContacts calls the API. A token that has expired, or that the API no longer accepts, is
// refreshed once. s.mu is held, as in all that follows.
func (a *app) fetchContacts(ctx context.Context, s *session) *problem {
	c := s.connection
	c.contacts, c.called = nil, false
	renewed := false
	if !c.token.Valid() && c.token.RefreshToken != "" {
		if p := a.refresh(ctx, s); p != nil {
			return p
		}
		renewed = true
	}
	status, body, err := a.getContacts(ctx, c.token)
	if err == nil && status == http.StatusUnauthorized && !renewed && c.token.RefreshToken != "" {
		if p := a.refresh(ctx, s); p != nil {
			return p
		}
		status, body, err = a.getContacts(ctx, c.token)
	}
	switch {
	case err != nil:
		return apiDown.problem("")
	case status == http.StatusUnauthorized:
		s.connection = nil
		return accessEnded.problem("")
	case status == http.StatusForbidden:
		return apiRefused.problem("")
	case status != http.StatusOK || json.Unmarshal(body, &c.contacts) != nil:
		return apiDown.problem("")
	}
	c.called = true
	return nil
}

func (a *app) getContacts(ctx context.Context, token *oauth2.Token) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(a.options.Resource, "/")+"/contacts", nil)
	if err != nil {
		return 0, nil, err
	}
	token.SetAuthHeader(r)
	res, err := a.options.HTTPClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	return res.StatusCode, body, err
}

// refresh exchanges the refresh token (RFC 6749 section 6). The answer's refresh token replaces the
// one that was presented.
func (a *app) refresh(ctx context.Context, s *session) *problem {
	c := s.connection
	if c.token.RefreshToken == "" {
		return noRefreshToken.problem("")
	}
	server, err := a.finder.Find(ctx)
	if err != nil {
		return serverDown.problem("")
	}
	token, err := a.config(server).TokenSource(ctx, &oauth2.Token{RefreshToken: c.token.RefreshToken}).Token()
	if err != nil {
		p := tokenProblem(err, accessEnded)
		if p.fault == accessEnded {
			s.connection = nil
		}
		return p
	}
	c.token = token
	c.refreshes++
	return nil
}

// revoke gives the access back (RFC 7009): with the refresh token everything ends, without one the
// access token does.
func (a *app) revoke(ctx context.Context, s *session) *problem {
	server, err := a.finder.Find(ctx)
	if err != nil || server.RevocationEndpoint == "" {
		return serverDown.problem("")
	}
	form := url.Values{"token": {s.connection.token.AccessToken}, "token_type_hint": {"access_token"}}
	if refresh := s.connection.token.RefreshToken; refresh != "" {
		form = url.Values{"token": {refresh}, "token_type_hint": {"refresh_token"}}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.RevocationEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return serverDown.problem("")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// RFC 6749 section 2.3.1: both are form-encoded first.
	r.SetBasicAuth(url.QueryEscape(a.options.ClientID), url.QueryEscape(a.options.ClientSecret))
	res, err := a.options.HTTPClient.Do(r)
	if err != nil {
		return serverDown.problem("")
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return serverDown.problem("")
	}
	s.connection = nil
	return nil
}

// tokenProblem says why the token endpoint gave none. What was presented is good no longer: that is
// for ended to say.
func tokenProblem(err error, ended *fault) *problem {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case !ok || refused.ErrorCode == "":
		return serverDown.problem("")
	case refused.ErrorCode == "invalid_grant":
		return ended.problem("")
	}
	return serverRefused.problem(inWords(refused.ErrorCode, refused.ErrorDescription))
}

// inWords joins what an error response tells (RFC 6749 section 5.2).
func inWords(code, description string) string {
	if description == "" {
		return code
	}
	return code + ": " + description
}
