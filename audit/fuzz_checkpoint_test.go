package audit_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/audit"
)

// A checkpoint that can be read is written in the same way again, but for zeros before its number.
func FuzzCheckpoint(f *testing.F) {
	hash := strings.Repeat("a", 64)
	for _, seed := range []string{"", "a:1:x", "a:1:" + hash, "a:0:" + hash, "a:+1:" + hash, "a:01:" + hash, ":1:" + hash, "a:18446744073709551616:" + hash, "a:1:" + hash + "\n", "a:1:" + strings.Repeat("A", 43)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := audit.ParseCheckpoint(text)
		if err != nil {
			require.Zero(t, c)
			return
		}
		require.Positive(t, c.Seq)
		again, err := audit.ParseCheckpoint(c.String())
		require.NoError(t, err)
		require.Equal(t, c, again)
		parts := strings.Split(text, ":")
		parts[1] = strings.TrimLeft(parts[1], "0")
		require.Equal(t, strings.Join(parts, ":"), c.String())
	})
}
