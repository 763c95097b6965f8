package memory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/storetest"
)

func TestStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) oauth2.TokenStore { return memory.New() })
}

func TestClientsKeepTheContract(t *testing.T) {
	t.Parallel()
	storetest.RunClients(t, func(t *testing.T) storetest.ClientRegistry {
		clients, err := memory.NewClients()
		require.NoError(t, err)
		return clients
	})
}

func TestNewClientsRefusesAnIDTwiceAndAnInvalidClient(t *testing.T) {
	t.Parallel()
	web := &oauth2.Client{ID: "web"}
	_, err := memory.NewClients(web, web)
	require.ErrorIs(t, err, oauth2.ErrExists)
	_, err = memory.NewClients(&oauth2.Client{ID: "web", RedirectURIs: []string{"*"}})
	require.Error(t, err)
}

// Machine tokens come and go by the thousand, and nothing else runs in the store.
func TestCreateKeepsUpWithWhatExpires(t *testing.T) {
	t.Parallel()
	const perHour, hours = 1000, 20
	store := memory.New()
	clock := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	live := 0
	for i := range perHour * hours {
		a := &oauth2.Authorization{ID: fmt.Sprintf("%020d", i), Version: 1, CreatedAt: clock, ExpiresAt: clock.Add(time.Hour)}
		require.NoError(t, store.Create(t.Context(), a))
		clock = clock.Add(time.Hour / perHour)
	}
	kept, err := store.List(t.Context(), oauth2.ListQuery{Limit: perHour * hours})
	require.NoError(t, err)
	for _, a := range kept {
		if !clock.After(a.SweepAfter()) {
			live++
		}
	}
	require.GreaterOrEqual(t, live, perHour, "a record went before its time")
	require.Less(t, len(kept), 2*live, "expired records pile up")
}

func TestCreateSweepsNothingThatIsNotPastSweepAfter(t *testing.T) {
	t.Parallel()
	store := memory.New()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const n = 500
	for i := range n {
		require.NoError(t, store.Create(t.Context(), &oauth2.Authorization{
			ID: fmt.Sprintf("%020d", i), Version: 1, CreatedAt: now, ExpiresAt: now.Add(-time.Minute),
		}))
	}
	kept, err := store.List(t.Context(), oauth2.ListQuery{Limit: 2 * n})
	require.NoError(t, err)
	require.Len(t, kept, n)
}
