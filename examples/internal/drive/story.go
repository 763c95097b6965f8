package drive

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/seed5f5fedc6/oauth2/examples/internal/browser"
	"github.com/seed5f5fedc6/oauth2/examples/internal/machine"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmail"
)

// story is that of the founding notes: spam4All asks for alice's contacts at Xmail.
var story = []step{
	{"the three servers are up", everythingIsUp},
	{"spam4All sends alice's browser to Xmail, where she must log in", startAtTheClient},
	{"a wrong password is refused", wrongPassword},
	{"alice logs in and is asked, in words", logIn},
	{"alice says no, and spam4All is told so", sayNo},
	{"alice says yes, and spam4All shows her contacts", sayYes},
	{"reloading the callback redeems nothing", reloadCallback},
	{"spam4All refreshes its access token", pressAt("/refresh")},
	{"spam4All reads the contacts with the new one", readContacts},
	{"alice finds spam4All among her connected apps and withdraws access", withdraw},
	{"spam4All cannot read the contacts any more", cannotReadContacts},
	{"a machine reads the statistics with client credentials", machineReads},
	{"a television shows a code, and polls in vain", televisionShowsCode},
	{"alice enters the code, and is asked about that very code", aliceEntersCode},
	{"alice says yes, and the television reads her contacts", televisionReads},
}

func everythingIsUp(ctx context.Context, s *stage) (string, error) {
	for _, base := range []string{s.site.Issuer, s.site.ClientURL, s.site.APIURL} {
		p, err := s.alice.Open(ctx, base+"/healthz")
		if err != nil {
			return "", err
		}
		if p.Status != http.StatusOK {
			return "", fmt.Errorf("%s answers %d", base, p.Status)
		}
	}
	return "200, 200, 200", nil
}

func startAtTheClient(ctx context.Context, s *stage) (string, error) {
	if _, err := s.alice.Open(ctx, s.site.ClientURL+"/"); err != nil {
		return "", err
	}
	return s.arrive("login", "")(s.alice.Open(ctx, s.site.ClientURL+"/start"))
}

// arrive keeps what alice sees, and wants a form on it and a text, be it markup or words.
func (s *stage) arrive(formID, text string) func(*browser.Page, error) (string, error) {
	return func(p *browser.Page, err error) (string, error) {
		if err != nil {
			return "", err
		}
		s.page = p
		if formID != "" {
			if _, err := p.Form(formID); err != nil {
				return "", err
			}
		}
		if !strings.Contains(p.Text, text) && !strings.Contains(p.Words, text) {
			return "", fmt.Errorf("%d %s does not say %q", p.Status, p.URL.Path, text)
		}
		return fmt.Sprintf("%d %s", p.Status, p.URL.Path), nil
	}
}

// press submits a form of the page that alice sees.
func (s *stage) press(ctx context.Context, formID string, fill ...string) (*browser.Page, error) {
	f, err := s.page.Form(formID)
	if err != nil {
		return nil, err
	}
	return s.alice.Submit(ctx, f, "", fill...)
}

func wrongPassword(ctx context.Context, s *stage) (string, error) {
	return s.arrive("login", `id="message"`)(s.press(ctx, "login", "username", "alice", "password", "mirror"))
}

func logIn(ctx context.Context, s *stage) (string, error) {
	return s.arrive("consent", "Do you allow 'spam4All' to access your contacts?")(s.press(ctx, "login", "username", "alice", "password", "wonderland"))
}

func sayNo(ctx context.Context, s *stage) (string, error) {
	return s.arrive("", `id="error"`)(s.press(ctx, "consent", "decision", "no"))
}

func sayYes(ctx context.Context, s *stage) (string, error) {
	if _, err := s.arrive("consent", "")(s.alice.Open(ctx, s.site.ClientURL+"/start")); err != nil {
		return "", err
	}
	return s.arrive("", "@")(s.press(ctx, "consent", "decision", "yes"))
}

func reloadCallback(ctx context.Context, s *stage) (string, error) {
	p, err := s.alice.Open(ctx, s.callback()+"?code=spent&state=spent&iss="+s.site.Issuer)
	if err != nil {
		return "", err
	}
	if p.Status >= http.StatusInternalServerError {
		return "", fmt.Errorf("%d", p.Status)
	}
	answer := fmt.Sprintf("%d %s", p.Status, p.URL.Path)
	_, err = s.arrive("/refresh", "")(s.alice.Open(ctx, s.site.ClientURL+"/"))
	return answer, err
}

func pressAt(formID string) func(context.Context, *stage) (string, error) {
	return func(ctx context.Context, s *stage) (string, error) {
		return s.arrive(formID, "")(s.press(ctx, formID))
	}
}

func readContacts(ctx context.Context, s *stage) (string, error) {
	return s.arrive("", "@")(s.press(ctx, "/contacts"))
}

func withdraw(ctx context.Context, s *stage) (string, error) {
	apps, err := s.alice.Open(ctx, s.site.Issuer+"/connected-apps")
	if err != nil {
		return "", err
	}
	s.page, apps = apps, s.page // spam4All's page stays open in another tab
	defer func() { s.page = apps }()
	return s.arrive("", `id="none"`)(s.press(ctx, "/connected-apps"))
}

func cannotReadContacts(ctx context.Context, s *stage) (string, error) {
	return s.arrive("", `id="error"`)(s.press(ctx, "/contacts"))
}

func machineReads(ctx context.Context, s *stage) (string, error) {
	var out strings.Builder
	err := machine.Run(ctx, machine.Options{
		Issuer: s.site.Issuer, Resource: s.site.APIURL, ClientID: xmail.MachineID, ClientSecret: secretOf(xmail.MachineID),
	}, &out)
	_, stats, _ := strings.Cut(strings.TrimSpace(out.String()), "/contacts/stats: ")
	return stats, err
}
