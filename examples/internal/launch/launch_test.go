package launch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAURLHasAHostWhereTheAddressHasNone(t *testing.T) {
	t.Parallel()
	for addr, url := range map[string]string{
		"localhost:8660": "http://localhost:8660", ":8660": "http://localhost:8660", "[::1]:8660": "http://[::1]:8660", "nowhere": "http://nowhere",
	} {
		require.Equal(t, url, URL("http", addr))
	}
}
