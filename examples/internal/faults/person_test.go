package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2/examples/internal/browser"
)

// A person approves the app again and again; the app refreshes, and at last gives access back. Every
// request is tried again until it is answered, as an honest client would.
type person struct {
	fleet   *fleet
	name    string
	browser *browser.Browser
	http    *http.Client

	rounds, approvals, refreshes int
	access, refresh              string   // the last ones that were acknowledged and not revoked
	dead                         []string // revoked, by an acknowledged revocation
	objection                    error
}

func newPerson(f *fleet, name string) *person {
	b := browser.New()
	b.LeaveAt = redirect
	return &person{fleet: f, name: name, browser: b, http: &http.Client{Timeout: 10 * time.Second}}
}

// errOver: the load has ended, or the outcome of a step was lost for good; neither is an objection.
var errOver = errors.New("over")

// live goes on until ctx is done. Each round's steps are finished all the same, without a deadline of
// the test's: the servers are up again by then.
func (p *person) live(ctx context.Context) {
	for ctx.Err() == nil {
		if err := p.round(ctx); err != nil && !errors.Is(err, errOver) {
			p.objection = err
			return
		}
	}
}

func (p *person) round(ctx context.Context) error {
	p.rounds++
	verifier := xoauth2.GenerateVerifier()
	code, err := p.approve(ctx, verifier)
	if err != nil {
		return err
	}
	if err := p.redeem(ctx, code, verifier); err != nil {
		return err
	}
	p.approvals++
	for i := range 5 {
		if err := p.rotate(ctx, i%2 == 0); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return errOver // what is live now is judged in the end
	}
	return p.revoke(ctx)
}

// approve opens the request, logs in where that is asked for, and says yes, anew after every fault.
func (p *person) approve(ctx context.Context, verifier string) (string, error) {
	query := url.Values{
		"response_type": {"code"}, "client_id": {appID}, "redirect_uri": {redirect}, "scope": {"contacts.read"}, "state": {xoauth2.GenerateVerifier()},
		"code_challenge": {xoauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	for ctx.Err() == nil {
		page, err := p.browser.Open(ctx, p.fleet.issuer+"/request-access?"+query.Encode())
		if err == nil && page.Forms["login"] != nil {
			page, err = p.browser.Submit(ctx, page.Forms["login"], "", "username", p.name, "password", password)
		}
		if err != nil || page.Forms["consent"] == nil {
			continue
		}
		if page, err = p.browser.Submit(ctx, page.Forms["consent"], "", "decision", "yes"); err != nil {
			continue
		}
		if sent, err := page.Location(); err == nil && sent.Query().Get("code") != "" {
			return sent.Query().Get("code"), nil
		}
	}
	return "", errOver
}

// redeem sends the code twice at once. At most one may succeed; and if the other is seen as a
// replay, what was issued ends, so nothing is kept of it.
func (p *person) redeem(ctx context.Context, code, verifier string) error {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
	var answers [2]map[string]string
	var both sync.WaitGroup
	twice := p.rounds%4 == 0
	for i := range answers {
		if i == 0 || twice {
			both.Go(func() { answers[i] = p.post(ctx, "/token", form, false) })
		}
	}
	both.Wait()
	won := 0
	for _, a := range answers {
		if a["access_token"] != "" {
			won++
			p.access, p.refresh = a["access_token"], a["refresh_token"]
		}
	}
	switch {
	case won > 1:
		return errors.New("a code was redeemed twice")
	case won == 0 || twice:
		// The outcome was lost, which ends the round; or the replay ended what was issued.
		p.access, p.refresh = "", ""
		return errOver
	}
	return nil
}

// rotate refreshes, and now and then once more with the replaced token, as two tabs would.
func (p *person) rotate(ctx context.Context, twice bool) error {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {p.refresh}}
	answer := p.post(ctx, "/token", form, true)
	if answer["refresh_token"] == "" {
		return fmt.Errorf("an honest refresh was refused: %v", answer)
	}
	if twice {
		again := p.post(ctx, "/token", form, true)
		if again["refresh_token"] != answer["refresh_token"] {
			return fmt.Errorf("a retry led elsewhere: %v", again["error"])
		}
	}
	p.access, p.refresh = answer["access_token"], answer["refresh_token"]
	p.refreshes++
	return nil
}

func (p *person) revoke(ctx context.Context) error {
	if answer := p.post(ctx, "/revoke", url.Values{"token": {p.refresh}}, true); answer["error"] != "" {
		return fmt.Errorf("a revocation was refused: %v", answer)
	}
	p.dead = append(p.dead, p.access)
	p.access, p.refresh = "", ""
	p.fleet.finished.Add(1)
	return nil
}

// post calls an endpoint as the app. With insist it tries again until there is an answer, also after
// the load has ended: what was begun is finished. Without, an unknown outcome is an empty answer.
func (p *person) post(ctx context.Context, path string, form url.Values, insist bool) map[string]string {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		status, answer := p.call(context.WithoutCancel(ctx), path, form)
		if status != 0 && status < 500 || !insist {
			return answer
		}
	}
	return map[string]string{"error": "there was no answer for a minute"}
}

func (p *person) call(ctx context.Context, path string, form url.Values) (int, map[string]string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.fleet.issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(appID, appSecret)
	res, err := p.http.Do(r)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil
	}
	var members map[string]any
	_ = json.Unmarshal(body, &members) // a gateway's page has none
	answer := map[string]string{}
	for name, value := range members {
		answer[name] = fmt.Sprint(value)
	}
	return res.StatusCode, answer
}

// judge holds the servers to what they acknowledged.
func (p *person) judge() {
	t := p.fleet.t
	active := func(token string) string {
		return p.post(t.Context(), "/introspect", url.Values{"token": {token}}, true)["active"]
	}
	for _, token := range p.dead {
		require.Equal(t, "false", active(token), "what was revoked stays dead")
	}
	if p.refresh == "" {
		return
	}
	require.Equal(t, "true", active(p.access), "what was acknowledged is there")
	require.NoError(t, p.rotate(t.Context(), true), "the last refresh token leads on")
}
