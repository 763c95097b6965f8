package spam4all

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSessionsAreBoundedAndTheOneUnusedForLongestGoesFirst(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	s := newSessions(func() time.Time { return now }, 5)
	first, _ := s.create()
	for range 5 {
		now = now.Add(time.Microsecond)
		s.create()
	}
	require.Len(t, s.byID, 5)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: cookieName, Value: first})
	_, ok := s.of(r)
	require.False(t, ok)
}

func TestFlowsOfABrowserAreBoundedAndTheOldestGoesFirst(t *testing.T) {
	t.Parallel()
	s := &session{flows: map[string]flow{}}
	begun := time.Unix(0, 0)
	for i := range maxFlows + 1 {
		s.begin(string(rune('a'+i)), flow{begun: begun.Add(time.Duration(i) * time.Second)})
	}
	require.Len(t, s.flows, maxFlows)
	_, ok := s.take("a", begun)
	require.False(t, ok)
	_, ok = s.take("b", begun)
	require.True(t, ok)
	_, ok = s.take("b", begun)
	require.False(t, ok)
}

func TestEveryPhraseIsInBothLanguages(t *testing.T) {
	t.Parallel()
	for name, text := range words {
		require.NotEmpty(t, text[english], name)
		require.NotEmpty(t, text[dutch], name)
	}
}

func TestMaskShowsAQuarterAtMost(t *testing.T) {
	t.Parallel()
	require.Empty(t, mask(""))
	require.Equal(t, "........", mask("abc"))
	require.Equal(t, "ab........", mask("abcdefgh"))
	require.Equal(t, "abcdef........", mask("abcdefghijklmnopqrstuvwxyz"))
}
