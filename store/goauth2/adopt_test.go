package goauth2_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	goauth2v4 "github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/manage"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/goauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

func TestRefreshTokenIssuedThereIsRefreshedHere(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, records oauth2.TokenStore) {
		m := newMove(t, records)
		access, refresh := m.issued()
		first := m.refresh(m.new.URL, refresh)
		require.Equal(t, 200, first.status, first.body)
		require.True(t, strings.HasPrefix(first.str("refresh_token"), "rt_"))
		require.Equal(t, "read write", first.str("scope"))
		require.Equal(t, "alice", m.introspect(first.str("access_token")).str("sub"))
		require.True(t, m.active(access), "the access token beside it lives on")
		require.Len(t, m.adopted(), 1)
		require.Len(t, m.told(oauth2.EventTokenAdopted), 1)

		require.NotEqual(t, 200, m.refresh(m.old.URL, refresh).status, "it left the old server")
		require.Equal(t, first.str("refresh_token"), m.refresh(m.new.URL, refresh).str("refresh_token"), "a retry in the grace")
		second := m.refresh(m.new.URL, first.str("refresh_token"))
		require.Equal(t, 200, second.status, second.body)

		m.later(36 * time.Second)
		refused(t, m.refresh(m.new.URL, refresh), "invalid_grant")
		require.Len(t, m.told(oauth2.EventRefreshTokenReused), 1)
		refused(t, m.refresh(m.new.URL, second.str("refresh_token")), "invalid_grant")
		refused(t, m.refresh(m.new.URL, refresh), "invalid_grant")
		require.Empty(t, m.adopted(), "reuse ended it for good")
		for _, dead := range []string{access, first.str("access_token"), second.str("access_token")} {
			require.False(t, m.active(dead))
		}
	})
}

func TestOf50ParallelAdoptionsByTwoReplicasOneRecordComes(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, records oauth2.TokenStore) {
		m := newMove(t, records)
		for n := range 3 {
			_, refresh := m.issued()
			answers := make([]answer, 50)
			var all sync.WaitGroup
			start := make(chan struct{})
			for i := range answers {
				all.Go(func() {
					<-start
					answers[i] = m.refresh(m.new.URL, refresh)
				})
			}
			close(start)
			all.Wait()
			for _, a := range answers {
				require.Equal(t, 200, a.status, a.body)
				require.Equal(t, answers[0].str("refresh_token"), a.str("refresh_token"))
				require.Equal(t, answers[0].str("access_token"), a.str("access_token"))
			}
			require.Len(t, m.adopted(), n+1)
			require.Len(t, m.told(oauth2.EventTokenAdopted), n+1)
		}
	})
}

func TestAccessTokenIssuedThereIsGoodHereUntilItExpires(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	access, _ := m.issued()
	got := m.introspect(access)
	require.Equal(t, true, got.json["active"])
	require.Equal(t, "alice", got.str("sub"))
	require.Equal(t, "web", got.str("client_id"))
	require.Equal(t, "read write", got.str("scope"))
	require.Equal(t, m.new.URL, got.str("iss"))
	require.Equal(t, 7200.0, got.json["exp"].(float64)-got.json["iat"].(float64))
	info, err := m.replicas[0].Check(t.Context(), access)
	require.NoError(t, err)
	require.Equal(t, oauth2.Scope{"read", "write"}, info.Scope)

	m.later(2*time.Hour - time.Minute)
	require.True(t, m.active(access))
	m.later(time.Minute)
	require.False(t, m.active(access))
	_, err = m.replicas[0].Check(t.Context(), access)
	require.ErrorIs(t, err, oauth2.ErrInvalidToken)
}

func TestMachineTokenIssuedThereHasNoUserAndNoMoreScopeThanIsRegisteredHere(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	got := m.post(m.old.URL+"/token", "machine", "grant_type", "client_credentials", "scope", "stats admin")
	require.Equal(t, "stats admin", got.str("scope"), "the old server grants any")
	info := m.introspect(got.str("access_token"))
	require.Equal(t, "stats", info.str("scope"))
	require.NotContains(t, info.json, "sub")
}

func TestTokenOfAClientThatIsNotServedHereIsNoToken(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	access, refresh := m.issued()
	require.NoError(t, m.clients.Set("web", nil))
	require.False(t, m.active(access))
	require.Equal(t, 401, m.refresh(m.new.URL, refresh).status)
}

func TestTokenOfOneKindIsNotOneOfTheOther(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	access, refresh := m.issued()
	code := m.ask(m.old.URL, codeRequest())
	require.False(t, m.active(refresh))
	require.False(t, m.active(code))
	refused(t, m.refresh(m.new.URL, access), "invalid_grant")
	refused(t, m.refresh(m.new.URL, code), "invalid_grant")
	refused(t, m.refresh(m.new.URL, strings.ToLower(refresh)), "invalid_grant")
	require.Equal(t, 200, m.refresh(m.new.URL, refresh).status)
}

func TestAnotherClientsAttemptChangesNothing(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	access, refresh := m.issued()
	refused(t, m.post(m.new.URL+"/token", "other", "grant_type", "refresh_token", "refresh_token", refresh), "invalid_grant")
	for _, token := range []string{access, refresh} {
		refused(t, m.post(m.new.URL+"/revoke", "other", "token", token), "invalid_grant")
	}
	require.True(t, m.active(access))
	require.Empty(t, m.adopted())
	require.Equal(t, 200, m.refresh(m.new.URL, refresh).status)
	refused(t, m.post(m.new.URL+"/token", "other", "grant_type", "refresh_token", "refresh_token", refresh), "invalid_grant")
	refused(t, m.post(m.new.URL+"/revoke", "other", "token", refresh), "invalid_grant")
	require.Len(t, m.adopted(), 1)
}

func TestWiderScopeIsRefusedAndSpendsNothing(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	_, refresh := m.issued("scope", "read")
	refused(t, m.refresh(m.new.URL, refresh, "scope", "read write"), "invalid_scope")
	require.Empty(t, m.adopted())
	require.Equal(t, "read", m.refresh(m.new.URL, refresh).str("scope"))
}

func TestExpiredRefreshTokenIsRefused(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	access, refresh := m.issued()
	m.later(3 * 24 * time.Hour)
	refused(t, m.refresh(m.new.URL, refresh), "invalid_grant")
	require.Equal(t, 200, m.post(m.new.URL+"/revoke", "web", "token", refresh).status)
	require.False(t, m.active(access))
	require.Empty(t, m.adopted())
}

func TestTokenThatNeverExpiresGetsThisServersLifetimes(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New(), func(cfg *oauth2.ServerConfig) { cfg.RefreshLifetime = 48 * time.Hour })
	m.manager.SetAuthorizeCodeTokenCfg(&manage.Config{IsGenerateRefresh: true})
	access, refresh := m.issued()
	require.True(t, m.active(access))
	m.later(time.Hour)
	require.False(t, m.active(access))
	m.later(90 * 24 * time.Hour)
	got := m.refresh(m.new.URL, refresh)
	require.Equal(t, 200, got.status, got.body)
	m.later(48 * time.Hour)
	refused(t, m.refresh(m.new.URL, got.str("refresh_token")), "invalid_grant")
}

func TestAccessTokenEndsNoLaterThanTheRefreshTokenBesideIt(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	m.manager.SetAuthorizeCodeTokenCfg(&manage.Config{AccessTokenExp: 2 * time.Hour, RefreshTokenExp: time.Hour, IsGenerateRefresh: true})
	access, _ := m.issued()
	m.later(time.Hour - time.Minute)
	require.True(t, m.active(access))
	m.later(time.Minute)
	require.False(t, m.active(access))
}

func TestTokenRefreshedAtTheOldServerMeanwhileIsAdoptedAsItIsNow(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	_, stale := m.issued()
	refresh := m.refresh(m.old.URL, stale).str("refresh_token")
	refused(t, m.refresh(m.new.URL, stale), "invalid_grant")
	require.Equal(t, 200, m.refresh(m.new.URL, refresh).status)
}

func TestRevokedRefreshTokenIsDeadAtBothServersWithItsAccessToken(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, records oauth2.TokenStore) {
		m := newMove(t, records)
		for name, refreshedBefore := range map[string]bool{"before it is adopted": false, "after": true} {
			access, refresh := m.issued()
			var mine answer
			if refreshedBefore {
				mine = m.refresh(m.new.URL, refresh)
			}
			for range 2 {
				require.Equal(t, 200, m.post(m.new.URL+"/revoke", "web", "token", refresh).status, name)
			}
			refused(t, m.refresh(m.new.URL, refresh), "invalid_grant")
			require.NotEqual(t, 200, m.refresh(m.old.URL, refresh).status)
			require.False(t, m.active(access), name)
			if refreshedBefore {
				require.False(t, m.active(mine.str("access_token")))
				refused(t, m.refresh(m.new.URL, mine.str("refresh_token")), "invalid_grant")
			}
		}
		require.Len(t, m.told(oauth2.EventAuthorizationRevoked), 2)
	})
}

func TestEndingWhatWasAdoptedEndsTheAccessTokenOfTheOldServer(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	access, refresh := m.issued()
	got := m.refresh(m.new.URL, refresh)
	n, err := m.replicas[1].ExpireSubject(t.Context(), "alice")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.False(t, m.active(access))
	require.False(t, m.active(got.str("access_token")))
	refused(t, m.refresh(m.new.URL, refresh), "invalid_grant")
}

func TestRevokedAccessTokenGoesAlone(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	access, refresh := m.issued()
	require.Equal(t, 200, m.post(m.new.URL+"/revoke", "web", "token", access).status)
	require.False(t, m.active(access))
	require.Equal(t, 200, m.refresh(m.new.URL, refresh).status)
	require.NoError(t, m.replicas[0].ExpireToken(t.Context(), "never-issued"))
}

func TestOldStoreThatFailsIs503AndLosesNothing(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	access, refresh := m.issued()
	m.tokens.fail("GetByRefresh", errDisk)
	unavailable(t, m.refresh(m.new.URL, refresh))
	unavailable(t, m.post(m.new.URL+"/revoke", "web", "token", refresh))
	m.tokens.fail("GetByAccess", errDisk)
	unavailable(t, m.post(m.new.URL+"/introspect", "api", "token", access))
	_, err := m.replicas[0].Check(t.Context(), access)
	require.ErrorIs(t, err, oauth2.ErrTemporarilyUnavailable)
	require.ErrorIs(t, err, errDisk)
	m.tokens.fail("", nil)
	require.True(t, m.active(access))
	require.Equal(t, 200, m.refresh(m.new.URL, refresh).status)
}

func TestTokenThatCannotBeForgottenIs503UntilItCan(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, records oauth2.TokenStore) {
		m := newMove(t, records)
		_, refresh := m.issued()
		m.tokens.fail("RemoveByRefresh", errDisk)
		for range 3 {
			unavailable(t, m.refresh(m.new.URL, refresh))
			m.later(time.Hour) // longer than any grace
		}
		m.tokens.fail("", nil)
		got := m.refresh(m.new.URL, refresh)
		require.Equal(t, 200, got.status, got.body)
		require.Len(t, m.adopted(), 1)

		m.tokens.fail("GetByRefresh", errDisk)
		require.Equal(t, got.str("refresh_token"), m.refresh(m.new.URL, refresh).str("refresh_token"), "it needs the old store no more")
	})
}

func TestRevocationThatCannotBeForgottenIs503UntilItCan(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	_, refresh := m.issued()
	m.tokens.fail("RemoveByRefresh", errDisk)
	unavailable(t, m.post(m.new.URL+"/revoke", "web", "token", refresh))
	refused(t, m.refresh(m.new.URL, refresh), "invalid_grant")
	m.tokens.fail("", nil)
	require.Equal(t, 200, m.post(m.new.URL+"/revoke", "web", "token", refresh).status)
	require.NotEqual(t, 200, m.refresh(m.old.URL, refresh).status)
}

func TestErrorOfTheOldStoreThatQuotesATokenIsNotTold(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	_, refresh := m.issued()
	for _, method := range []string{"GetByRefresh", "RemoveByRefresh"} {
		m.tokens.fail(method, errors.New("no connection for SELECT "+refresh))
		unavailable(t, m.refresh(m.new.URL, refresh))
	}
	faults := m.told(oauth2.EventFault)
	require.Len(t, faults, 2)
	for _, e := range faults {
		require.NotContains(t, e.Err.Error(), refresh)
	}
}

func TestStoreThatAnswersNotFoundWithAnErrorIsUnderstood(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	gone := errors.New("no such document")
	adopter := goauth2.Adopt(m.tokens, goauth2.AdoptOptions{NotFound: func(err error) bool { return errors.Is(err, gone) }})
	m.tokens.fail("GetByRefresh", gone)
	_, err := adopter.AdoptRefresh(t.Context(), "unknown")
	require.ErrorIs(t, err, oauth2.ErrNotFound)
	require.NoError(t, adopter.Forget(t.Context(), "unknown"))
	m.tokens.fail("GetByRefresh", errDisk)
	_, err = adopter.AdoptRefresh(t.Context(), "unknown")
	require.ErrorIs(t, err, errDisk)
	require.NotErrorIs(t, err, oauth2.ErrNotFound)
	_, err = adopter.AdoptRefresh(t.Context(), "")
	require.Error(t, err)
}

func TestCompleteChangesOrRefusesAnAdoption(t *testing.T) {
	t.Parallel()
	const resource = "https://api.example.com/"
	refuse := false
	options := goauth2.AdoptOptions{Complete: func(_ context.Context, info goauth2v4.TokenInfo, a *oauth2.Adoption) error {
		if refuse {
			return oauth2.ErrNotFound
		}
		a.Subject = "user:" + info.GetUserID()
		a.Scope = oauth2.Scope{"read"}
		a.Audience = []string{resource, "https://elsewhere.example.com/"}
		return nil
	}}
	m := newMove(t, memory.New())
	m.startNew(func(cfg *oauth2.ServerConfig) {
		cfg.Resources = []oauth2.Resource{{URI: resource}, {URI: "https://files.example.com/"}}
		cfg.Adopt = goauth2.Adopt(m.tokens, options)
	})
	access, refresh := m.issued()
	refuse = true
	require.False(t, m.active(access))
	refused(t, m.refresh(m.new.URL, refresh), "invalid_grant")
	refuse = false
	for _, token := range []string{access, m.refresh(m.new.URL, refresh).str("access_token")} {
		got := m.introspect(token)
		require.Equal(t, "user:alice", got.str("sub"))
		require.Equal(t, "read", got.str("scope"))
		require.Equal(t, resource, got.str("aud"))
	}
}
