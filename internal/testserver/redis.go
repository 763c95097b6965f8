package testserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis starts a Redis that loses nothing it has acknowledged, not even when it is killed. Further
// arguments are those of redis-server, such as "--maxmemory", "100mb".
func Redis(t testing.TB, args ...string) (addr string, server *Process) {
	t.Helper()
	return redisServer(t, freePort(t), append([]string{"--appendonly", "yes", "--appendfsync", "always"}, args...)...)
}

// redisServer starts a server in a folder of its own, which it finds again when it starts anew.
func redisServer(t testing.TB, port int, args ...string) (string, *Process) {
	t.Helper()
	program := binary(t, "redis-server", "redis-server")
	addr := loopback(port)
	args = append([]string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", t.TempDir(), "--save", "",
		"--repl-diskless-sync-delay", "0"}, args...)
	command := func() *exec.Cmd { return exec.Command(program, args...) }
	return addr, start(t, command, func() error { return ping(addr) })
}

// ping reports what keeps a server from serving. The Redis client would log each attempt.
func ping(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, startWithin)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(conn, "PING\r\n")
	reply := ""
	if err == nil {
		reply, err = bufio.NewReader(conn).ReadString('\n')
	}
	if err == nil && reply != "+PONG\r\n" {
		err = errors.New(reply)
	}
	return errors.Join(err, conn.Close())
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// askRedis calls do with a connection of its own.
func askRedis(addr string, do func(ctx context.Context, c *redis.Client) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialerRetries: 1})
	return errors.Join(do(ctx, client), client.Close())
}

// await repeats ask until it returns nil, or ends the test.
func await(t testing.TB, what string, ask func() error) {
	t.Helper()
	deadline := time.Now().Add(startWithin)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// clusterPrimaries is how many share the hash slots. Each has a replica.
const clusterPrimaries = 3

// RedisCluster starts a Redis Cluster, and returns the addresses of its primaries and then of their
// replicas. It fails over within a few seconds.
func RedisCluster(t testing.TB) (addrs []string) {
	t.Helper()
	var ports, busPorts []int
	for range 2 * clusterPrimaries {
		port, busPort := freePort(t), freePort(t)
		addr, _ := redisServer(t, port, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(busPort),
			"--cluster-node-timeout", "2000")
		ports, busPorts = append(ports, port), append(busPorts, busPort)
		addrs = append(addrs, addr)
	}
	ids := make([]string, len(addrs))
	for i, addr := range addrs {
		err := askRedis(addr, func(ctx context.Context, c *redis.Client) (err error) {
			if ids[i], err = c.Do(ctx, "cluster", "myid").Text(); err != nil || i >= clusterPrimaries {
				return err
			}
			const slots = 16384
			first, last := i*slots/clusterPrimaries, (i+1)*slots/clusterPrimaries-1
			return errors.Join(c.Do(ctx, "cluster", "set-config-epoch", i+1).Err(), c.ClusterAddSlotsRange(ctx, first, last).Err())
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range addrs[1:] {
		err := askRedis(addrs[0], func(ctx context.Context, c *redis.Client) error {
			return c.Do(ctx, "cluster", "meet", "127.0.0.1", ports[i+1], busPorts[i+1]).Err()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, addr := range addrs[clusterPrimaries:] {
		// The replica must have heard of its primary first.
		await(t, "replicate", func() error {
			return askRedis(addr, func(ctx context.Context, c *redis.Client) error { return c.ClusterReplicate(ctx, ids[i]).Err() })
		})
	}
	for i, addr := range addrs {
		await(t, "join the cluster", func() error { return inCluster(addr, i >= clusterPrimaries) })
	}
	return addrs
}

// inCluster reports what is missing until a node knows the whole cluster.
func inCluster(addr string, replica bool) error {
	return askRedis(addr, func(ctx context.Context, c *redis.Client) error {
		cluster, err := c.ClusterInfo(ctx).Result()
		if err != nil {
			return err
		}
		shards, err := c.ClusterShards(ctx).Result()
		if err != nil {
			return err
		}
		replicas := 0
		for _, shard := range shards {
			replicas += len(shard.Nodes) - 1
		}
		if !strings.Contains(cluster, "cluster_state:ok") || replicas < clusterPrimaries {
			return fmt.Errorf("%d replicas, %s", replicas, cluster)
		}
		if replica {
			return requireInfo(ctx, c, "master_link_status:up")
		}
		return nil
	})
}

func requireInfo(ctx context.Context, c *redis.Client, line string) error {
	info, err := c.Info(ctx, "replication").Result()
	if err == nil && !strings.Contains(info, line+"\r\n") {
		err = fmt.Errorf("not %s: %s", line, info)
	}
	return err
}

// A Sentinel watches over a primary and its replica, and makes the replica the primary within a few
// seconds when the primary is gone.
type Sentinel struct {
	// Addr is the sentinel's, and MasterName what it calls the primary.
	Addr, MasterName string
	// PrimaryAddr and ReplicaAddr are as they were at the start.
	PrimaryAddr, ReplicaAddr string
	Primary, Replica         *Process
}

// RedisSentinel starts a primary, its replica and one sentinel, which has the replica take over when the primary
// has not answered for a time.
func RedisSentinel(t testing.TB, down time.Duration) *Sentinel {
	t.Helper()
	s := &Sentinel{MasterName: "primary"}
	s.PrimaryAddr, s.Primary = Redis(t)
	s.ReplicaAddr, s.Replica = RedisReplica(t, s.PrimaryAddr)
	host, port, err := net.SplitHostPort(s.PrimaryAddr)
	if err != nil {
		t.Fatal(err)
	}
	own := freePort(t)
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	lines := []string{
		fmt.Sprintf("port %d", own), "bind 127.0.0.1",
		fmt.Sprintf("sentinel monitor %s %s %s 1", s.MasterName, host, port),
		fmt.Sprintf("sentinel down-after-milliseconds %s %d", s.MasterName, down.Milliseconds()),
		fmt.Sprintf("sentinel failover-timeout %s 5000", s.MasterName),
	}
	if err := os.WriteFile(config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	program := binary(t, "redis-server", "redis-server")
	s.Addr = loopback(own)
	start(t, func() *exec.Cmd { return exec.Command(program, config, "--sentinel") },
		func() error { return ping(s.Addr) })
	await(t, "find the replica", s.knowsReplica)
	return s
}

func (s *Sentinel) knowsReplica() error {
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	client := redis.NewSentinelClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, DialerRetries: 1})
	replicas, err := client.Replicas(ctx, s.MasterName).Result()
	if err == nil && len(replicas) == 0 {
		err = errors.New("the sentinel knows no replica yet")
	}
	return errors.Join(err, client.Close())
}

// RedisReplica starts a replica, and waits until its primary counts on it.
func RedisReplica(t testing.TB, primaryAddr string) (addr string, server *Process) {
	t.Helper()
	host, port, err := net.SplitHostPort(primaryAddr)
	if err != nil {
		t.Fatal(err)
	}
	addr, server = Redis(t, "--replicaof", host+" "+port)
	await(t, "follow the primary", func() error {
		return errors.Join(
			askRedis(addr, func(ctx context.Context, c *redis.Client) error { return requireInfo(ctx, c, "master_link_status:up") }),
			askRedis(primaryAddr, countReplica))
	})
	return addr, server
}

func countReplica(ctx context.Context, primary *redis.Client) error {
	replicas, err := primary.Wait(ctx, 1, 100*time.Millisecond).Result()
	if err == nil && replicas == 0 {
		err = errors.New("the primary has no replica that is up to date")
	}
	return err
}
