package redisstore

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// What can be read from a key can be written to one and read again, the same; what cannot is an error.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "1\nplace\n{}", "7\n1772366400000 s c\n" + `{"id":"a","version":3,"sub":"alice","client_id":"app","scope":"read"}`, "x\n\n{}", "1\n\nnull",
		"-1\n\n" + `{"sub":"a\nb","claims":{"a":"\u2028"}}`, "9223372036854775808\n\n{}", "1\r\n\n{}", "+1\n\n{}",
	} {
		f.Add([]byte(seed))
	}
	s := &Store{prefix: "oauth2:"}
	f.Fuzz(func(t *testing.T, value []byte) {
		a, err := decode(value)
		if err != nil {
			require.Nil(t, a)
			require.ErrorContains(t, err, "cannot be read")
			return
		}
		first, _, _ := bytes.Cut(value, []byte("\n"))
		version, err := strconv.ParseInt(string(first), 10, 64)
		require.NoError(t, err)
		require.Equal(t, version, a.Version)

		place := s.placeOf(a)
		written, err := encode(a, a.Version, place)
		require.NoError(t, err)
		// The scripts compare the beginning, so nothing in the record may move it.
		require.Len(t, bytes.SplitN([]byte(written), []byte("\n"), 3), 3)
		require.Contains(t, written, fmt.Sprintf("%d\n%s", version, place.line()))
		again, err := decode([]byte(written))
		require.NoError(t, err)
		require.Equal(t, place, s.placeOf(again))
		rewritten, err := encode(again, again.Version, place)
		require.NoError(t, err)
		require.Equal(t, written, rewritten)
		require.GreaterOrEqual(t, place.until, a.SweepAfter().UnixMilli(), "an entry goes before its record")
		require.Positive(t, expiry(a))
	})
}
