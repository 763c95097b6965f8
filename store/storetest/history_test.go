package storetest

import (
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// A span is a call in a history that was made up.
type span struct {
	began, ended int64
	in           input
	out          outcome
}

func made(spans ...span) *history {
	h := &history{clock: new(atomic.Int64)}
	for i, s := range spans {
		if s.out.err == errUnknown {
			s.ended = math.MaxInt64
		}
		h.calls = append(h.calls, porcupine.Operation{ClientId: i, Input: s.in, Call: s.began, Output: s.out, Return: s.ended})
	}
	return h
}

var (
	createA     = input{action: doCreate, version: 1, mark: "A"}
	updateB     = input{action: doUpdate, version: 1, mark: "B"}
	updateC     = input{action: doUpdate, version: 1, mark: "C"}
	get         = input{action: doGet}
	remove      = input{action: doDelete}
	done        = outcome{}
	unknown     = outcome{err: errUnknown}
	conflict    = outcome{err: oauth2.ErrConflict}
	notFound    = outcome{err: oauth2.ErrNotFound}
	foundA      = outcome{version: 1, mark: "A"}
	foundB      = outcome{version: 2, mark: "B"}
	foundC      = outcome{version: 2, mark: "C"}
	foundCAgain = outcome{version: 3, mark: "C"}
)

func TestTheJudgeOfHistoriesIsRight(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		sentence string
		legal    bool
		history  *history
	}{
		{"what was created is found", true,
			made(span{1, 2, createA, done}, span{3, 4, get, foundA})},
		{"what was acknowledged is not overlooked", false,
			made(span{1, 2, createA, done}, span{3, 4, get, notFound})},
		{"what is under way may be overlooked", true,
			made(span{1, 4, createA, done}, span{2, 3, get, notFound})},
		{"what was found is not lost again", false,
			made(span{1, 6, createA, done}, span{2, 3, get, foundA}, span{4, 5, get, notFound})},
		{"an ID is taken once", false,
			made(span{1, 3, createA, done}, span{2, 4, createA, done})},
		{"one of two updates wins", true,
			made(span{1, 2, createA, done}, span{3, 5, updateB, done}, span{4, 6, updateC, conflict}, span{7, 8, get, foundB})},
		{"two updates of one version do not both win", false,
			made(span{1, 2, createA, done}, span{3, 5, updateB, done}, span{4, 6, updateC, done})},
		{"an update that was refused shows nowhere", false,
			made(span{1, 2, createA, done}, span{3, 4, updateB, conflict}, span{5, 6, get, foundB})},
		{"an update does not resurrect", false,
			made(span{1, 2, createA, done}, span{3, 4, remove, done}, span{5, 6, updateB, done})},
		{"a write of unknown outcome may have happened", true,
			made(span{1, 2, createA, done}, span{3, 0, updateB, unknown}, span{5, 6, get, foundB})},
		{"it may never have happened", true,
			made(span{1, 2, createA, done}, span{3, 0, updateB, unknown}, span{5, 6, get, foundA})},
		{"it may happen late", true,
			made(span{1, 2, createA, done}, span{3, 0, updateB, unknown}, span{5, 6, get, foundA}, span{7, 8, get, foundB})},
		{"it does not happen before it began", false,
			made(span{1, 2, createA, done}, span{3, 4, get, foundB}, span{5, 0, updateB, unknown})},
		{"it does not happen to a version that it was not meant for", false,
			made(span{1, 2, createA, done}, span{3, 0, updateC, unknown}, span{4, 5, updateB, done}, span{6, 7, get, foundCAgain})},
		{"it is not undone", false,
			made(span{1, 2, createA, done}, span{3, 0, updateC, unknown}, span{4, 5, get, foundC}, span{6, 7, get, foundA})},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			t.Parallel()
			court := &court{TB: t}
			court.try(test.history.requireLinearizable)
			require.Equal(t, test.legal, !court.verdict.Failed, court.verdict.Log)
			if !test.legal {
				for call := range strings.Lines(test.history.String()) {
					require.Contains(t, court.verdict.Log, call, "the reader is shown the calls")
				}
			}
		})
	}
}

func TestRecordsOfTwoWritesAreTakenForNeither(t *testing.T) {
	t.Parallel()
	a := newRecord()
	mark(a, "A")
	require.Equal(t, "A", markOf(a))
	a.Subject = "B"
	require.NotContains(t, []string{"A", "B"}, markOf(a))
}

func TestFaultIsAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	require.NoError(t, contractError(nil))
	require.Equal(t, oauth2.ErrConflict, contractError(errors.Join(errors.New("update"), oauth2.ErrConflict)))
	require.Equal(t, errUnknown, contractError(errors.New("the disk is on fire")))
}
