package mcp_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/mcp"
)

func TestOfflineAccessIsAskedForAndAskedAboutWhereItIsOfUse(t *testing.T) {
	t.Parallel()
	const offline = mcp.ScopeOfflineAccess
	for _, c := range []struct {
		client, scope      string
		asked              oauth2.Scope
		refresh, whenAsked bool // a refresh token is issued, by default and with RefreshWhenAsked
	}{
		{app, read, oauth2.Scope{read}, true, false},
		{app, read + " " + offline, oauth2.Scope{read, offline}, true, true},
		{app, "", oauth2.Scope{read, write, admin}, true, false},
		{app, offline, oauth2.Scope{offline}, true, true},
		{backend, read + " " + offline, oauth2.Scope{read, offline}, true, true},
		{visitor, read + " " + offline, oauth2.Scope{read}, false, false},
		{visitor, read, oauth2.Scope{read}, false, false},
	} {
		for _, strict := range []bool{false, true} {
			w := newWorld(t, func(cfg *mcp.Config) { cfg.RefreshWhenAsked = strict })
			got := w.tokens(c.client, "scope", c.scope)
			require.Equal(t, c.asked, w.asked, "%+v", c)
			require.Equal(t, c.asked.String(), got["scope"], "%+v: the client is told", c)
			want := c.refresh
			if strict {
				want = c.whenAsked
			}
			require.Equal(t, want, got["refresh_token"] != nil, "%+v strict=%v", c, strict)
		}
	}
}

func TestARefreshTokenIsRotated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) { cfg.RefreshWhenAsked = true })
	first := w.tokens(app, "scope", read+" "+mcp.ScopeOfflineAccess)
	form := "grant_type=refresh_token&client_id=" + app + "&refresh_token=" + first["refresh_token"].(string)
	got := w.do(http.MethodPost, w.url+"/token", form, "Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.NotEmpty(t, got.json(t)["refresh_token"])
	require.NotEqual(t, first["refresh_token"], got.json(t)["refresh_token"])
	require.Equal(t, http.StatusOK, w.call(got.json(t)["access_token"].(string), "{}").status)
}
