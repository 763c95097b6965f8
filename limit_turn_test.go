package oauth2

import (
	"hash/maphash"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSoManyOfOneAddressWaitForANameAndSoManyOfAll(t *testing.T) {
	t.Parallel()
	turns := turnTable{seed: maphash.MakeSeed()}
	turn := turns.turnOf("alice")
	joined := func(addr netip.Addr) (n int) {
		for turns.join(turn, addr) {
			n++
		}
		return n
	}
	require.Equal(t, turnsPerAddress, joined(attackerAddr))
	require.EqualValues(t, turnsPerAddress, turns.beside(turn, attackerAddr), "who share the chances of one address")
	require.True(t, turns.join(turn, honestAddr))
	require.EqualValues(t, 1, turns.beside(turn, honestAddr))
	turns.leave(turn, honestAddr)
	require.Equal(t, turnsPerAddress, turn.all)
	for addr := netip.MustParseAddr("203.0.113.0"); joined(addr) > 0; addr = addr.Next() {
	}
	require.Equal(t, turnsPerName, turn.all)
	require.False(t, turns.join(turn, honestAddr))
	turns.leave(turn, attackerAddr)
	require.True(t, turns.join(turn, honestAddr))
}
