package drive

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/browser"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmail"
)

// television starts a device, and keeps what it was given.
func (s *stage) television(ctx context.Context) (err error) {
	s.codes, err = s.post(ctx, "/device_authorization", xmail.DeviceID, "scope", "contacts.read", "resource", s.site.APIURL)
	if err == nil && s.codes.status != http.StatusOK {
		err = fmt.Errorf("answered %s", s.codes)
	}
	return err
}

// poll asks for the television's tokens.
func (s *stage) poll(ctx context.Context) (reply, error) {
	return s.post(ctx, "/token", xmail.DeviceID, "grant_type", oauth2.GrantDeviceCode, "device_code", s.codes.text("device_code"))
}

func televisionShowsCode(ctx context.Context, s *stage) (string, error) {
	if err := s.television(ctx); err != nil {
		return "", err
	}
	got, err := s.poll(ctx)
	if answer, err := mustBe("400 authorization_pending", got, err); err != nil {
		return answer, err
	}
	return s.codes.text("user_code") + ", " + got.text("error"), nil
}

func aliceEntersCode(ctx context.Context, s *stage) (string, error) {
	if _, err := s.arrive("device", "")(s.alice.Open(ctx, s.codes.text("verification_uri"))); err != nil {
		return "", err
	}
	return s.arrive("consent", s.codes.text("user_code"))(s.press(ctx, "device", "user_code", s.codes.text("user_code")))
}

func televisionReads(ctx context.Context, s *stage) (string, error) {
	if _, err := s.arrive("", `id="device-done"`)(s.press(ctx, "consent", "decision", "yes")); err != nil {
		return "", err
	}
	got, err := s.poll(ctx)
	if err == nil && got.status != http.StatusOK {
		err = fmt.Errorf("answered %s", got)
	}
	if err != nil {
		return "", err
	}
	s.watched = got.text("access_token")
	return "200, contacts", s.stillWorks(ctx, s.watched)
}

// deviceCodeTwice follows the story: the television has its tokens.
func deviceCodeTwice(ctx context.Context, s *stage) (string, error) {
	got, err := s.poll(ctx)
	answer, err := mustBe("400 invalid_grant", got, err)
	if err != nil {
		return "", err
	}
	return answer, s.stillWorks(ctx, s.watched)
}

// deviceLink opens a link with the code in it, as a phisher would have it.
func deviceLink(ctx context.Context, s *stage) (string, error) {
	if err := s.television(ctx); err != nil {
		return "", err
	}
	shown, err := s.alice.Open(ctx, s.codes.text("verification_uri_complete")+"&decision=yes")
	if err != nil {
		return "", err
	}
	if _, err := shown.Form("consent"); err != nil {
		return "", err
	}
	got, err := s.poll(ctx)
	return mustBe("400 authorization_pending", got, err)
}

// guessedCodes spends the budget of this address, so it is the last one that enters codes.
func guessedCodes(ctx context.Context, s *stage) (string, error) {
	guesser := browser.New()
	entry, err := guesser.Open(ctx, s.site.Issuer+"/device")
	if err != nil {
		return "", err
	}
	form, err := entry.Form("device")
	if err != nil {
		return "", err
	}
	for tries := range 60 {
		p, err := guesser.Submit(ctx, form, "", "user_code", "BBBB-BBBB")
		switch {
		case err != nil:
			return "", err
		case p.Status == http.StatusTooManyRequests:
			return fmt.Sprintf("429 after %d", tries), nil
		case p.Status != http.StatusBadRequest:
			return "", fmt.Errorf("answered %d", p.Status)
		}
	}
	return "", errors.Join(errSucceeded, errors.New("60 guesses"))
}
