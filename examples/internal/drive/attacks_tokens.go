package drive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/seed5f5fedc6/oauth2/examples/internal/browser"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmail"
)

func forgedTokens(ctx context.Context, s *stage) (string, error) {
	access, _, err := s.tokens(ctx)
	if err != nil {
		return "", err
	}
	middle := len(access) / 2
	flipped := byte('A')
	if access[middle] == flipped {
		flipped = 'B'
	}
	forgeries := []string{
		access[:len(access)-1], access + "A", access[:middle], access[:middle] + string(flipped) + access[middle+1:],
		strings.ToLower(access), access[:23] + strings.Repeat("A", len(access)-23), "at_" + strings.Repeat("A", 64), "x",
	}
	for _, forgery := range forgeries {
		got, err := s.contacts(ctx, forgery)
		if _, err := mustBe("401 invalid_token", got, err); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("401 invalid_token, %d times", len(forgeries)), s.stillWorks(ctx, access)
}

func confusedTokens(ctx context.Context, s *stage) (string, error) {
	_, refresh, err := s.tokens(ctx)
	if err != nil {
		return "", err
	}
	code, err := s.approve(ctx, s.request())
	if err != nil {
		return "", err
	}
	for _, token := range []string{refresh, code, "at_" + refresh[3:], "at_" + code[3:]} {
		got, err := s.contacts(ctx, token)
		if _, err := mustBe("401 invalid_token", got, err); err != nil {
			return "", err
		}
	}
	return "401 invalid_token", nil
}

func revokedToken(ctx context.Context, s *stage) (string, error) {
	access, refresh, err := s.tokens(ctx)
	if err != nil {
		return "", err
	}
	if got, err := s.post(ctx, "/revoke", xmail.ClientID, "token", refresh); err != nil || got.status != http.StatusOK {
		return "", errors.Join(fmt.Errorf("the revocation is answered with %s", got), err)
	}
	got, err := s.contacts(ctx, access)
	return mustBe("401 invalid_token", got, err)
}

func foreignRevocation(ctx context.Context, s *stage) (string, error) {
	access, refresh, err := s.tokens(ctx)
	if err != nil {
		return "", err
	}
	for _, token := range []string{access, refresh} {
		got, err := s.post(ctx, "/revoke", stranger, "token", token)
		if _, err := mustBe("400 invalid_grant", got, err); err != nil {
			return "", err
		}
	}
	return "400 invalid_grant", s.stillWorks(ctx, access)
}

func tokenInQuery(ctx context.Context, s *stage) (string, error) {
	access, _, err := s.tokens(ctx)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.site.APIURL+"/contacts?access_token="+url.QueryEscape(access), nil)
	if err != nil {
		return "", err
	}
	got, err := s.send(r)
	return mustBe("400 invalid_request", got, err)
}

func machineToken(ctx context.Context, s *stage) (string, error) {
	got, err := s.post(ctx, "/token", xmail.MachineID, "grant_type", "client_credentials", "scope", "contacts.read")
	if _, err := mustBe("400 invalid_scope", got, err); err != nil {
		return "", err
	}
	own, err := s.post(ctx, "/token", xmail.MachineID, "grant_type", "client_credentials")
	if err != nil {
		return "", err
	}
	got, err = s.contacts(ctx, own.text("access_token"))
	return mustBe("403 insufficient_scope", got, err)
}

func foreignIntrospection(ctx context.Context, s *stage) (string, error) {
	access, _, err := s.tokens(ctx)
	if err != nil {
		return "", err
	}
	got, err := s.post(ctx, "/introspect", stranger, "token", access)
	return mustBe("403 unauthorized_client", got, err)
}

// answerMustFail submits "yes" and wants an error page instead of a code; then the honest answer
// must still count.
func (s *stage) answerMustFail(ctx context.Context, b *browser.Browser, f *browser.Form, origin string) (string, error) {
	b.LeaveAt = s.callback()
	defer func() { b.LeaveAt = "" }()
	shown, err := b.Submit(ctx, f, origin, "decision", "yes")
	if err != nil {
		return "", err
	}
	if shown.Status < http.StatusBadRequest || shown.Header.Get("Location") != "" {
		return "", fmt.Errorf("%d: %w", shown.Status, errSucceeded)
	}
	return fmt.Sprintf("%d error page", shown.Status), nil
}

func crossSiteConsent(ctx context.Context, s *stage) (string, error) {
	f, err := s.consentPage(ctx, s.request())
	if err != nil {
		return "", err
	}
	answer, err := s.answerMustFail(ctx, s.alice, f, "https://stranger.example")
	if err != nil {
		return "", err
	}
	_, err = s.answer(ctx, f)
	return answer, err
}

func foreignBrowserConsent(ctx context.Context, s *stage) (string, error) {
	f, err := s.consentPage(ctx, s.request())
	if err != nil {
		return "", err
	}
	return s.answerMustFail(ctx, browser.New(), f, "")
}

func changedConsent(ctx context.Context, s *stage) (string, error) {
	f, err := s.consentPage(ctx, s.request())
	if err != nil {
		return "", err
	}
	changed := *f.Action
	query := changed.Query()
	query.Set("client_id", stranger)
	query.Set("redirect_uri", "https://stranger.example/callback")
	changed.RawQuery = query.Encode()
	answer, err := s.answerMustFail(ctx, s.alice, &browser.Form{Action: &changed, Fields: f.Fields}, "")
	if err != nil {
		return "", err
	}
	// Fields beside the answer are not read at all: the code is spam4All's.
	f.Fields.Set("client_id", stranger)
	f.Fields.Set("scope", "contacts.stats")
	_, err = s.answer(ctx, f)
	return answer, err
}

// consentTwice answers one page again and again. A double click gets the first answer's code; once that
// is redeemed, the page is spent.
func consentTwice(ctx context.Context, s *stage) (string, error) {
	a := s.request()
	f, err := s.consentPage(ctx, a)
	if err != nil {
		return "", err
	}
	first, err := s.answer(ctx, f)
	if err != nil {
		return "", err
	}
	second, err := s.answer(ctx, f)
	if err != nil {
		return "", err
	}
	if second != first {
		return "", fmt.Errorf("one page led to two codes: %w", errSucceeded)
	}
	got, err := s.redeem(ctx, xmail.ClientID, first, a.verifier)
	if err != nil {
		return "", err
	}
	answer, err := s.answerMustFail(ctx, s.alice, f, "")
	if err != nil {
		return "", err
	}
	return "one code, then " + answer, s.stillWorks(ctx, got.text("access_token"))
}
