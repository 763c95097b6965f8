package redisstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// validPrefix keeps out what has a meaning in a pattern or in the choice of a hash slot.
var validPrefix = regexp.MustCompile(`^[A-Za-z0-9:._/-]{0,64}$`)

func checkOptions(opts Options) error {
	switch {
	case !validPrefix.MatchString(opts.KeyPrefix):
		return fmt.Errorf(`redisstore: the key prefix %q is not up to 64 letters, digits and ":._-/"`, opts.KeyPrefix)
	case opts.WaitReplicas < 0 || opts.WaitTimeout < 0:
		return errors.New("redisstore: WaitReplicas and WaitTimeout are not negative")
	}
	return nil
}

// connect refuses a client that cannot keep the contract, whatever the server does.
func (s *Store) connect(client redis.UniversalClient, opts Options) error {
	s.client, s.replicas, s.waitTimeout = client, opts.WaitReplicas, opts.WaitTimeout
	if s.waitTimeout == 0 {
		s.waitTimeout = time.Second
	}
	var readTimeout time.Duration
	switch client := client.(type) {
	case *redis.Client:
		s.single, readTimeout = client, client.Options().ReadTimeout
	case *redis.ClusterClient:
		s.cluster, readTimeout = client, client.Options().ReadTimeout
		if o := client.Options(); o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			return errors.New("redisstore: the client reads from replicas, which lag: ReadOnly, RouteByLatency and RouteRandomly must be off")
		}
	default:
		// A Ring drops a server that fails, and keeps its records elsewhere from then on.
		return fmt.Errorf("redisstore: the client is a %T, neither a *redis.Client nor a *redis.ClusterClient", client)
	}
	if s.replicas > 0 && readTimeout > 0 && s.waitTimeout >= readTimeout {
		return fmt.Errorf("redisstore: the client's ReadTimeout %v must be above WaitTimeout %v", readTimeout, s.waitTimeout)
	}
	return nil
}

// serverChecks are about what INFO tells of a server.
var serverChecks = []struct {
	complaint string
	applies   func(info map[string]string, opts Options) bool
}{
	{"is older than Redis 6.2", func(info map[string]string, _ Options) bool {
		var major, minor int
		_, err := fmt.Sscanf(info["redis_version"], "%d.%d", &major, &minor)
		return err == nil && (major < 6 || major == 6 && minor < 2)
	}},
	{"is a replica, not the primary", func(info map[string]string, _ Options) bool {
		return info["role"] == "slave"
	}},
	{"evicts records when its memory is full: set its maxmemory-policy to noeviction", func(info map[string]string, opts Options) bool {
		policy := info["maxmemory_policy"]
		return !opts.AllowEviction && info["maxmemory"] != "0" && policy != "" && policy != "noeviction"
	}},
}

func (s *Store) checkServers(ctx context.Context, opts Options) error {
	_, err := await(ctx, func() (any, error) {
		return nil, s.eachPrimary(ctx, func(ctx context.Context, node *redis.Client) error {
			text, err := node.Info(ctx).Result()
			if redis.IsPermissionError(err) || redis.HasErrorPrefix(err, "unknown command") {
				return nil
			}
			if err != nil {
				return err
			}
			var complaints []error
			for _, check := range serverChecks {
				if check.applies(parseInfo(text), opts) {
					complaints = append(complaints, fmt.Errorf("the server %s %s", node.Options().Addr, check.complaint))
				}
			}
			return errors.Join(complaints...)
		})
	})
	return err
}

// parseInfo reads the lines "name:value" of INFO.
func parseInfo(text string) map[string]string {
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}
