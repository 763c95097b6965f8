package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/seed5f5fedc6/oauth2"
)

// List implements [oauth2.Lister], and with it connected apps and "log out everywhere". It looks at
// every record, which does for some ten thousand. For more, keep a bucket of Subject || ID and one of
// ClientID || ID, in the same transactions as the records.
func (s *boltStore) List(ctx context.Context, q oauth2.ListQuery) ([]*oauth2.Authorization, error) {
	if q.Limit < 1 {
		return nil, fmt.Errorf("boltstore: list: the limit %d is below 1", q.Limit)
	}
	return s.find(ctx, q.After, q.Limit, func(a *oauth2.Authorization) bool {
		return (q.Subject == "" || a.Subject == q.Subject) && (q.ClientID == "" || a.ClientID == q.ClientID)
	})
}

// Sweep implements [oauth2.Sweeper], because bbolt expires nothing by itself. It looks at every record,
// while others read and write. It deletes a hundred at a time, and looks again before it does: what
// was extended in between stays.
func (s *boltStore) Sweep(ctx context.Context, now time.Time, limit int) (n int, err error) {
	expired := func(a *oauth2.Authorization) bool { return a.SweepAfter().Before(now) }
	found, err := s.find(ctx, "", limit, expired)
	for batch := range slices.Chunk(found, 100) {
		deleted := 0
		if err := s.write(ctx, func(b *bolt.Bucket) error {
			for _, a := range batch {
				if stored, err := get(b, a.ID); err != nil || !expired(stored) {
					continue
				}
				if err := b.Delete([]byte(a.ID)); err != nil {
					return err
				}
				deleted++
			}
			return nil
		}); err != nil {
			return n, err
		}
		n += deleted
	}
	return n, err
}

// find returns the first records after an ID that match. bbolt keeps keys in the order of their bytes,
// which is the order that a Lister has.
func (s *boltStore) find(ctx context.Context, after string, limit int, matches func(*oauth2.Authorization) bool) (found []*oauth2.Authorization, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(records).Cursor()
		for id, document := c.Seek([]byte(after)); id != nil && len(found) < limit && ctx.Err() == nil; id, document = c.Next() {
			a, err := decode(document)
			if err != nil {
				return err
			}
			if a.ID != after && matches(a) {
				found = append(found, a)
			}
		}
		return ctx.Err()
	})
	return found, err
}
