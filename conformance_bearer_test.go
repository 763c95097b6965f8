package oauth2_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEveryAccessTokenExpiresAndWithinTheHourByDefault(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withResources("https://api.example.com"))
	redeemed := w.post("/token", webApp, redemption(w.approve(codeRequest())))
	for grant, got := range map[string]answer{
		"authorization_code": redeemed,
		"refresh_token":      w.refresh(redeemed.str("refresh_token")),
		"client_credentials": w.token(machine, "grant_type", "client_credentials"),
	} {
		require.Equal(t, "Bearer", got.str("token_type"))
		require.Greater(t, got.json["expires_in"], 0.0, grant)
		require.LessOrEqual(t, got.json["expires_in"], 3600.0, grant)
		require.Equal(t, "https://api.example.com", w.audienceOf(got), grant)
	}
	w.clock.Advance(time.Hour)
	require.False(t, w.active(redeemed.str("access_token")))
}
