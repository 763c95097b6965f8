// Package redisstore keeps authorizations and clients in Redis, or in a server that speaks its
// protocol such as Valkey: on a single server, behind Sentinel, or in a Cluster. It needs version
// 6.2 or newer.
//
// Each authorization is one key, and each change of it is one script or command that is atomic by
// itself, so the store behaves the same for any number of processes and machines. Every command
// touches one hash slot. Redis drops a record by its own clock once [oauth2.Authorization.SweepAfter]
// has passed.
//
// Nothing in Redis is a token or a client's secret in clear: it holds digests and hashes.
//
// Get, Update and Delete are one round trip each, Create is two: the indexes of the subject and of
// the client first, so that no record is missing from them, and then the record. An Update goes to
// the indexes only when the lifetime of a record has doubled. An index drops entries that have run
// out at every Create, and those without a record when [Store.List] meets them.
//
// The user of an ACL needs the keys of the prefix, and the commands DEL, EVAL, EVALSHA, GETEX,
// GETRANGE, PEXPIRE, PEXPIREAT, SET, TIME, ZADD, ZRANGEBYLEX, ZRANGEBYSCORE, ZREM,
// ZREMRANGEBYSCORE, ZREVRANGE and ZSCORE; SCAN to list all records, and WAIT and INFO where they are
// wanted.
//
// # What is promised
//
// While the primary that holds a record lives, or restarts with all that it had, the store keeps the
// whole contract of [oauth2.TokenStore]. A write is sent once, whatever the client's MaxRetries: if
// the connection breaks, its outcome is unknown, and the error is none of ErrExists, ErrConflict and
// ErrNotFound. Records are read from primaries alone, by a command that replicas refuse. When a
// primary refuses writes, because its disk or too few replicas fail it, reads fail too.
//
// # What a restart may lose
//
// That is up to the persistence of Redis:
//
//   - "appendonly yes" with "appendfsync always": nothing that was acknowledged.
//   - "appendfsync everysec", which is Redis's default: the last second or so before a power loss.
//   - Snapshots only, or nothing: all since the last snapshot.
//
// A lost write is as if it had never been made. A code that was redeemed can be redeemed again. A
// refresh token that was replaced is the current one again, and its successor, which the client
// holds, is taken for a stolen one and ends the authorization. What was revoked is back. A client's
// assertion that was used once can be used once more.
//
// # What a failover may lose
//
// Replication is asynchronous: when Sentinel or a Cluster makes a replica the primary, it may lack
// the last writes that were acknowledged, with the consequences above; and while the old primary is
// cut off but alive, those who still reach it read and write what will be lost. No setting rules that
// out. Two make it rarer:
//
//   - [Options] WaitReplicas makes each write wait until replicas have it. Sentinel or the Cluster
//     may still promote another one.
//   - "min-replicas-to-write 1" with a short "min-replicas-max-lag" makes a primary that was cut off
//     refuse writes, and with them the reads of this store, after that time.
//
// Who can accept none of this needs a store with a consensus or one primary, such as an SQL
// database: see package sqlstore.
//
// A failover may also lose the entry of a record in the index of its subject or client, if the two
// are in different slots: a listing then misses it.
//
// # What must not be
//
// A full memory must not evict records: set "maxmemory-policy noeviction". [New] refuses other
// policies. It also refuses a client that reads from replicas, and a Ring.
package redisstore
