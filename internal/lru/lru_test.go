package lru_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/lru"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestValueIsThereUntilItsTimeIsOver(t *testing.T) {
	t.Parallel()
	c := lru.New[string, int](2)
	c.Put("one", 1, noon)
	got, ok := c.Get("one", noon.Add(-1))
	require.True(t, ok)
	require.Equal(t, 1, got)
	_, ok = c.Get("one", noon)
	require.False(t, ok)
	require.Zero(t, c.Len(), "what is over takes no room")
	_, ok = c.Get("two", noon.Add(-1))
	require.False(t, ok)
}

func TestTheOneUnusedForLongestGoesFirst(t *testing.T) {
	t.Parallel()
	c := lru.New[string, int](2)
	for i, key := range []string{"one", "two"} {
		c.Put(key, i+1, noon)
	}
	_, ok := c.Get("one", noon.Add(-1))
	require.True(t, ok)
	c.Put("three", 3, noon)
	require.Equal(t, 2, c.Len())
	for key, want := range map[string]bool{"one": true, "two": false, "three": true} {
		_, ok = c.Get(key, noon.Add(-1))
		require.Equal(t, want, ok, key)
	}
}

func TestPutReplacesAndDropForgets(t *testing.T) {
	t.Parallel()
	c := lru.New[string, int](2)
	c.Put("one", 1, noon)
	c.Put("one", 11, noon.Add(time.Hour))
	require.Equal(t, 1, c.Len())
	got, ok := c.Get("one", noon)
	require.True(t, ok)
	require.Equal(t, 11, got)
	c.Drop("one")
	c.Drop("two")
	_, ok = c.Get("one", noon)
	require.False(t, ok)
	require.Zero(t, c.Len())
}
