package oauth2

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Of all texts, one stands for a registration access token.
func FuzzRegistrationToken(f *testing.F) {
	f.Add("reg_" + strings.Repeat("A", 43))
	f.Add("reg_" + strings.Repeat("A", 42) + "B")
	f.Add("reg_" + strings.Repeat("A", 20) + "\n" + strings.Repeat("A", 22))
	f.Add("at_" + strings.Repeat("A", 64))
	f.Fuzz(func(t *testing.T, text string) {
		token, ok := parseRegistrationToken(text)
		if ok {
			require.Equal(t, text, token.text())
			require.True(t, token.is(token.digest()))
		}
		require.False(t, token.is(""))
	})
}
