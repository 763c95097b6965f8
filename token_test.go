package oauth2

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func testToken(kind tokenKind) (bearerToken, string) {
	const id, key = "AAAAAAAAAAAAAAAAAAAA", "a lineage key"
	core := tokenCore(bytes.Repeat([]byte{7}, coreBytes))
	t := newBearerToken(kind, id, key, core)
	return t, t.text("at_")
}

func TestTokenIsThePrefixAnd64CharactersThatBeginWithTheID(t *testing.T) {
	t.Parallel()
	token, text := testToken(kindAccess)
	require.Len(t, text, len("at_")+64)
	require.True(t, strings.HasPrefix(text, "at_"+token.id()))
	parsed, ok := parseBearerToken(kindAccess, "at_", text)
	require.True(t, ok)
	require.Equal(t, token, parsed)
}

func TestTokenThatIsFlippedAnywhereIsAnotherToken(t *testing.T) {
	t.Parallel()
	token, text := testToken(kindAccess)
	for i := len("at_"); i < len(text); i++ {
		for _, c := range []byte("Az09-_") {
			if text[i] == c {
				continue
			}
			flipped, ok := parseBearerToken(kindAccess, "at_", text[:i]+string(c)+text[i+1:])
			require.True(t, ok)
			require.NotEqual(t, token.digest(), flipped.digest())
			if i-len("at_") >= idChars {
				require.False(t, flipped.provenBy("a lineage key"), "character %d", i)
			}
		}
	}
}

func TestTokenThatIsTruncatedExtendedOrForeignIsNone(t *testing.T) {
	t.Parallel()
	_, text := testToken(kindAccess)
	for name, bad := range map[string]string{
		"empty":             "",
		"prefix only":       "at_",
		"truncated":         text[:len(text)-1],
		"extended":          text + "A",
		"padded":            text + "=",
		"trailing newline":  text + "\n",
		"newline inside":    text[:10] + "\n" + text[11:],
		"newline added":     text[:10] + "\n" + text[10:],
		"blank in front":    " " + text,
		"other prefix":      "rt_" + text[3:],
		"prefix in capital": "AT_" + text[3:],
		"standard alphabet": text[:10] + "+" + text[11:],
		"not ASCII":         text[:10] + "é" + text[12:],
		"NUL":               text[:10] + "\x00" + text[11:],
	} {
		_, ok := parseBearerToken(kindAccess, "at_", bad)
		require.False(t, ok, name)
	}
}

func TestProofTellsKindAndLineage(t *testing.T) {
	t.Parallel()
	token, _ := testToken(kindAccess)
	require.True(t, token.provenBy("a lineage key"))
	require.False(t, token.provenBy("another lineage key"))
	for _, kind := range []tokenKind{kindCode, kindRefresh} {
		other := token
		other.kind = kind
		require.False(t, other.provenBy("a lineage key"), kind)
	}
}

func TestSuccessorsDifferByKindSaltAndPepper(t *testing.T) {
	t.Parallel()
	core := tokenCore{1, 2, 3}
	seen := map[tokenCore]bool{}
	for _, kind := range []tokenKind{kindAccess, kindRefresh} {
		for _, salt := range []string{"salt", "pepper"} {
			for _, pepper := range [][]byte{nil, []byte("pepper")} {
				next := core.successor(kind, salt, pepper)
				require.Equal(t, next, core.successor(kind, salt, pepper), "it is derived, not drawn")
				require.False(t, seen[next])
				seen[next] = true
			}
		}
	}
}

func TestEmptyDigestEqualsNothing(t *testing.T) {
	t.Parallel()
	require.False(t, sameDigest("", nil))
	require.True(t, sameDigest("x", []byte("x")))
}

func TestDerivedIDsDoNotMeetAcrossTheirParts(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for _, parts := range [][3]string{{"ab", "c", "d"}, {"a", "bc", "d"}, {"a", "b", "cd"}, {"", "abc", "d"}} {
		id := derivedID(parts[0], parts[1], parts[2])
		require.Len(t, id, idChars)
		require.False(t, ids[id])
		ids[id] = true
	}
}

// The lineage key of a record of the server's own, such as a value that was used up, is empty, and
// everybody knows what proofs it makes.
func TestNoTokenEverCameFromARecordWithoutALineageKey(t *testing.T) {
	t.Parallel()
	for _, kind := range []tokenKind{kindCode, kindAccess, kindRefresh, kindJWT} {
		token := newBearerToken(kind, derivedID("https://id.example.com", keysKind, ""), "", tokenCore{1})
		require.False(t, token.provenBy(""))
	}
}

func TestAJTIBehindThePrefixHasAnotherDigest(t *testing.T) {
	t.Parallel()
	signed := newBearerToken(kindJWT, "AAAAAAAAAAAAAAAAAAAA", "a key of 22 characters", tokenCore{1})
	opaque, ok := parseBearerToken(kindAccess, "at_", signed.text("at_"))
	require.True(t, ok)
	require.NotEqual(t, signed.digest(), opaque.digest())
}
