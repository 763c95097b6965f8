package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrTooFewReplicas is returned by a write that fewer replicas have acknowledged in time than
// [Options] asks for. Its outcome is unknown: the primary may have it now, and lose it by a failover.
var ErrTooFewReplicas = errors.New("redisstore: acknowledged by too few replicas")

// maxRedirects bounds how often one write follows a hash slot that moves.
const maxRedirects = 4

// A connection is where the commands go.
type connection struct {
	client redis.UniversalClient
	// One of the two is the client, and the other nil.
	single  *redis.Client
	cluster *redis.ClusterClient
	// replicas is how many must acknowledge a write within waitTimeout.
	replicas    int
	waitTimeout time.Duration
}

// once is a command that go-redis never sends again after a failure, whatever the client's
// MaxRetries: the server may have executed it. A redirect to another node is followed, because the
// node that redirects has not executed it.
type once struct{ *redis.Cmd }

// NoRetry tells go-redis so.
func (once) NoRetry() bool { return true }

// write sends a command on a key once, and waits for the replicas. redis.Nil: the reply is null.
func (c *connection) write(ctx context.Context, key string, args ...any) (any, error) {
	if c.replicas == 0 {
		return c.send(ctx, args...)
	}
	return await(ctx, func() (any, error) { return c.replicate(ctx, key, args) })
}

// send sends a command once.
func (c *connection) send(ctx context.Context, args ...any) (any, error) {
	return await(ctx, func() (any, error) {
		cmd := once{redis.NewCmd(ctx, args...)}
		_ = c.client.Process(ctx, cmd) // the command has the error
		return cmd.Result()
	})
}

// eval runs a script on the keys of one hash slot, at most once.
func (c *connection) eval(ctx context.Context, s script, keys []string, args ...any) (any, error) {
	command := []any{"evalsha", s.sha1, len(keys)}
	for _, key := range keys {
		command = append(command, key)
	}
	command = append(command, args...)
	run := func() (any, error) {
		if s.records {
			return c.write(ctx, keys[0], command...)
		}
		return c.send(ctx, command...)
	}
	reply, err := run()
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		// The server has not executed it: it does not know the script yet.
		command[0], command[1] = "eval", s.source
		return run()
	}
	return reply, err
}

// read is the value of a key. redis.Nil: there is none. go-redis may repeat it.
//
// GETEX without an option changes nothing, but counts as a write: a replica refuses it, even one
// that was the primary when the connection was made, and so does a primary that has too few
// replicas for its min-replicas-to-write.
func (c *connection) read(ctx context.Context, key string) ([]byte, error) {
	return await(ctx, func() ([]byte, error) {
		cmd := getex(ctx, key)
		_ = c.client.Process(ctx, cmd) // the command has the error
		return cmd.Bytes()
	})
}

// getex is not the client's method GetEx, which would send PERSIST.
func getex(ctx context.Context, key string) *redis.StringCmd {
	return redis.NewStringCmd(ctx, "getex", key)
}

// readAll are the values of keys in any hash slots, nil where there is none.
func (c *connection) readAll(ctx context.Context, keys []string) ([][]byte, error) {
	return await(ctx, func() ([][]byte, error) {
		commands := make([]*redis.StringCmd, len(keys))
		_, _ = c.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for i, key := range keys {
				commands[i] = getex(ctx, key)
				_ = pipe.Process(ctx, commands[i])
			}
			return nil
		}) // each command has its own error
		values := make([][]byte, len(keys))
		for i, cmd := range commands {
			value, err := cmd.Bytes()
			if err != nil && !errors.Is(err, redis.Nil) {
				return nil, err
			}
			values[i] = value
		}
		return values, nil
	})
}

// replicate sends a command to the primary of its key, and waits for the replicas on the same
// connection: WAIT is about the writes of its own connection. So it must follow the redirects
// itself.
func (c *connection) replicate(ctx context.Context, key string, args []any) (any, error) {
	primary, err := c.primaryOf(ctx, key)
	asking := false
	for range maxRedirects {
		if err != nil {
			return nil, err
		}
		var reply any
		reply, err = c.writeAndWait(ctx, primary, asking, args)
		address, moved := redis.IsMovedError(err)
		if !moved {
			if address, asking = redis.IsAskError(err); !asking {
				return reply, err
			}
		}
		primary, err = c.primaryAt(ctx, address)
	}
	return nil, errors.New("the hash slot keeps moving")
}

func (c *connection) writeAndWait(ctx context.Context, primary *redis.Client, asking bool, args []any) (any, error) {
	cmd := once{redis.NewCmd(ctx, args...)}
	wait := redis.NewIntCmd(ctx, "wait", c.replicas, c.waitTimeout.Milliseconds())
	_, _ = primary.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		if asking {
			_ = pipe.Process(ctx, redis.NewStatusCmd(ctx, "asking"))
		}
		_ = pipe.Process(ctx, cmd)
		_ = pipe.Process(ctx, wait)
		return nil
	}) // each command has its own error
	reply, err := cmd.Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	acknowledged, waitErr := wait.Result()
	switch {
	case waitErr != nil:
		return nil, fmt.Errorf("%w: %w", ErrTooFewReplicas, waitErr)
	case acknowledged < int64(c.replicas):
		return nil, fmt.Errorf("%w: %d of %d", ErrTooFewReplicas, acknowledged, c.replicas)
	}
	return reply, err
}

func (c *connection) primaryOf(ctx context.Context, key string) (*redis.Client, error) {
	if c.cluster == nil {
		return c.single, nil
	}
	return c.cluster.MasterForKey(ctx, key)
}

// primaryAt finds the primary that another one has redirected to.
func (c *connection) primaryAt(ctx context.Context, address string) (*redis.Client, error) {
	var found atomic.Pointer[redis.Client]
	err := c.eachPrimary(ctx, func(_ context.Context, node *redis.Client) error {
		if node.Options().Addr == address {
			found.Store(node)
		}
		return nil
	})
	if err == nil && found.Load() == nil {
		err = fmt.Errorf("redirected to %s, which is no primary", address)
	}
	return found.Load(), err
}

// eachPrimary calls do for every primary that is known now, in Cluster mode for several at a time.
func (c *connection) eachPrimary(ctx context.Context, do func(ctx context.Context, node *redis.Client) error) error {
	if c.cluster == nil {
		return do(ctx, c.single)
	}
	return c.cluster.ForEachMaster(ctx, do)
}

// await ends with its context. go-redis alone looks at a context before it sends, and then waits
// for as long as the client's ReadTimeout. What was begun goes on, and nobody learns how it ends.
func await[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	done := make(chan result, 1)
	go func() {
		value, err := call()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// fault is an error of Redis or of the way to it, which is none of the outcomes that a store tells
// apart.
func fault(ctx context.Context, doing string, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return fmt.Errorf("redisstore: %s: %w", doing, err)
}
