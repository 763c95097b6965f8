package faults

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

// aReplicaIsKilled kills one replica after the other in the midst of the load, and starts it anew.
func aReplicaIsKilled(f *fleet) func(context.Context) {
	return func(ctx context.Context) {
		for _, r := range f.replicas {
			pause(ctx, 700*time.Millisecond)
			r.kill()
			pause(ctx, 300*time.Millisecond)
			f.start(r)
		}
		pause(ctx, 500*time.Millisecond)
	}
}

func TestReplicasOverOneSQLiteFileAreKilled(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 2, "sqlite:"+filepath.Join(t.TempDir(), "store.db"))
	f.disturb(aReplicaIsKilled(f))
}

func TestTheOnlyWriterOfASQLiteFileIsKilled(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1, "sqlite:"+filepath.Join(t.TempDir(), "store.db"))
	f.disturb(func(ctx context.Context) {
		for range 3 {
			aReplicaIsKilled(f)(ctx)
		}
	})
}
