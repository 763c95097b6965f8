package sqlstore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What can be read from a row can be written to one and read again, the same; what cannot is an error.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, ``, `{"id":"AAAAAAAAAAAAAAAAAAAA","version":9,"scope":"read write","claims":{"a":"<b>"}}`, `{"scope":"a  b"}`,
		`{"code":{"digest":"x","redirect_uri":"https://app.example.com/","expires_at":"2026-03-01T12:00:00+01:00"},"access":[{"digest":"y","scope":"","aud":[]}]}`,
		`{"refresh":{"digest":"x","exp":"9999-12-31T23:59:59Z","rotations":[{"salt":"s"}]},"created_at":"10000-01-01T00:00:00Z"}`,
	} {
		f.Add(int64(1), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, version int64, document []byte) {
		a, err := decode(version, document)
		if err != nil {
			require.Nil(t, a)
			return
		}
		require.Equal(t, version, a.Version, "the version is its column's alone")
		written, err := encode(a)
		require.NoError(t, err)
		again, err := decode(version, []byte(written))
		require.NoError(t, err)
		rewritten, err := encode(again)
		require.NoError(t, err)
		require.Equal(t, written, rewritten)
		other, err := decode(version+1, []byte(written))
		require.NoError(t, err)
		other.Version = version
		rewritten, err = encode(other)
		require.NoError(t, err)
		require.Equal(t, written, rewritten, "a version leaves no trace in the document")
	})
}
