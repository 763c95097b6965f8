package oauth2_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestActorsNestToABound(t *testing.T) {
	t.Parallel()
	w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Delegate)})
	token, depth := w.userToken(), 0
	for range 10 {
		client := service
		if depth%2 == 1 {
			client = upstream
		}
		got := w.exchange(client, token)
		if got.status != http.StatusOK {
			refused(t, got, 400, "invalid_request")
			break
		}
		token, depth = got.str("access_token"), depth+1
		act, counted := w.told(token)["act"], 0
		for act != nil {
			act, counted = act.(map[string]any)["act"], counted+1
		}
		require.Equal(t, depth, counted)
	}
	require.Equal(t, 4, depth)
	outermost := w.told(token)["act"].(map[string]any)
	require.Equal(t, upstream, outermost["sub"])
	require.Equal(t, service, outermost["act"].(map[string]any)["sub"])

	impersonating := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Impersonate)})
	token = impersonating.userToken()
	for range 4 {
		token = impersonating.exchange(service, token).str("access_token")
		require.NotEmpty(t, token)
	}
	refused(t, impersonating.exchange(service, token), 400, "invalid_request")
}

func TestMayActIsHonoured(t *testing.T) {
	t.Parallel()
	var mayAct any
	w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Impersonate)})
	w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		approval, err := askOnPage(rw, r, req)
		if approval != nil {
			approval.Claims = map[string]any{"may_act": mayAct}
		}
		return approval, err
	}
	for _, good := range []map[string]any{{"sub": service}, {"sub": service, "client_id": service}, {"sub": service, "iss": w.url}} {
		mayAct = good
		got := w.exchange(service, w.userToken())
		require.Equal(t, http.StatusOK, got.status, got.body)
		refused(t, w.exchange(upstream, got.str("access_token")), 400, "invalid_request")
	}
	for _, bad := range []any{
		map[string]any{"sub": upstream}, map[string]any{}, map[string]any{"client_id": service}, map[string]any{"sub": service, "iss": "https://other.example.com"},
		map[string]any{"sub": service, "email": "x@example.com"}, service, []string{service}, nil, map[string]any{"sub": []string{service}},
	} {
		mayAct = bad
		refused(t, w.exchange(service, w.userToken()), 400, "invalid_request")
	}
}

func TestNobodyIsExchangedWhoIsLockedNorForAnActorWhoIs(t *testing.T) {
	t.Parallel()
	locked := ""
	w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Delegate)}, func(cfg *oauth2.ServerConfig) {
		cfg.SubjectActive = func(_ context.Context, subject string) (bool, error) { return subject != locked, nil }
	})
	w.changeClient(webApp, func(c *oauth2.Client) { c.GrantTypes = append(c.GrantTypes, oauth2.GrantTokenExchange) })
	ask := w.consent
	w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		approval, err := ask(rw, r, req)
		if approval != nil {
			approval.Subject = "bob"
		}
		return approval, err
	}
	bobs := w.userToken()
	w.consent = ask
	acting := func() answer {
		return w.exchange(webApp, w.userToken(), "actor_token", bobs, "actor_token_type", oauth2.TokenTypeAccessToken)
	}
	got := acting()
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, map[string]any{"sub": "bob", "client_id": webApp}, w.told(got.str("access_token"))["act"])
	locked = "bob"
	refused(t, acting(), 400, "invalid_request")
	alices := w.userToken()
	locked = "alice" // RFC 8693 section 2.2.2: whatever makes a subject token unacceptable
	refused(t, w.exchange(webApp, alices), 400, "invalid_request")
}
