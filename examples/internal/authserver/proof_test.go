package authserver

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProofIsGoodForOnePurposeKeyAndValue(t *testing.T) {
	t.Parallel()
	field := prove("key", proofConsent, "value")
	require.True(t, proven(field, "key", proofConsent, "value"))
	require.NotEqual(t, field, prove("key", proofConsent, "value"))
	require.False(t, proven(field, "other", proofConsent, "value"))
	require.False(t, proven(field, "key", proofSite, "value"))
	require.False(t, proven(field, "key", proofConsent, "other"))
	for _, garbage := range []string{"", ".", field[:len(field)-1], field + "A", "x" + field, strings.Replace(field, ".", "", 1)} {
		require.False(t, proven(garbage, "key", proofConsent, "value"), garbage)
	}
}
