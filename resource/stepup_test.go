package resource_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

// telling is a Checker that tells the same of every token.
func telling(info oauth2.TokenInfo) checkerFunc {
	info.Audience = []string{audience}
	return func(context.Context, string) (*oauth2.TokenInfo, error) { return &info, nil }
}

func TestATokenOfAWeakerOrOlderAuthenticationIsRefusedWithWhatIsNeeded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	gold := resource.Authentication{ACRValues: []string{"gold", "platinum"}}
	fresh := resource.Authentication{MaxAge: time.Minute}
	both := resource.Authentication{ACRValues: []string{"gold"}, MaxAge: time.Minute}
	for name, c := range map[string]struct {
		need       resource.Authentication
		acr        string
		age        time.Duration // negative: no auth_time
		acrValues  string
		maxAge     string
		authorized bool
	}{
		"nothing is asked for":    {resource.Authentication{}, "", -1, "", "", true},
		"the best":                {gold, "gold", -1, "", "", true},
		"another that will do":    {gold, "platinum", -1, "", "", true},
		"no acr":                  {gold, "", 0, "gold platinum", "", false},
		"another acr":             {gold, "silver", 0, "gold platinum", "", false},
		"acr of another spelling": {gold, "Gold", 0, "gold platinum", "", false},
		"two in one":              {gold, "gold platinum", 0, "gold platinum", "", false},
		"just now":                {fresh, "", 0, "", "", true},
		"at the limit":            {fresh, "", time.Minute, "", "", true},
		"too long ago":            {fresh, "", time.Minute + time.Second, "", "60", false},
		"nobody knows when":       {fresh, "", -1, "", "60", false},
		"good but old":            {both, "gold", time.Hour, "gold", "60", false},
		"fresh but weak":          {both, "silver", 0, "gold", "60", false},
		"both":                    {both, "gold", 0, "", "", true},
		"never old enough":        {resource.Authentication{MaxAge: -1}, "", 0, "", "0", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			info := oauth2.TokenInfo{Subject: "alice", ACR: c.acr, Scope: oauth2.Scope{"pay"}}
			if c.age >= 0 {
				info.AuthTime = now.Add(-c.age)
			}
			guard, err := resource.NewGuard(resource.GuardConfig{
				Checker: telling(info), Audience: audience, Realm: "contacts", Now: func() time.Time { return now },
			})
			require.NoError(t, err)
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer x")
			rec := httptest.NewRecorder()
			guard.RequireAuthentication(c.need, "pay")(http.HandlerFunc(tellFacts)).ServeHTTP(rec, r)
			got := answer{rec.Code, rec.Header(), rec.Body.String()}
			if c.authorized {
				require.Equal(t, http.StatusOK, got.status)
				return
			}
			refused(t, got, http.StatusUnauthorized, "insufficient_user_authentication")
			told := challengeIn(t, got)
			require.Equal(t, c.acrValues, told["acr_values"])
			require.Equal(t, c.maxAge, told["max_age"])
		})
	}
}

func TestABetterAuthenticationDoesNotReplaceAScope(t *testing.T) {
	t.Parallel()
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: telling(oauth2.TokenInfo{ACR: "gold"}), Audience: audience, Realm: "contacts"})
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer x")
	rec := httptest.NewRecorder()
	guard.RequireAuthentication(resource.Authentication{ACRValues: []string{"gold"}}, "pay")(http.HandlerFunc(tellFacts)).ServeHTTP(rec, r)
	refused(t, answer{rec.Code, rec.Header(), rec.Body.String()}, http.StatusForbidden, "insufficient_scope")
}
