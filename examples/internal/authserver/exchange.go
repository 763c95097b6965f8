package authserver

import (
	"context"

	"github.com/seed5f5fedc6/oauth2"
)

// mayExchange is [oauth2.TokenExchangeGrant].Policy: a client that an operator registered for it exchanges
// any user's token, which the library never lets become wider. With an actor token it is told who acts.
func mayExchange(_ context.Context, x *oauth2.TokenExchange) (oauth2.ExchangeMode, error) {
	switch {
	case x.Client.Dynamic:
		return oauth2.Refuse, nil
	case x.ActorToken != nil:
		return oauth2.Delegate, nil
	}
	return oauth2.Impersonate, nil
}
