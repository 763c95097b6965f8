package oauth2_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestADocumentIsUsedForAsLongAsItSaysWithinBounds(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	for name, c := range map[string]struct {
		headers []string
		fresh   time.Duration
	}{
		"nothing is told":      {nil, 5 * time.Minute},
		"max-age":              {[]string{"Cache-Control", "public, MAX-AGE=600"}, 10 * time.Minute},
		"max-age in quotes":    {[]string{"Cache-Control", `max-age="600"`}, 10 * time.Minute},
		"max-age and Age":      {[]string{"Cache-Control", "max-age=600", "Age", "300"}, 5 * time.Minute},
		"no-store":             {[]string{"Cache-Control", "no-store, max-age=600"}, time.Minute},
		"no-cache":             {[]string{"Cache-Control", "no-cache"}, time.Minute},
		"a short max-age":      {[]string{"Cache-Control", "max-age=1"}, time.Minute},
		"a max-age of a year":  {[]string{"Cache-Control", "max-age=31536000"}, 24 * time.Hour},
		"one beyond all":       {[]string{"Cache-Control", "max-age=99999999999999999999"}, 24 * time.Hour},
		"one that is none":     {[]string{"Cache-Control", "max-age=soon"}, time.Minute},
		"Expires":              {[]string{"Expires", now.Add(time.Hour).Format(http.TimeFormat), "Date", now.Format(http.TimeFormat)}, time.Hour},
		"Expires that is none": {[]string{"Expires", "0"}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newDocumentHost(t)
			id := h.publishes("/client", nil, c.headers...)
			w := newDocumentWorld(t, h)
			require.Equal(t, http.StatusOK, w.askAs(id).status)
			w.clock.Advance(c.fresh - time.Second)
			require.Equal(t, http.StatusOK, w.askAs(id).status)
			require.EqualValues(t, 1, h.asked.Load())
			w.clock.Advance(time.Second)
			require.Equal(t, http.StatusOK, w.askAs(id).status)
			require.EqualValues(t, 2, h.asked.Load())
		})
	}
}

func TestADocumentThatChangesOrGoesChangesOrEndsItsClient(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	id := h.publishes("/client", nil)
	w := newDocumentWorld(t, h)
	got := w.tokensOf(id)
	const moved = "https://app.example.com/moved"
	h.publishes("/client", map[string]any{"redirect_uris": []string{moved}})
	refusedOnPage(t, w.askAs(id, "redirect_uri", moved), 400, "redirect_uri")
	w.clock.Advance(6 * time.Minute)
	require.Equal(t, http.StatusOK, w.askAs(id, "redirect_uri", moved).status)
	refusedOnPage(t, w.askAs(id), 400, "redirect_uri")
	refresh := values("grant_type", "refresh_token", "refresh_token", got.str("refresh_token"), "client_id", id)
	got = w.post("/token", "", refresh)
	require.Equal(t, http.StatusOK, got.status, got.body)
	refresh.Set("refresh_token", got.str("refresh_token"))
	h.answers("/client", http.NotFound)
	w.clock.Advance(6 * time.Minute)
	refused(t, w.post("/token", "", refresh), 401, "invalid_client")
	refusedOnPage(t, w.askAs(id, "redirect_uri", moved), 400, "metadata document")
}

func TestAHostThatIsDownDoesNotEndItsClientsForADay(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	id := h.publishes("/client", nil)
	w := newDocumentWorld(t, h)
	require.Equal(t, http.StatusOK, w.askAs(id).status)
	h.answers("/client", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	w.clock.Advance(6 * time.Minute)
	for range 3 {
		require.Equal(t, http.StatusOK, w.askAs(id).status)
	}
	require.EqualValues(t, 2, h.asked.Load(), "it is not asked again at once")
	w.clock.Advance(23 * time.Hour)
	require.Equal(t, http.StatusOK, w.askAs(id).status)
	w.clock.Advance(time.Hour)
	refusedOnPage(t, w.askAs(id), 503, "fetched right now")
	got := w.post("/token", "", values("grant_type", "refresh_token", "refresh_token", "x", "client_id", id))
	refused(t, got, 503, "temporarily_unavailable")
	h.publishes("/client", nil)
	require.Equal(t, http.StatusOK, w.askAs(id).status, "errors are not kept")
}

func TestParallelRequestsForOneDocumentAreOneFetch(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	release := make(chan struct{})
	id := h.publishes("/client", nil)
	h.mu.Lock()
	good := h.answer["/client"]
	h.mu.Unlock()
	h.answers("/client", func(w http.ResponseWriter, r *http.Request) { <-release; good(w, r) })
	w := newDocumentWorld(t, h)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			require.Equal(t, http.StatusOK, w.get(direct, "/authorize", codeRequest("client_id", id, "redirect_uri", documentRedirect, "scope", "read")).status)
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.config.Clients.Client(gone, id)
	require.ErrorIs(t, err, context.Canceled)
	require.Eventually(t, func() bool { return h.asked.Load() == 1 }, longEnough, shortly)
	close(release)
	wg.Wait()
	require.EqualValues(t, 1, h.asked.Load())
}

func TestAStrangerCannotMakeTheServerFetchWithoutEnd(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	known := h.publishes("/client", nil)
	w := newDocumentWorld(t, h)
	require.Equal(t, http.StatusOK, w.askAs(known).status)
	limited := 0
	for i := range 60 {
		got := w.askAs(fmt.Sprintf("%s/made-up-%d", h.origin, i))
		if got.status == http.StatusTooManyRequests {
			limited++
			require.NotEmpty(t, got.header.Get("Retry-After"))
		}
	}
	require.Equal(t, 31, limited, "one fetch was for the good one")
	require.EqualValues(t, 30, h.asked.Load())
	refused(t, w.post("/token", "", values("grant_type", "refresh_token", "client_id", h.origin+"/more")), 429, "temporarily_unavailable")
	require.Contains(t, w.eventTypes(), oauth2.EventAttemptLimited)
	w.clock.Advance(2 * time.Second)
	require.Equal(t, 400, w.askAs(h.origin+"/made-up").status)
	require.Equal(t, 429, w.askAs(h.origin+"/made-up").status)
	w.clock.Advance(6 * time.Minute)
	for i := range 200 {
		w.askAs(fmt.Sprintf("%s/made-up-%d", h.origin, i))
	}
	require.Equal(t, http.StatusOK, w.askAs(known).status, "a client that is known is asked for anew, whatever strangers do")
}

func TestAHostIsNotFetchedFromWithoutEndByMany(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	w := newDocumentWorld(t, h, func(cfg *oauth2.ClientIDMetadataConfig) {
		cfg.FailureLimiter = oauth2.NewMemoryLimiter(oauth2.MemoryLimiterConfig{Now: cfg.Now, Budgets: map[oauth2.AttemptKind]oauth2.FailureBudgets{
			oauth2.AttemptClientMetadata: {PerName: oauth2.FailureBudget{Burst: 3, Every: time.Second}},
		}})
	})
	for i := range 10 {
		w.askAs(fmt.Sprintf("%s/made-up-%d", h.origin, i))
	}
	require.EqualValues(t, 3, h.asked.Load())
	other := newDocumentHost(t)
	require.Equal(t, http.StatusOK, w.askAs(other.publishes("/client", nil)).status, "another host has a budget of its own")
}

func TestOnlySoManyDocumentsAreKept(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	w := newDocumentWorld(t, h, func(cfg *oauth2.ClientIDMetadataConfig) { cfg.Documents = 2 })
	for _, path := range []string{"/a", "/b", "/a", "/c", "/a"} {
		require.Equal(t, http.StatusOK, w.askAs(h.publishes(path, nil)).status)
	}
	require.EqualValues(t, 3, h.asked.Load())
	require.Equal(t, http.StatusOK, w.askAs(h.origin+"/b").status)
	require.EqualValues(t, 4, h.asked.Load(), "the one unused for longest went")
}
