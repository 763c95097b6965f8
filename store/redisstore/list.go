package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/seed5f5fedc6/oauth2"
)

// pageSize is the most records that are read at once.
const pageSize = 256

// List implements [oauth2.Lister]. A limit below 1 is an error.
//
// By subject or client it reads an index, and drops the entries that it finds without a record.
// Without either it walks through all keys of the database, once for every page: that is for
// administration, and may miss records while hash slots move between the nodes of a cluster.
func (s *Store) List(ctx context.Context, q oauth2.ListQuery) ([]*oauth2.Authorization, error) {
	if q.Limit < 1 {
		return nil, fmt.Errorf("redisstore: list: the limit %d is below 1", q.Limit)
	}
	next := s.walk
	switch {
	case q.Subject != "":
		next = s.reader(s.subjectIndex(q.Subject), func(a *oauth2.Authorization) bool { return a.Subject == q.Subject })
	case q.ClientID != "":
		next = s.reader(s.clientIndex(q.ClientID), func(a *oauth2.Authorization) bool { return a.ClientID == q.ClientID })
	}
	var found []*oauth2.Authorization
	for size := min(q.Limit, pageSize); ; size = min(2*size, pageSize) {
		records, last, err := next(ctx, q.After, size)
		if err != nil {
			return nil, fault(ctx, "list", err)
		}
		for _, a := range records {
			if q.ClientID == "" || a.ClientID == q.ClientID {
				found = append(found, a)
			}
		}
		if len(found) >= q.Limit || last == "" {
			return found[:min(len(found), q.Limit)], nil
		}
		q.After = last
	}
}

// A source reads the records of the next size IDs after a given one, and returns the last of these
// IDs, or "" if there are no more. Some IDs may have no record.
type source func(ctx context.Context, after string, size int) (records []*oauth2.Authorization, last string, err error)

// reader reads the records of an index and drops entries that do not belong in it.
func (s *Store) reader(i index, belongs func(*oauth2.Authorization) bool) source {
	return func(ctx context.Context, after string, size int) ([]*oauth2.Authorization, string, error) {
		p, err := s.page(ctx, i, after, size)
		if err != nil {
			return nil, "", err
		}
		all, err := s.records(ctx, p.ids)
		if err != nil {
			return nil, "", err
		}
		var records []*oauth2.Authorization
		var stray []string
		for n, a := range all {
			if a != nil && belongs(a) {
				records = append(records, a)
			} else {
				stray = append(stray, p.ids[n])
			}
		}
		if len(stray) > 0 {
			if err := s.drop(ctx, i, p.readAt, stray); err != nil {
				return nil, "", err
			}
		}
		return records, lastOf(p.ids, size), nil
	}
}

// walk is the source of all records.
func (s *Store) walk(ctx context.Context, after string, size int) ([]*oauth2.Authorization, string, error) {
	var mu sync.Mutex
	var ids []string
	_, err := await(ctx, func() (any, error) {
		return nil, s.eachPrimary(ctx, func(ctx context.Context, node *redis.Client) error {
			keys := node.Scan(ctx, 0, s.recordKey("*"), 1000).Iterator()
			for keys.Next(ctx) {
				id := strings.TrimPrefix(keys.Val(), s.recordKey(""))
				mu.Lock()
				if ids = append(ids, id); len(ids) > 4*pageSize {
					ids = smallest(ids, after, size)
				}
				mu.Unlock()
			}
			return keys.Err()
		})
	})
	if err != nil {
		return nil, "", err
	}
	ids = smallest(ids, after, size)
	all, err := s.records(ctx, ids)
	if err != nil {
		return nil, "", err
	}
	records := slices.DeleteFunc(all, func(a *oauth2.Authorization) bool { return a == nil })
	return records, lastOf(ids, size), nil
}

// smallest are the first n of the IDs after a given one, in order and each once.
func smallest(ids []string, after string, n int) []string {
	ids = slices.DeleteFunc(ids, func(id string) bool { return id <= after })
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return ids[:min(len(ids), n)]
}

func lastOf(ids []string, size int) string {
	if len(ids) < size {
		return ""
	}
	return ids[len(ids)-1]
}

// records are those of the IDs, nil where there is none.
func (s *Store) records(ctx context.Context, ids []string) ([]*oauth2.Authorization, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	keys := make([]string, len(ids))
	for n, id := range ids {
		keys[n] = s.recordKey(id)
	}
	values, err := s.readAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	records := make([]*oauth2.Authorization, len(ids))
	for n, value := range values {
		if value == nil {
			continue
		}
		if records[n], err = decode(value); err != nil {
			return nil, err
		}
	}
	return records, nil
}
