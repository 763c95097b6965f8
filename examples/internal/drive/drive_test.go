package drive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStoryAndAttacksHold(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := Run(t.Context(), &out)
	require.NoError(t, err, out.String())
	require.Contains(t, out.String(), fmt.Sprintf("\n%d passed, 0 failed\n", len(story)+len(attacks)))
	require.Greater(t, len(story)+len(attacks), 38)
}

func TestStepThatFailsFailsTheRunAndTheOthersAreStillPlayed(t *testing.T) {
	t.Parallel()
	acts := []act{{"Attacks", []step{
		{"fails", func(context.Context, *stage) (string, error) { return "", errors.New("it got through") }},
		{"holds", func(context.Context, *stage) (string, error) { return "400", nil }},
	}}}
	var out strings.Builder
	require.ErrorIs(t, play(t.Context(), &stage{}, acts, &out), ErrFailed)
	require.Contains(t, out.String(), "FAIL  fails")
	require.Contains(t, out.String(), "it got through")
	require.Contains(t, out.String(), "\n1 passed, 1 failed\n")
}
