package oauth2_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestTheErrorsOfOpenIDConnectReachTheClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for code, err := range map[string]error{
		"login_required":             oauth2.ErrLoginRequired,
		"consent_required":           oauth2.ErrConsentRequired,
		"interaction_required":       oauth2.ErrInteractionRequired,
		"account_selection_required": &oauth2.Error{Code: "account_selection_required"},
		"access_denied":              oauth2.ErrAccessDenied.With("Not now."),
	} {
		w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return nil, err
		}
		for _, prompt := range []string{"", "none", "login", "consent", "select_account"} {
			got := w.ask(codeRequest("prompt", prompt))
			require.Equal(t, http.StatusSeeOther, got.status, got.body)
			require.Equal(t, code, got.location(t).Get("error"))
			require.Equal(t, "xyz", got.location(t).Get("state"))
			require.Subset(t, []string{"error", "error_description", "state", "iss"}, names(got.location(t)))
		}
	}
}

func TestWithPromptNoneNothingOfAPageReachesTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.consent = func(rw http.ResponseWriter, _ *http.Request, _ *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		http.SetCookie(rw, &http.Cookie{Name: "page", Value: "shown"})
		rw.WriteHeader(http.StatusTeapot)
		_, err := io.WriteString(rw, "log in here")
		if err != nil {
			return nil, err
		}
		return nil, oauth2.ErrAnswered
	}
	for _, mode := range []string{"query", "form_post"} {
		got := w.ask(codeRequest("prompt", "none", "response_mode", mode))
		require.NotEqual(t, http.StatusTeapot, got.status)
		require.NotContains(t, got.body, "log in here")
		require.NotContains(t, got.header.Get("Set-Cookie"), "page=shown")
		if mode == "query" {
			require.Equal(t, "interaction_required", got.location(t).Get("error"))
		} else {
			require.Contains(t, got.body, `name="error" value="interaction_required"`)
		}
	}
}

func TestTheAgeOfALoginIsToldInWholeSecondsAndZeroIsAnAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var seen *oauth2.AuthorizationRequest
	w.consent = func(_ http.ResponseWriter, _ *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		seen = req
		return nil, oauth2.ErrAccessDenied
	}
	w.ask(codeRequest())
	require.Nil(t, seen.MaxAge)
	w.ask(codeRequest("max_age", "0"))
	require.NotNil(t, seen.MaxAge)
	require.Zero(t, *seen.MaxAge)
	w.ask(codeRequest("max_age", "86400"))
	require.Equal(t, 24*time.Hour, *seen.MaxAge)
	for _, bad := range []string{"-1", "+1", "1.5", "1e3", " 1", "0x10", "soon", "99999999999999999999"} {
		seen = nil
		require.Equal(t, "invalid_request", w.ask(codeRequest("max_age", bad)).location(t).Get("error"), bad)
		require.Nil(t, seen)
	}
}

func TestPromptNoneStandsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, prompt := range []string{"none login", "login none", "none consent", "none none", "consent login none"} {
		require.Equal(t, "invalid_request", w.ask(codeRequest("prompt", prompt)).location(t).Get("error"), prompt)
	}
	require.Equal(t, http.StatusOK, w.ask(codeRequest("prompt", "login consent")).status)
}

func TestParametersThatAreNotServedAreIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest("nonce", "n", "display", "popup", "claims", `{"userinfo":{}}`, "claims_locales", "xx", "id_token_hint", "forged.token.here",
		"ui_locales", "tlh", "acr_values", "unknown", "login_hint", "\u202enobody", "registration", "{}", "audience", "x", "no_such_parameter", "1")
	sent := w.decide(query, formTokenIn(w.ask(query).body), "yes")
	require.NotEmpty(t, sent.location(t).Get("code"))
	require.ElementsMatch(t, []string{"code", "state", "iss"}, names(sent.location(t)), "and nothing else comes back")
}

func names(values map[string][]string) []string {
	var names []string
	for name := range values {
		names = append(names, name)
	}
	return names
}
