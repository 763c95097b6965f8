package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/audit"
)

func TestALogThatNobodyTouchedIsVerified(t *testing.T) {
	t.Parallel()
	text, heads := fullLog(t)
	report := verified(t, text, heads...)
	require.Equal(t, audit.Report{Lines: 10, Chains: []audit.Chain{
		{First: 1, Head: heads[0], Closed: true, Lost: 1, Torn: 1},
		{First: 1, Head: heads[1], Closed: true, Resumed: 1, Torn: 1},
	}}, report)
}

func TestAnyFlippedBitIsFound(t *testing.T) {
	t.Parallel()
	text, heads := fullLog(t)
	for at := range text {
		for bit := range 8 {
			changed := bytes.Clone(text)
			changed[at] ^= 1 << bit
			found(t, verify(changed), "byte %d, bit %d", at, bit)
		}
	}
	require.NoError(t, verify(text, heads...))
}

func TestAnyByteRemovedDoubledOrInsertedIsFound(t *testing.T) {
	t.Parallel()
	text, _ := fullLog(t)
	for at := range text {
		found(t, verify(slices.Delete(bytes.Clone(text), at, at+1)), "removed %d", at)
		for _, b := range []byte{text[at], '\n', '\r', ' ', 0} {
			found(t, verify(slices.Insert(bytes.Clone(text), at, b)), "%q before %d", b, at)
		}
	}
	found(t, verify(append(bytes.Clone(text), '\n')))
}

func TestAnyLineRemovedSwappedOrDoubledIsFound(t *testing.T) {
	t.Parallel()
	text, _ := crashedFile(t)
	lines := linesOf(text)
	lines[len(lines)-1] += "\n"
	join := func(lines []string) []byte { return []byte(strings.Join(lines, "")) }
	for i := range lines {
		if i < len(lines)-1 {
			found(t, verify(join(slices.Delete(slices.Clone(lines), i, i+1))), "line %d removed", i+1)
		}
		for j := range lines {
			found(t, verify(join(slices.Insert(slices.Clone(lines), j, lines[i]))), "line %d again before %d", i+1, j+1)
			if i != j {
				swapped := slices.Clone(lines)
				swapped[i], swapped[j] = swapped[j], swapped[i]
				found(t, verify(join(swapped)), "lines %d and %d swapped", i+1, j+1)
			}
		}
	}
}

func TestAnyTruncationIsFoundWithACheckpoint(t *testing.T) {
	t.Parallel()
	text, head := crashedFile(t)
	for n := range text {
		found(t, verify(text[:n], head), "cut to %d bytes", n)
		err := verify(text[:n])
		whole := n == 0 || text[n-1] == '\n'
		if !whole {
			found(t, err, "cut to %d bytes, without a checkpoint", n)
		}
	}
}

func TestTruncationAtALineIsNotFoundWithoutACheckpointButTheLogIsNotClosed(t *testing.T) {
	t.Parallel()
	text, head := crashedFile(t)
	lines := linesOf(text)
	cut := []byte(strings.Join(lines[:len(lines)-1], ""))
	report := verified(t, cut)
	require.False(t, report.Chains[0].Closed)
	require.ErrorIs(t, verify(cut, head), audit.ErrTruncated)
	require.ErrorIs(t, verify(nil, head), audit.ErrTruncated)
}

func TestEachKindOfFindingNamesItsLine(t *testing.T) {
	t.Parallel()
	text, head := crashedFile(t)
	lines := linesOf(text) // opened, event, fragment, resumed, event, closed
	require.Len(t, lines, 6)
	lines[5] += "\n"
	of := func(order ...int) []byte {
		var b strings.Builder
		for _, i := range order {
			b.WriteString(lines[i-1])
		}
		return []byte(b.String())
	}
	forged := head
	forged.Hash = strings.Repeat("0", 64)
	for _, c := range []struct {
		name        string
		text        []byte
		kind        error
		line        int
		checkpoints []audit.Checkpoint
	}{
		{name: "a line is missing at the beginning", text: of(2, 3, 4, 5, 6), kind: audit.ErrGap, line: 1},
		{name: "a line is missing", text: of(1, 2, 3, 4, 6), kind: audit.ErrGap, line: 5},
		{name: "a fragment is missing", text: of(1, 2, 4, 5, 6), kind: audit.ErrGap, line: 3},
		{name: "a fragment is nobody's", text: of(1, 3, 2), kind: audit.ErrChanged, line: 2},
		{name: "a line is doubled", text: of(1, 2, 3, 4, 5, 5, 6), kind: audit.ErrRepeated, line: 6},
		{name: "a line is changed", text: bytes.Replace(text, []byte("alice"), []byte("mallo"), 1), kind: audit.ErrChanged, line: 2},
		{name: "the last line is changed", text: bytes.Replace(text, []byte("audit_closed"), []byte("audit_opened"), 1), kind: audit.ErrChanged, line: 6},
		{name: "a line is far too long", text: append(bytes.Clone(text), bytes.Repeat([]byte("x"), 1<<17)...), kind: audit.ErrChanged, line: 7},
		{name: "the last line is cut off", text: text[:len(text)-1], kind: audit.ErrTruncated, line: 6},
		{name: "the checkpoint is another line", text: text, kind: audit.ErrChanged, line: 6, checkpoints: []audit.Checkpoint{forged}},
		{name: "the checkpoint's line is not there", text: of(1, 2), kind: audit.ErrTruncated, line: 0, checkpoints: []audit.Checkpoint{head}},
		{name: "the checkpoint's chain is not there", text: text, kind: audit.ErrTruncated, line: 0, checkpoints: []audit.Checkpoint{{Replica: "z", Seq: 1, Hash: head.Hash}}},
	} {
		err := verify(c.text, c.checkpoints...)
		require.ErrorIs(t, err, c.kind, c.name)
		var at *audit.LineError
		require.ErrorAs(t, err, &at, c.name)
		require.Equal(t, c.line, at.Line, "%s: %v", c.name, err)
	}
}

func TestAnotherKeyVerifiesNothing(t *testing.T) {
	t.Parallel()
	text, _ := crashedFile(t)
	for _, key := range [][]byte{nil, []byte("another key of another operator")} {
		_, err := audit.Verify(bytes.NewReader(text), audit.VerifyOptions{Key: key})
		require.ErrorIs(t, err, audit.ErrChanged)
	}
}

// Without a key the hashes are no secret: who can write the file can write all of it anew. It is the
// checkpoint that gives them away, or the key.
func TestAChainWithoutAKeyCanBeComputedAnewAndACheckpointShowsIt(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	o := testOptions("a")
	o.Key = nil
	log, err := audit.New(&b, o)
	require.NoError(t, err)
	log.OnEvent(t.Context(), issued("app"))
	head := log.Head()

	var prev string
	var forged strings.Builder
	for _, line := range linesOf(b.Bytes()) {
		line = strings.ReplaceAll(line, "alice", "mallo")
		body, _, ok := strings.Cut(line, `,"prev":"`)
		require.True(t, ok)
		body += `,"prev":"` + prev + `"`
		sum := sha256.Sum256([]byte(body))
		prev = hex.EncodeToString(sum[:])
		forged.WriteString(body + `,"hash":"` + prev + `"}` + "\n")
	}
	_, err = audit.Verify(strings.NewReader(forged.String()), audit.VerifyOptions{})
	require.NoError(t, err, "plain hashes are only as good as the file's permissions")
	_, err = audit.Verify(strings.NewReader(forged.String()), audit.VerifyOptions{Checkpoints: []audit.Checkpoint{head}})
	require.ErrorIs(t, err, audit.ErrChanged)
	_, err = audit.Verify(strings.NewReader(forged.String()), audit.VerifyOptions{Key: testKey})
	require.ErrorIs(t, err, audit.ErrChanged)
}

// A file that was brought back from a copy and then continued is another chain under the same name and
// key: its lines do not fit those that were written meanwhile.
func TestLinesOfAChainThatWentAnotherWayDoNotFit(t *testing.T) {
	t.Parallel()
	var one, other bytes.Buffer
	for text, client := range map[*bytes.Buffer]string{&one: "app", &other: "another"} {
		log, err := audit.New(text, testOptions("a"))
		require.NoError(t, err)
		log.OnEvent(t.Context(), issued(client))
		require.NoError(t, log.Close())
	}
	a, b := linesOf(one.Bytes()), linesOf(other.Bytes())
	require.Equal(t, a[0], b[0])
	verified(t, []byte(a[0]+b[1]))
	err := verify([]byte(a[0] + b[1] + a[2] + "\n"))
	require.ErrorIs(t, err, audit.ErrChanged)
	require.ErrorContains(t, err, "line 3")
}

func TestAStreamThatCannotBeReadIsNoFinding(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	_, err := audit.Verify(iotest.ErrReader(broken), audit.VerifyOptions{})
	require.ErrorIs(t, err, broken)
	var at *audit.LineError
	require.NotErrorAs(t, err, &at)
}

func TestAFileThatContinuesAnotherIsVerifiedFromItsHead(t *testing.T) {
	t.Parallel()
	var first, second bytes.Buffer
	log, err := audit.New(&first, testOptions("a"))
	require.NoError(t, err)
	log.OnEvent(t.Context(), issued("app"))
	require.NoError(t, log.Close())
	o := testOptions("")
	o.After = log.Head()
	next, err := audit.New(&second, o)
	require.NoError(t, err)
	next.OnEvent(t.Context(), issued("app"))

	report, err := audit.Verify(&second, audit.VerifyOptions{Key: testKey, After: []audit.Checkpoint{log.Head()}, Checkpoints: []audit.Checkpoint{next.Head(), log.Head()}})
	require.ErrorIs(t, err, audit.ErrGap, "the older checkpoint is not in this file")
	require.Equal(t, []audit.Chain{{First: 4, Head: next.Head(), Resumed: 1}}, report.Chains)
}

func TestCheckpointsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	_, head := crashedFile(t)
	read, err := audit.ParseCheckpoint(head.String())
	require.NoError(t, err)
	require.Equal(t, head, read)
	for _, text := range []string{"", "a", "a:1", "a:0:" + head.Hash, "a:x:" + head.Hash, "a b:1:" + head.Hash, "a:1:00", head.String() + ":"} {
		_, err := audit.ParseCheckpoint(text)
		require.Error(t, err, text)
	}
}
