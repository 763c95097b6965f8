package oauth2_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

const resourceOne, resourceTwo = "https://one.example.com", "https://two.example.com/v1"

// audienceOf is the aud that a resource server is told.
func (w *world) audienceOf(got answer) any {
	w.t.Helper()
	require.Equal(w.t, http.StatusOK, got.status, got.body)
	return w.post("/introspect", api, values("token", got.str("access_token"))).json["aud"]
}

func TestAResourceThatIsNoKnownURIIsAnInvalidTargetEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withResources(resourceOne, resourceTwo))
	code := w.approve(codeRequest("resource", resourceOne))
	_, refresh := w.tokens("resource", resourceOne)
	for _, uri := range []string{
		"one", "/one", "//one.example.com", resourceOne + "#part", resourceOne + "/", resourceOne + "?x=1",
		"https://ONE.example.com", "http://one.example.com", "https://one.example.com:443", "https://three.example.com", "%",
	} {
		got := w.ask(codeRequest("resource", uri)).location(t)
		require.Equal(t, "invalid_target", got.Get("error"), uri)
		refused(t, w.token(machine, "grant_type", "client_credentials", "resource", uri), http.StatusBadRequest, "invalid_target")
		refused(t, w.post("/token", webApp, redemption(code, "resource", uri)), http.StatusBadRequest, "invalid_target")
		refused(t, w.refresh(refresh, "resource", uri), http.StatusBadRequest, "invalid_target")
	}
	require.Equal(t, resourceOne, w.audienceOf(w.post("/token", webApp, redemption(code))), "nothing was spent")
	require.Equal(t, resourceOne, w.audienceOf(w.refresh(refresh)))
}

func TestOfSeveralResourcesOneUnknownIsEnoughToRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withResources(resourceOne, resourceTwo))
	refused(t, w.token(machine, "grant_type", "client_credentials", "resource", resourceOne, "resource", "https://three.example.com"), http.StatusBadRequest, "invalid_target")
	query := codeRequest("resource", resourceOne)
	query.Add("resource", "https://three.example.com")
	require.Equal(t, "invalid_target", w.ask(query).location(t).Get("error"))
}

func TestATokenIsForTheResourceThatWasAskedForAndTheGrantKeepsItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withResources(resourceOne, resourceTwo))
	query := codeRequest("resource", resourceOne)
	query.Add("resource", resourceTwo)
	got := w.post("/token", webApp, redemption(w.approve(query), "resource", resourceOne))
	require.Equal(t, resourceOne, w.audienceOf(got), "of two granted the one that was asked for")
	narrowed := w.refresh(got.str("refresh_token"), "resource", resourceTwo)
	require.Equal(t, resourceTwo, w.audienceOf(narrowed), "the refresh token is for both")
	both := w.refresh(narrowed.str("refresh_token"))
	require.ElementsMatch(t, []any{resourceOne, resourceTwo}, w.audienceOf(both))
}

func TestTheApplicationIsToldWhichResourcesAreAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withResources(resourceOne, resourceTwo))
	var seen []string
	w.consent = func(_ http.ResponseWriter, _ *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		seen = req.Resource
		return nil, oauth2.ErrAccessDenied
	}
	w.ask(codeRequest("resource", resourceTwo))
	require.Equal(t, []string{resourceTwo}, seen)
	w.ask(codeRequest())
	require.Empty(t, seen, "of several none is the default")
}

func TestAConfiguredResourceIsAnAbsoluteURIWithoutAFragment(t *testing.T) {
	t.Parallel()
	for uri, ok := range map[string]bool{
		"https://api.example.com": true, "https://api.example.com/v1?tenant=1": true, "urn:example:api": true,
		"": false, "api": false, "/api": false, "//api.example.com": false, "https://api.example.com#": false, "https://api.example.com/#x": false, ":": false,
	} {
		cfg := minimal()
		cfg.Resources = []oauth2.Resource{{URI: uri}}
		_, err := oauth2.New(cfg)
		require.Equal(t, ok, err == nil, "%q: %v", uri, err)
	}
}
