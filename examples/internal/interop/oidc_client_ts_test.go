package interop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// servePage is the page that oidc-client-ts runs on, at every path.
func servePage(w http.ResponseWriter, r *http.Request) {
	file := "oidc-client-ts.html"
	if r.URL.Path == "/oidc-client-ts.js" {
		file = "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"
	}
	http.ServeFile(w, r, filepath.Join(packages, file))
}

// A visitor is a page in Chromium that is a client by oidc-client-ts, and the person in front of it. What
// it asks of the server crosses origins.
type visitor struct {
	*tab
	site *site
}

// A tokens is what the page has got.
type tokens struct {
	Type    string `json:"token_type"`
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

func driveOIDCClientTS(t *testing.T, s *site) (shown []string) {
	requirePackages(t)
	v := &visitor{newTab(t), s}
	for _, feature := range []struct {
		name  string
		drive func(*visitor)
	}{
		{"metadata", (*visitor).metadata},
		{"code and PKCE", (*visitor).code},
		{"refusal", (*visitor).refusal},
		{"API", (*visitor).api},
		{"refresh", (*visitor).refresh},
		{"revocation", (*visitor).revocation},
		{"DPoP", (*visitor).dpop},
	} {
		feature.drive(v)
		shown = append(shown, feature.name)
	}
	return shown
}

// open opens the page, and tells it about the server.
func (v *visitor) open(dpop bool) {
	v.t.Helper()
	party, err := json.Marshal(map[string]any{"issuer": v.site.Issuer, "resource": v.site.Resource, "dpop": dpop})
	require.NoError(v.t, err)
	v.do(chromedp.Navigate(v.site.page), chromedp.Evaluate(fmt.Sprintf("void manager(%s)", party), nil))
}

// visit lets the page send the browser away, and the person answer. She comes back to the page.
func (v *visitor) visit(decision string, dpop bool) {
	v.t.Helper()
	v.open(dpop)
	v.do(chromedp.Evaluate("void manager().signinRedirect()", nil), chromedp.WaitVisible("#login, #consent, #answered"))
	if v.shows("#login") {
		v.do(chromedp.SendKeys("#username", user), chromedp.SendKeys("#password", password), chromedp.Submit("#login"), chromedp.WaitVisible("#consent"))
	}
	if v.shows("#consent") {
		v.do(chromedp.Click(fmt.Sprintf(`#consent [value="%s"]`, decision)), chromedp.WaitVisible("#answered"))
	}
}

func (v *visitor) shows(selector string) bool {
	return await[bool](v.tab, fmt.Sprintf("document.querySelector(%q) !== null", selector))
}

func (v *visitor) authorize(dpop bool) tokens {
	v.t.Helper()
	v.visit("yes", dpop)
	return await[tokens](v.tab, "manager().signinCallback()")
}

// call asks the API with a token, from elsewhere.
func (v *visitor) call(scheme, token, proof string) int {
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.site.Resource+"/contacts", nil)
	require.NoError(v.t, err)
	r.Header.Set("Authorization", scheme+" "+token)
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	answer, err := v.site.client().Do(r)
	require.NoError(v.t, err)
	require.NoError(v.t, answer.Body.Close())
	return answer.StatusCode
}

func (v *visitor) metadata() {
	v.open(false)
	require.Equal(v.t, v.site.Issuer+"/token", await[string](v.tab, "manager().metadataService.getTokenEndpoint()"))
}

func (v *visitor) code() {
	require.NotEmpty(v.t, v.authorize(false).Refresh)
}

func (v *visitor) api() {
	require.Equal(v.t, http.StatusOK, v.call("Bearer", v.authorize(false).Access, ""))
}

func (v *visitor) refusal() {
	v.visit("no", false)
	require.Equal(v.t, "access_denied", await[string](v.tab, "manager().signinCallback().catch(refused => refused.error)"))
}

func (v *visitor) refresh() {
	first := v.authorize(false)
	second := await[tokens](v.tab, "manager().signinSilent()")
	require.NotEmpty(v.t, second.Refresh)
	require.NotEqual(v.t, first.Refresh, second.Refresh)
	require.Equal(v.t, http.StatusOK, v.call("Bearer", second.Access, ""))
}

func (v *visitor) revocation() {
	got := v.authorize(false)
	await[any](v.tab, "manager().revokeTokens()")
	require.Equal(v.t, http.StatusUnauthorized, v.call("Bearer", got.Access, ""))
}

func (v *visitor) dpop() {
	v.authorize(true)
	got := await[tokens](v.tab, "manager().signinSilent()")
	require.Equal(v.t, "DPoP", got.Type)
	proof := await[string](v.tab, fmt.Sprintf("manager().getUser().then(user => manager().dpopProof(%q, user, 'GET'))", v.site.Resource+"/contacts"))
	require.Equal(v.t, http.StatusUnauthorized, v.call("Bearer", got.Access, ""))
	require.Equal(v.t, http.StatusOK, v.call("DPoP", got.Access, proof))
}
