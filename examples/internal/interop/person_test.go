package interop

import (
	"context"
	"errors"

	"github.com/seed5f5fedc6/oauth2/examples/internal/browser"
)

// The one user.
const (
	user     = "alice"
	password = "wonderland"
)

// A person has a browser of her own.
type person struct{ *browser.Browser }

func (s *site) newPerson() person {
	p := person{browser.New()}
	p.Client.Transport = s.client().Transport
	p.LeaveAt = s.RedirectURI
	return p
}

// answer opens an authorization request, logs in if she is asked to, and presses yes or no. It returns
// what her browser does then: it goes to the client's redirect URI, or posts a form there.
func (p person) answer(ctx context.Context, request, decision string) (reply, error) {
	shown, err := p.Open(ctx, request)
	if err != nil {
		return reply{}, err
	}
	if login, ok := shown.Forms["login"]; ok {
		if shown, err = p.Submit(ctx, login, "", "username", user, "password", password); err != nil {
			return reply{}, err
		}
	}
	if consent, ok := shown.Forms["consent"]; ok {
		if shown, err = p.Submit(ctx, consent, "", "decision", decision); err != nil {
			return reply{}, err
		}
	}
	for _, form := range shown.Forms {
		if form.Action.String() == p.LeaveAt {
			return reply{Callback: p.LeaveAt, Form: form.Fields.Encode()}, nil
		}
	}
	target, err := shown.Location()
	if err != nil {
		return reply{}, errors.Join(err, errors.New(shown.Words))
	}
	return reply{Callback: target.String()}, nil
}
