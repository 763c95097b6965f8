package oauth2_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

func TestASecondAnswerToAPageIsSentTheSameTokenAndWritesNothing(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := tokensServed(t, withTokens(store))
		query := pageRequest("token")
		formToken := formTokenIn(w.ask(query).body)
		first := w.decide(query, formToken, "yes").fragment(t)
		issued := w.last()
		before, err := store.Get(t.Context(), issued.AuthorizationID)
		require.NoError(t, err)

		w.clock.Advance(30 * time.Second)
		again := w.decide(query, formToken, "yes").fragment(t)
		require.Equal(t, first.Get("access_token"), again.Get("access_token"))
		require.Equal(t, "570", again.Get("expires_in"))
		require.Equal(t, first.Get("scope"), again.Get("scope"))
		require.Equal(t, oauth2.EventTokenSentAgain, w.last().Type)
		require.Equal(t, issued.AuthorizationID, w.last().AuthorizationID)
		after, err := store.Get(t.Context(), issued.AuthorizationID)
		require.NoError(t, err)
		require.Equal(t, before, after)
		require.Len(t, records(t, w), 1)
	})
}

func TestSixteenParallelAnswersToAPageLeadToOneTokenAndOneRecord(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := tokensServed(t, withTokens(store))
		replica, err := oauth2.New(w.config)
		require.NoError(t, err)
		next := 0
		w.http.Config.Handler = roundRobin([]*oauth2.Server{w.server, replica}, &next)
		query := pageRequest("token")
		formToken := formTokenIn(w.ask(query).body)
		answers := parallel(16, func() answer { return w.decide(query, formToken, "yes") })
		token := answers[0].fragment(t).Get("access_token")
		require.True(t, w.active(token))
		for _, got := range answers {
			require.Equal(t, token, got.fragment(t).Get("access_token"))
		}
		all := records(t, w)
		require.Len(t, all, 1)
		require.Len(t, all[0].Access, 1)
	})
}

func TestATokenIsSentAgainForAsLongAsACodeWouldWait(t *testing.T) {
	t.Parallel()
	w := tokensServed(t)
	query := pageRequest("token")
	formToken := formTokenIn(w.ask(query).body)
	token := w.decide(query, formToken, "yes").fragment(t).Get("access_token")
	w.clock.Advance(time.Minute)
	answeredTwice(t, w.decide(query, formToken, "yes"))
	require.True(t, w.active(token))
}

func TestAPageThatIsAnsweredAgainAfterARevocationDoesNotReviveTheOldToken(t *testing.T) {
	t.Parallel()
	w := tokensServed(t)
	query := pageRequest("token")
	formToken := formTokenIn(w.ask(query).body)
	old := w.decide(query, formToken, "yes").fragment(t).Get("access_token")
	require.Equal(t, http.StatusOK, w.post("/revoke", "", values("client_id", pageApp, "token", old)).status)
	fresh := w.decide(query, formToken, "yes").fragment(t).Get("access_token")
	require.NotEqual(t, old, fresh)
	require.False(t, w.active(old))
	require.True(t, w.active(fresh))
}

func TestASecondAnswerThatGrantsAnotherScopeGetsNoToken(t *testing.T) {
	t.Parallel()
	w := tokensServed(t)
	approval := &oauth2.Approval{Subject: "alice"}
	w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		if req.Answered {
			return approval, nil
		}
		return askOnPage(rw, r, req)
	}
	query := pageRequest("token")
	formToken := formTokenIn(w.ask(query).body)
	token := w.decide(query, formToken, "yes").fragment(t).Get("access_token")
	approval = &oauth2.Approval{Subject: "alice", Scope: oauth2.Scope{"read"}}
	answeredTwice(t, w.decide(query, formToken, "yes"))
	require.True(t, w.active(token))
}

func TestATokenWhoseFateIsUnknownCanBeAskedForAgain(t *testing.T) {
	t.Parallel()
	store := &faultyStore{Store: memory.New()}
	w := tokensServed(t, withTokens(store))
	query := pageRequest("token")
	formToken := formTokenIn(w.ask(query).body)
	store.fail(nil, failing("create")) // it goes through, and the answer is lost
	unavailable(t, w.decide(query, formToken, "yes"))
	store.fail(failing("create"), nil)
	unavailable(t, w.decide(query, formToken, "yes"))
	store.fail(nil, nil)
	require.True(t, w.active(w.decide(query, formToken, "yes").fragment(t).Get("access_token")))
	require.Len(t, records(t, w), 1)
}

// The record outlives its token for as long as the page could be answered.
func TestAShortTokenLeavesAPageThatIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	short := tokenLike(nil)
	short.rules.AccessLifetime = time.Second
	w := newResponseWorld(t, []oauth2.ResponseTypeHandler{short})
	query := pageRequest("token")
	formToken := formTokenIn(w.ask(query).body)
	require.Equal(t, "1", w.decide(query, formToken, "yes").fragment(t).Get("expires_in"))
	a := records(t, w)[0]
	require.False(t, a.ExpiresAt.Before(w.clock.Now().Add(10*time.Minute)))
	w.clock.Advance(2 * time.Second)
	answeredTwice(t, w.decide(query, formToken, "yes"))
}
