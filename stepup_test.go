package oauth2_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestTheACRValuesThatCanBeReachedAreAdvertised(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.ACRValues = []string{"gold"} })
	require.Equal(t, []any{"gold"}, w.get(direct, "/.well-known/oauth-authorization-server", nil).json["acr_values_supported"])
	require.NotContains(t, newWorld(t).get(direct, "/.well-known/oauth-authorization-server", nil).json, "acr_values_supported")
}

func TestARequestForAnAuthenticationThatWasNotReachedGetsNoCode(t *testing.T) {
	t.Parallel()
	promising := func(cfg *oauth2.ServerConfig) { cfg.ACRValues = []string{"silver", "gold"} }
	for name, c := range map[string]struct {
		w         *world
		asked     string
		reached   string
		wantError string
	}{
		"nothing was asked for":    {newWorld(t, promising), "", "silver", ""},
		"the one":                  {newWorld(t, promising), "gold", "gold", ""},
		"one of several":           {newWorld(t, promising), "platinum gold", "gold", ""},
		"less":                     {newWorld(t, promising), "gold", "silver", "unmet_authentication_requirements"},
		"nothing":                  {newWorld(t, promising), "gold", "", "unmet_authentication_requirements"},
		"less, but never promised": {newWorld(t), "gold", "silver", ""},
	} {
		c.w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return &oauth2.Approval{Subject: "alice", ACR: c.reached}, nil
		}
		sent := c.w.ask(codeRequest("acr_values", c.asked)).location(t)
		require.Equal(t, c.wantError, sent.Get("error"), name)
		require.Equal(t, c.wantError == "", sent.Has("code"), name)
		require.Equal(t, "xyz", sent.Get("state"), name)
	}
}

func TestConsentMaySayThatAnAuthenticationCannotBeReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		return nil, oauth2.ErrUnmetAuthenticationRequirements
	}
	require.Equal(t, "unmet_authentication_requirements", w.ask(codeRequest()).location(t).Get("error"))
}
