package oauth2_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A hangingStore is asked, and does not answer until it fails.
type hangingStore struct {
	oauth2.TokenStore
	reads atomic.Int64
	fails chan struct{}
}

func (s *hangingStore) Get(context.Context, string) (*oauth2.Authorization, error) {
	s.reads.Add(1)
	<-s.fails
	return nil, errors.New("the database is down")
}

func TestWhoWaitsForKeysThatCannotBeHadIsToldAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &hangingStore{TokenStore: memory.New(), fails: make(chan struct{})}
		server, err := oauth2.New(oauth2.ServerConfig{
			Issuer: "https://id.example.com", Clients: testClients(t), Tokens: store, Consent: askOnPage,
			Keys: &oauth2.SigningKeys{SealingKeys: [][]byte{sealingKey}},
		})
		require.NoError(t, err)
		answers := make([]*httptest.ResponseRecorder, 8)
		for i := range answers {
			answers[i] = httptest.NewRecorder()
			go server.JWKS(answers[i], httptest.NewRequest(http.MethodGet, "/jwks", nil))
		}
		synctest.Wait() // one asks, the others wait for what it finds
		require.EqualValues(t, 1, store.reads.Load())
		store.fails <- struct{}{}
		synctest.Wait()
		for _, got := range answers {
			require.Equal(t, http.StatusServiceUnavailable, got.Code)
		}
		require.EqualValues(t, 1, store.reads.Load(), "they do not fail one after the other")

		again := httptest.NewRecorder()
		close(store.fails)
		server.JWKS(again, httptest.NewRequest(http.MethodGet, "/jwks", nil))
		require.Equal(t, http.StatusServiceUnavailable, again.Code)
		require.EqualValues(t, 2, store.reads.Load(), "who comes later asks anew")
	})
}

func TestAKeyThatSignsForLongerThanWasConfiguredIsNotForgottenMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKeys(func(k *oauth2.SigningKeys) { k.RotateAfter = 10 * 24 * time.Hour }))
	before := w.jwks()
	config := w.config
	config.Keys = &oauth2.SigningKeys{SealingKeys: [][]byte{sealingKey}, RotateAfter: 1000 * 24 * time.Hour}
	counted := &countingStore{TokenStore: w.store}
	config.Tokens = counted
	replica, err := oauth2.New(config)
	require.NoError(t, err)
	ask := func() string {
		res := httptest.NewRecorder()
		replica.JWKS(res, httptest.NewRequest(http.MethodGet, "/jwks", nil))
		require.Equal(t, 200, res.Code)
		return res.Body.String()
	}
	ask()
	w.clock.Advance(100 * 24 * time.Hour)
	_, err = w.store.(oauth2.Sweeper).Sweep(t.Context(), w.clock.Now(), 10)
	require.NoError(t, err)
	require.Contains(t, ask(), before.Keys[0].KeyID)
	require.EqualValues(t, 1, counted.writes.Load(), "and nothing more is written")
}
