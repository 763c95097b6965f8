package drive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/seed5f5fedc6/oauth2/examples/internal/xmail"
)

// attacks are what peers of this library were found to allow. A step is an error if the attack
// succeeds, or if it does harm although it is refused.
var attacks = []step{
	{"a code is redeemed a second time", codeReplay},
	{"a code is redeemed twice at once", parallelRedemptions},
	{"a code is redeemed without its verifier (PKCE stripped)", pkceStripped},
	{"a code is redeemed with another verifier", wrongVerifier},
	{"another client redeems the code", foreignClient},
	{"another client refreshes the token", foreignRefresh},
	{"redirect to another host, path, case, port, scheme or encoding", redirectTricks},
	{"the request asks for no PKCE, or for plain", weakPKCE},
	{"a replaced refresh token is used again, later", refreshReuse},
	{"the refresh asks for a wider scope", widenedScope},
	{"a token is forged or truncated", forgedTokens},
	{"a refresh token or a code is used as an access token", confusedTokens},
	{"a revoked token is used at the API", revokedToken},
	{"another client revokes the token", foreignRevocation},
	{"a token is sent in the query string", tokenInQuery},
	{"the machine's token is used for a user's contacts", machineToken},
	{"another site posts the consent form", crossSiteConsent},
	{"the consent form is posted from another browser", foreignBrowserConsent},
	{"the consent form is changed to another scope or client", changedConsent},
	{"the consent form is submitted twice", consentTwice},
	{"an ordinary client introspects a token", foreignIntrospection},
	{"a device code is redeemed a second time", deviceCodeTwice},
	{"a link with a device's code in it is opened", deviceLink},
	{"codes of devices are guessed", guessedCodes},
}

var errSucceeded = errors.New("the attack succeeded")

// mustBe wants an error answer.
func mustBe(want string, got reply, err error) (string, error) {
	switch {
	case err != nil:
		return "", err
	case got.String() != want:
		return "", fmt.Errorf("answered %s instead of %s", got, want)
	}
	return got.String(), nil
}

// stillWorks wants the owner of a token to be unharmed by an attack.
func (s *stage) stillWorks(ctx context.Context, access string) error {
	got, err := s.contacts(ctx, access)
	if err == nil && got.status != http.StatusOK {
		err = fmt.Errorf("the owner's token is answered with %s", got)
	}
	return err
}

func (s *stage) isDead(ctx context.Context, access string) error {
	got, err := s.contacts(ctx, access)
	if err == nil && got.status != http.StatusUnauthorized {
		err = fmt.Errorf("the API answers %s: %w", got, errSucceeded)
	}
	return err
}

func codeReplay(ctx context.Context, s *stage) (string, error) {
	a := s.request()
	code, err := s.approve(ctx, a)
	if err != nil {
		return "", err
	}
	first, err := s.redeem(ctx, xmail.ClientID, code, a.verifier)
	if err != nil {
		return "", err
	}
	second, err := s.redeem(ctx, xmail.ClientID, code, a.verifier)
	answer, err := mustBe("400 invalid_grant", second, err)
	if err != nil {
		return "", err
	}
	return answer + ", tokens revoked", s.isDead(ctx, first.text("access_token"))
}

func parallelRedemptions(ctx context.Context, s *stage) (string, error) {
	a := s.request()
	code, err := s.approve(ctx, a)
	if err != nil {
		return "", err
	}
	var replies [2]reply
	var errs [2]error
	var both sync.WaitGroup
	for i := range replies {
		both.Go(func() { replies[i], errs[i] = s.redeem(ctx, xmail.ClientID, code, a.verifier) })
	}
	both.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return "", err
	}
	if (replies[0].status == http.StatusOK) == (replies[1].status == http.StatusOK) {
		return "", fmt.Errorf("answered %s and %s", replies[0], replies[1])
	}
	return replies[0].String() + " and " + replies[1].String(), nil
}

// withCode attacks a code, then redeems it as its owner would: a refused attack burns nothing.
func withCode(want, clientID string, verifier func(string) string) func(context.Context, *stage) (string, error) {
	return func(ctx context.Context, s *stage) (string, error) {
		a := s.request()
		code, err := s.approve(ctx, a)
		if err != nil {
			return "", err
		}
		got, err := s.redeem(ctx, clientID, code, verifier(a.verifier))
		answer, err := mustBe(want, got, err)
		if err != nil {
			return "", err
		}
		owner, err := s.redeem(ctx, xmail.ClientID, code, a.verifier)
		if err == nil && owner.status != http.StatusOK {
			err = fmt.Errorf("the owner is answered with %s", owner)
		}
		return answer, err
	}
}

var (
	pkceStripped  = withCode("400 invalid_request", xmail.ClientID, func(string) string { return "" })
	wrongVerifier = withCode("400 invalid_grant", xmail.ClientID, func(v string) string { return "x" + v[1:] + "x" })
	foreignClient = withCode("400 invalid_grant", stranger, func(v string) string { return v })
)

func foreignRefresh(ctx context.Context, s *stage) (string, error) {
	access, refresh, err := s.tokens(ctx)
	if err != nil {
		return "", err
	}
	got, err := s.refresh(ctx, stranger, refresh, "")
	answer, err := mustBe("400 invalid_grant", got, err)
	if err != nil {
		return "", err
	}
	return answer, s.stillWorks(ctx, access)
}

func redirectTricks(ctx context.Context, s *stage) (string, error) {
	own, err := url.Parse(s.callback())
	if err != nil {
		return "", err
	}
	tricks := []string{
		"https://stranger.example/callback", "http://evil-" + own.Host + own.Path, "http://" + own.Host + "@stranger.example" + own.Path,
		s.callback() + "/more", s.callback() + "?x=1", s.callback() + "#x", s.callback() + "/../other", strings.ToUpper(s.callback()),
		"http://" + own.Hostname() + ":1" + own.Path, "https://" + own.Host + own.Path, "http://" + own.Host + "/%70rocess-temp-code",
		"javascript:alert(1)", "//stranger.example/", "",
	}
	for _, uri := range tricks {
		shown, err := s.alice.Open(ctx, s.request("redirect_uri", uri).url)
		if err != nil {
			return "", err
		}
		if shown.Status != http.StatusBadRequest || !strings.Contains(shown.Text, `id="error"`) || strings.Contains(shown.Text, "stranger.example") {
			return "", fmt.Errorf("%q is answered with %d: %w", uri, shown.Status, errSucceeded)
		}
	}
	return fmt.Sprintf("400 error page, %d times", len(tricks)), nil
}

func weakPKCE(ctx context.Context, s *stage) (string, error) {
	s.alice.LeaveAt = s.callback()
	defer func() { s.alice.LeaveAt = "" }()
	for _, a := range []attempt{s.request("code_challenge", ""), s.request("code_challenge_method", "plain"), s.request("code_challenge_method", "")} {
		sent, err := s.alice.Open(ctx, a.url)
		if err != nil {
			return "", err
		}
		target, err := sent.Location()
		if err != nil {
			return "", err
		}
		if code := target.Query().Get("error"); code != "invalid_request" {
			return "", fmt.Errorf("answered %q: %w", code, errSucceeded)
		}
	}
	return "303 invalid_request", nil
}

func refreshReuse(ctx context.Context, s *stage) (string, error) {
	access, refresh, err := s.tokens(ctx)
	if err != nil {
		return "", err
	}
	current, err := s.refresh(ctx, xmail.ClientID, refresh, "")
	if err != nil {
		return "", err
	}
	s.clock.advance(time.Minute)
	got, err := s.refresh(ctx, xmail.ClientID, refresh, "")
	answer, err := mustBe("400 invalid_grant", got, err)
	if err != nil {
		return "", err
	}
	if err := errors.Join(s.isDead(ctx, access), s.isDead(ctx, current.text("access_token"))); err != nil {
		return "", err
	}
	got, err = s.refresh(ctx, xmail.ClientID, current.text("refresh_token"), "")
	if _, err := mustBe("400 invalid_grant", got, err); err != nil {
		return "", err
	}
	return answer + ", family revoked", nil
}

func widenedScope(ctx context.Context, s *stage) (string, error) {
	access, refresh, err := s.tokens(ctx)
	if err != nil {
		return "", err
	}
	got, err := s.refresh(ctx, xmail.ClientID, refresh, "contacts.read contacts.stats")
	answer, err := mustBe("400 invalid_scope", got, err)
	if err != nil {
		return "", err
	}
	return answer, s.stillWorks(ctx, access)
}
