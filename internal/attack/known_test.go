package attack

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// known are the defects that were found in other servers for the protocol, and the attacks here that
// try each of them.
var known = []struct {
	where, defect string
	area          string
	attacks       []string
}{
	{"go-oauth2 v4.5.4, fosite v0.49.0 (issue 778), zitadel/oidc, osin, node-oidc-provider 9.13", "a code is spent several times in parallel", "code",
		[]string{"of 16 parallel redemptions one wins, for each of several codes", "of 16 parallel redemptions one wins although every read is late"}},
	{"go-oauth2 v4.5.4, fosite v0.49.0, authelia/oauth2-provider, osin", "a refresh token is spent several times in parallel", "refresh",
		[]string{"of 16 parallel refreshes all get the one live token", "of 16 parallel refreshes under strict rotation at most one wins"}},
	{"go-oauth2 v4.5.4", "refreshes with a wrong secret, for an unknown client, and for another client with a wider scope", "refresh",
		[]string{"a wrong secret, no secret or an unknown client is refused, and harms nothing", "another client is refused, whatever scope it asks for, and harms nothing"}},
	{"go-oauth2 v4.5.4", "evil-localhost and javascript: are redirected to", "redirect",
		[]string{"the suffix of a registered host does not count", "a redirect URI that differs in anything is refused"}},
	{"go-oauth2 v4.5.4, zitadel/oidc", "an unknown client or an unproven URI is redirected to", "redirect",
		[]string{"an unknown client is not redirected", "nothing else that is wrong makes an unproven URI be redirected to"}},
	{"go-oauth2 v4.5.4", "500 for an unknown client and a missing verifier, 401 for a bad code", "token",
		[]string{"an unknown client is answered as a wrong secret is", "each refusal has its own code"}},
	{"go-oauth2 v4.5.4", "client_credentials grants any scope", "client credentials",
		[]string{"a scope that is not registered is refused"}},
	{"fosite v0.49.0", "after a wrong verifier the code is good without one", "pkce",
		[]string{"a missing verifier is refused, also after a wrong one"}},
	{"fosite v0.49.0, authelia/oauth2-provider", "another client that presents a used code revokes the victim's tokens", "code",
		[]string{"a stranger's replay of a used code revokes nothing"}},
	{"osin", "errors are answered with 200", "token",
		[]string{"each refusal has its own code"}},
	{"osin", "any path below the registered URI is accepted", "redirect",
		[]string{"a redirect URI that differs in anything is refused"}},
	{"osin, CVE-2020-15223", "a store that fails is swallowed by the revocation", "revocation",
		[]string{"a store that fails is 503 and never 200"}},
	{"zitadel/oidc before v3.47, CVE-2026-27840", "tokens are malleable, or good when truncated", "refresh",
		[]string{"a token that is changed in any character is unknown, and ends nothing"}},
	{"CVE-2020-15234", "redirect URIs are compared without case", "redirect",
		[]string{"a redirect URI that differs in anything is refused"}},
	{"CVE-2020-15233", "the query of a loopback redirect is ignored", "redirect",
		[]string{"only the port of a native client's loopback IP redirect may differ"}},
	{"CVE-2022-39222", "the approval is not bound to the browser", "consent",
		[]string{"the answer from another browser is refused", "the answer counts only from the user who was asked"}},
	{"hydra pull request 770", "a consent page is fixed by the attacker", "consent",
		[]string{"a page that an attacker fixed in the browser is not answered", "the answer from another browser is refused"}},
	{"CVE-2026-55672", "code and refresh token are not bound to the client", "code",
		[]string{"another client's attempt burns nothing"}},
	{"CVE-2023-22492", "a locked user still refreshes", "refresh",
		[]string{"a locked user stops refreshing at once"}},
	{"GHSA-7qjx-gp9h-65qj", "one grant skips the client policy", "token",
		[]string{"every grant asks the client policy"}},
}

func TestEveryKnownDefectIsTried(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, area := range areas() {
		for _, a := range area.attacks {
			names[area.name+": "+a.name] = true
		}
	}
	for _, k := range known {
		for _, name := range k.attacks {
			require.True(t, names[k.area+": "+name], "%s (%s): %s", k.defect, k.where, name)
		}
	}
}
