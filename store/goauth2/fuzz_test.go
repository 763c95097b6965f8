package goauth2_test

import (
	"context"
	"strings"
	"testing"
	"time"

	goauth2v4 "github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/models"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/goauth2"
)

// A drawer has one token, and finds it by whatever it is asked for, as a database without regard to
// case or trailing blanks does.
type drawer struct {
	goauth2v4.TokenStore
	token models.Token
}

func (d *drawer) GetByAccess(context.Context, string) (goauth2v4.TokenInfo, error) {
	return &d.token, nil
}
func (d *drawer) GetByRefresh(context.Context, string) (goauth2v4.TokenInfo, error) {
	return &d.token, nil
}

// Only the exact text of a token is adopted, for the scope that it has and no other, and never beyond
// its end.
func FuzzAdoption(f *testing.F) {
	f.Add("MTQ0NJKWM2Y", "OWJMZWY", "MTQ0NJKWM2Y", "read write", int64(3600), int64(0))
	f.Add("a", "a", "A", "read,write\tread \"quoted\" é", int64(-1), int64(1))
	f.Add("a", "", "", "", int64(0), int64(0))
	f.Add("token ", "x", "token", "\x00", int64(1), int64(1<<40))
	created := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, access, refresh, asked, scope string, accessFor, refreshFor int64) {
		store := &drawer{token: models.Token{
			ClientID: "app", UserID: "alice", Scope: scope,
			Access: access, AccessCreateAt: created, AccessExpiresIn: time.Duration(accessFor),
			Refresh: refresh, RefreshCreateAt: created, RefreshExpiresIn: time.Duration(refreshFor),
		}}
		adopter := goauth2.Adopt(store, goauth2.AdoptOptions{})
		for _, kind := range []struct {
			text     string
			adopt    func(context.Context, string) (*oauth2.Adoption, error)
			lifetime int64
		}{
			{access, adopter.AdoptAccess, accessFor},
			{refresh, adopter.AdoptRefresh, refreshFor},
		} {
			adoption, err := kind.adopt(t.Context(), asked)
			if asked == "" || asked != kind.text {
				require.ErrorIs(t, err, oauth2.ErrNotFound)
				require.Nil(t, adoption)
				continue
			}
			require.NoError(t, err)
			again, err := oauth2.ParseScope(adoption.Scope.String())
			require.NoError(t, err)
			require.Equal(t, adoption.Scope, again, "each token is well-formed, and there once")
			for _, token := range adoption.Scope {
				require.Contains(t, strings.Fields(scope), token)
			}
			end := created.Add(time.Duration(kind.lifetime))
			require.True(t, kind.lifetime == 0 || !adoption.ExpiresAt.IsZero() && !adoption.ExpiresAt.After(end))
		}
	})
}
