package browsertest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// A slowLog holds up the first request that tells of an event, as a slow disk would.
type slowLog struct {
	slog.Handler
	event          oauth2.EventType
	once           sync.Once
	reached, ahead chan struct{}
}

func newSlowLog(event oauth2.EventType) *slowLog {
	return &slowLog{Handler: slog.DiscardHandler, event: event, reached: make(chan struct{}), ahead: make(chan struct{})}
}

func (s *slowLog) logger() *slog.Logger { return slog.New(s) }

// Enabled implements [slog.Handler].
func (s *slowLog) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements [slog.Handler].
func (s *slowLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message == string(s.event) {
		s.once.Do(func() {
			close(s.reached)
			<-s.ahead
		})
	}
	return nil
}

// wait returns once a request is held up.
func (s *slowLog) wait(t *testing.T) {
	t.Helper()
	select {
	case <-s.reached:
	case <-time.After(patience):
		require.Fail(t, "no request tells of the event")
	}
}

// release lets the request go on.
func (s *slowLog) release() { close(s.ahead) }
