package drive

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2/examples/internal/browser"
	"github.com/seed5f5fedc6/oauth2/examples/internal/spam4all"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmail"
)

// A stage is what the steps share: the servers, alice's browser, and what was got so far.
type stage struct {
	site  *xmail.Site
	clock *clock
	alice *browser.Browser
	page  *browser.Page // what alice sees
	http  *http.Client
	// codes are what the television was given, watched the access token that it got.
	codes   reply
	watched string
}

func newStage(site *xmail.Site, clock *clock) *stage {
	return &stage{site: site, clock: clock, alice: browser.New(), http: browser.New().Client}
}

func (s *stage) callback() string { return s.site.ClientURL + spam4all.CallbackPath }

// An attempt is one authorization request of a client, with the verifier that belongs to it.
type attempt struct {
	url, verifier string
}

// request is a good authorization request of spam4All, changed by pairs of names and values.
func (s *stage) request(pairs ...string) attempt {
	verifier := xoauth2.GenerateVerifier()
	query := url.Values{
		"response_type": {"code"}, "client_id": {xmail.ClientID}, "redirect_uri": {s.callback()}, "scope": {"contacts.read"},
		"state": {"a-state"}, "code_challenge": {xoauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
		"resource": {s.site.APIURL},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	return attempt{url: s.site.Issuer + "/request-access?" + query.Encode(), verifier: verifier}
}

// consentPage opens a request in alice's browser, who is logged in, and returns the form.
func (s *stage) consentPage(ctx context.Context, a attempt) (*browser.Form, error) {
	shown, err := s.alice.Open(ctx, a.url)
	if err != nil {
		return nil, err
	}
	return shown.Form("consent")
}

// approve lets alice say yes, and returns the code instead of taking it to the client.
func (s *stage) approve(ctx context.Context, a attempt) (string, error) {
	form, err := s.consentPage(ctx, a)
	if err != nil {
		return "", err
	}
	return s.answer(ctx, form)
}

// answer submits "yes" and returns the code that the browser is sent on with.
func (s *stage) answer(ctx context.Context, form *browser.Form) (string, error) {
	s.alice.LeaveAt = s.callback()
	defer func() { s.alice.LeaveAt = "" }()
	sent, err := s.alice.Submit(ctx, form, "", "decision", "yes")
	if err != nil {
		return "", err
	}
	target, err := sent.Location()
	if err != nil {
		return "", err
	}
	if code := target.Query().Get("code"); code != "" {
		return code, nil
	}
	return "", fmt.Errorf("%d without a code", sent.Status)
}

// A reply is a JSON answer.
type reply struct {
	status  int
	members map[string]any
}

func (r reply) text(member string) string {
	text, _ := r.members[member].(string)
	return text
}

func (r reply) String() string {
	if code := r.text("error"); code != "" {
		return fmt.Sprintf("%d %s", r.status, code)
	}
	return fmt.Sprint(r.status)
}

// post calls an endpoint as a client.
func (s *stage) post(ctx context.Context, path, clientID string, pairs ...string) (reply, error) {
	body := url.Values{}
	if clientID == xmail.DeviceID { // which is public
		body.Set("client_id", clientID)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			body.Set(pairs[i], pairs[i+1])
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.site.Issuer+path, strings.NewReader(body.Encode()))
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if clientID != xmail.DeviceID {
		r.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(secretOf(clientID)))
	}
	return s.send(r)
}

func (s *stage) send(r *http.Request) (reply, error) {
	res, err := s.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	got := reply{status: res.StatusCode}
	_ = json.Unmarshal(body, &got.members) // a list has no members to look at
	return got, err
}

// redeem exchanges a code as a client, with an optional verifier.
func (s *stage) redeem(ctx context.Context, clientID, code, verifier string) (reply, error) {
	return s.post(ctx, "/token", clientID, "grant_type", "authorization_code", "code", code, "redirect_uri", s.callback(), "code_verifier", verifier)
}

func (s *stage) refresh(ctx context.Context, clientID, token, scope string) (reply, error) {
	return s.post(ctx, "/token", clientID, "grant_type", "refresh_token", "refresh_token", token, "scope", scope)
}

// tokens lets alice approve and redeems the code.
func (s *stage) tokens(ctx context.Context) (access, refresh string, err error) {
	a := s.request()
	code, err := s.approve(ctx, a)
	if err != nil {
		return "", "", err
	}
	got, err := s.redeem(ctx, xmail.ClientID, code, a.verifier)
	if err == nil && got.status != http.StatusOK {
		err = fmt.Errorf("the code was answered with %s", got)
	}
	return got.text("access_token"), got.text("refresh_token"), err
}

// contacts calls the API with a token.
func (s *stage) contacts(ctx context.Context, token string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.site.APIURL+"/contacts", nil)
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return s.send(r)
}
