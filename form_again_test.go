package oauth2_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// answeredTwice requires that a page's second answer leads nowhere.
func answeredTwice(t *testing.T, got answer) {
	t.Helper()
	require.Equal(t, http.StatusConflict, got.status, got.body)
	require.Empty(t, got.header.Get("Location"))
}

func TestASecondAnswerToAPageIsSentTheSameCodeAndWritesNothing(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newWorld(t, withTokens(store))
		query := codeRequest()
		token := formTokenIn(w.ask(query).body)
		first := w.decide(query, token, "yes")
		require.Equal(t, http.StatusSeeOther, first.status, first.body)
		issued := w.last()
		require.Equal(t, oauth2.EventCodeIssued, issued.Type)
		before, err := store.Get(t.Context(), issued.AuthorizationID)
		require.NoError(t, err)

		w.clock.Advance(30 * time.Second)
		again := w.decide(query, token, "yes")
		require.Equal(t, http.StatusSeeOther, again.status, again.body)
		require.Equal(t, first.header.Get("Location"), again.header.Get("Location"))
		require.Equal(t, oauth2.EventCodeSentAgain, w.last().Type)
		require.Equal(t, issued.AuthorizationID, w.last().AuthorizationID)
		after, err := store.Get(t.Context(), issued.AuthorizationID)
		require.NoError(t, err)
		require.Equal(t, before, after)

		code := again.location(t).Get("code")
		require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(code)).status)
		require.Len(t, records(t, w), 1)
	})
}

// records are alice's authorizations.
func records(t *testing.T, w *world) []*oauth2.Authorization {
	all, err := w.server.Authorizations(t.Context(), oauth2.ListQuery{Subject: "alice", Limit: 100})
	require.NoError(t, err)
	return all
}

func TestSixteenParallelAnswersToAPageLeadToOneCodeAndOneRecord(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newWorld(t, withTokens(store))
		replica, err := oauth2.New(w.config)
		require.NoError(t, err)
		next := 0
		w.http.Config.Handler = roundRobin([]*oauth2.Server{w.server, replica}, &next)
		query := codeRequest()
		token := formTokenIn(w.ask(query).body)
		answers := parallel(16, func() answer { return w.decide(query, token, "yes") })
		for _, got := range answers {
			require.Equal(t, http.StatusSeeOther, got.status, got.body)
			require.Equal(t, answers[0].header.Get("Location"), got.header.Get("Location"))
		}
		require.Len(t, records(t, w), 1)
		code := answers[0].location(t).Get("code")
		require.Equal(t, 1, countStatus(16, 200, func() answer { return w.post("/token", webApp, redemption(code)) }), "it is as single-use as any")
	})
}

func TestAPageIsNotAnsweredAgainOnceItsCodeIsSpentOrExpired(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world, code string){
		"redeemed": func(w *world, code string) {
			require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(code)).status)
		},
		"expired": func(w *world, _ string) { w.clock.Advance(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			query := codeRequest()
			token := formTokenIn(w.ask(query).body)
			code := w.decide(query, token, "yes").location(t).Get("code")
			end(w, code)
			answeredTwice(t, w.decide(query, token, "yes"))
		})
	}
}

func TestAPageThatIsAnsweredAgainAfterARevocationDoesNotReviveTheOldCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest()
	token := formTokenIn(w.ask(query).body)
	old := w.decide(query, token, "yes").location(t).Get("code")
	require.NoError(t, w.server.ExpireToken(t.Context(), old))
	fresh := w.decide(query, token, "yes").location(t).Get("code")
	require.NotEqual(t, old, fresh)
	refused(t, w.post("/token", webApp, redemption(old)), 400, "invalid_grant")
	require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(fresh)).status)
}

func TestASecondAnswerThatGrantsSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	one := map[string]any{"account": 1}
	for name, other := range map[string]*oauth2.Approval{
		"another scope":   {Subject: "alice", Scope: oauth2.Scope{"read"}, Claims: one},
		"another subject": {Subject: "bob", Claims: one},
		"other claims":    {Subject: "alice", Claims: map[string]any{"account": 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			approval := &oauth2.Approval{Subject: "alice", Claims: one}
			w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
				if req.Answered {
					return approval, nil
				}
				return askOnPage(rw, r, req)
			}
			query := codeRequest()
			token := formTokenIn(w.ask(query).body)
			first := approval
			sent := w.decide(query, token, "yes")
			approval = other
			answeredTwice(t, w.decide(query, token, "yes"))
			approval = first
			require.Equal(t, sent.header.Get("Location"), w.decide(query, token, "yes").header.Get("Location"))
		})
	}
}

func TestASecondAnswerFromAnotherBrowserIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest()
	token := formTokenIn(w.ask(query).body)
	require.NotEmpty(t, w.decide(query, token, "yes").location(t).Get("code"))
	own := w.browser
	for _, stranger := range []func(){func() {}, func() { w.ask(query) }} {
		w.browser = newBrowser(t)
		stranger()
		got := w.decide(query, token, "yes")
		require.Equal(t, http.StatusForbidden, got.status)
		require.Empty(t, got.header.Get("Location"))
	}
	w.browser = own
	require.NotEmpty(t, w.decide(query, token, "yes").location(t).Get("code"))
}

func TestAnAnswerWhoseOutcomeIsUnknownCanBeGivenAgain(t *testing.T) {
	t.Parallel()
	w, store := newFaultyWorld(t)
	query := codeRequest()
	token := formTokenIn(w.ask(query).body)
	store.fail(nil, failing("create")) // it goes through, and the answer is lost
	unavailable(t, w.decide(query, token, "yes"))
	store.fail(failing("get"), nil)
	unavailable(t, w.decide(query, token, "yes"))
	store.fail(nil, nil)
	code := w.decide(query, token, "yes").location(t).Get("code")
	require.Contains(t, w.eventTypes(), oauth2.EventCodeSentAgain, "somebody is told of the code")
	require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(code)).status)
}
