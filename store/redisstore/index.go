package redisstore

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A record is filed in its indexes before it is stored, so that none is ever missing from them. An
// entry without a record is dropped when a listing meets it; but the record may still be on its way,
// and then the entry must stay. Hence the two times, both by the clock of the server:
const (
	// onItsWay is how long after it was filed a record may still be stored. A page of an index is
	// good for dropping entries for as long.
	onItsWay = time.Minute
	// filedOfLate is for how long an entry is not dropped: twice onItsWay, and more because the
	// clocks of the servers of a cluster differ.
	filedOfLate = 5 * onItsWay
)

// An index holds the IDs of the records of one subject or one client. It is the beginning of the
// names of its keys.
type index string

func (i index) keys() []string {
	return []string{string(i) + "ids", string(i) + "until", string(i) + "filed"}
}

// file puts an ID into indexes, and returns until when its record may be stored, in milliseconds.
func (s *Store) file(ctx context.Context, id string, p place) (until int64, err error) {
	var wg sync.WaitGroup
	times, errs := make([]int64, len(p.indexes)), make([]error, len(p.indexes))
	for n, i := range p.indexes {
		wg.Go(func() { times[n], errs[n] = s.fileIn(ctx, i, id, p.until) })
	}
	wg.Wait()
	until = never
	for n := range p.indexes {
		if errs[n] != nil {
			return 0, errs[n]
		}
		until = min(until, times[n]+onItsWay.Milliseconds())
	}
	return until, nil
}

// never is later than any time, in milliseconds, and exact in Lua.
const never = int64(1) << 53

func (s *Store) fileIn(ctx context.Context, i index, id string, until int64) (int64, error) {
	reply, err := s.eval(ctx, fileScript, i.keys(), id, until, filedOfLate.Milliseconds())
	if err != nil {
		return 0, err
	}
	now, ok := reply.(int64)
	if !ok {
		return 0, unexpected(reply)
	}
	return now, nil
}

// A page is a part of an index.
type page struct {
	ids []string
	// readAt is the server's time, in milliseconds.
	readAt int64
}

func (s *Store) page(ctx context.Context, i index, after string, limit int) (p page, err error) {
	reply, err := s.eval(ctx, pageScript, i.keys(), after, limit, filedOfLate.Milliseconds())
	if err != nil {
		return page{}, err
	}
	parts, ok := reply.([]any)
	if !ok || len(parts) != 2 {
		return page{}, unexpected(reply)
	}
	readAt, isTime := parts[0].(int64)
	ids, isList := parts[1].([]any)
	if !isTime || !isList {
		return page{}, unexpected(reply)
	}
	p.readAt = readAt
	for _, part := range ids {
		id, ok := part.(string)
		if !ok {
			return page{}, unexpected(reply)
		}
		p.ids = append(p.ids, id)
	}
	return p, nil
}

// drop removes IDs of a page whose records were not found after it was read.
func (s *Store) drop(ctx context.Context, i index, readAt int64, ids []string) error {
	args := []any{readAt, onItsWay.Milliseconds(), filedOfLate.Milliseconds()}
	for _, id := range ids {
		args = append(args, id)
	}
	_, err := s.eval(ctx, dropScript, i.keys(), args...)
	return err
}

func unexpected(reply any) error { return fmt.Errorf("unexpected reply of type %T", reply) }
