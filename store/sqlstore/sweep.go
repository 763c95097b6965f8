package sqlstore

import (
	"context"
	"slices"
	"time"
)

// sweepWindow is how many IDs are looked up at once, where rows are found before they are deleted.
const sweepWindow = 10_000

// Sweep implements [oauth2.Sweeper]. It deletes in short statements, between which other calls get
// their turn; the count is right after an error too. Several processes may sweep at once, and delete
// each record once.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	some := s.sweepBatch
	if s.statements[findExpired] != nil {
		some = s.sweepFound
	}
	swept := 0
	for more := true; more && swept < limit; {
		var n int
		var err error
		n, more, err = some(ctx, now.UnixMilli(), limit-swept)
		swept += n
		if err != nil {
			return swept, fault(ctx, "sweep", err)
		}
	}
	return swept, nil
}

// sweepBatch deletes in one statement, and reports whether there may be more.
func (s *Store) sweepBatch(ctx context.Context, before int64, limit int) (n int, more bool, err error) {
	limit = min(limit, s.dialect.sweepBatch)
	n, err = s.exec(ctx, sweepRecords, before, before, limit)
	return n, n == limit, err
}

// sweepFound finds what has expired and deletes it, in several statements.
func (s *Store) sweepFound(ctx context.Context, before int64, limit int) (n int, more bool, err error) {
	limit = min(limit, sweepWindow)
	ids, err := s.expired(ctx, before, limit)
	if err != nil {
		return 0, false, err
	}
	for batch := range slices.Chunk(ids, s.dialect.sweepBatch) {
		args := []any{before}
		for i := range s.dialect.sweepBatch {
			// The statement has as many placeholders as a full batch needs.
			args = append(args, batch[min(i, len(batch)-1)])
		}
		deleted, err := s.exec(ctx, sweepRecords, args...)
		n += deleted
		if err != nil {
			return n, false, err
		}
	}
	return n, len(ids) == limit, nil
}

// expired finds the IDs of records that have expired.
func (s *Store) expired(ctx context.Context, before int64, limit int) (ids [][]byte, err error) {
	rows, err := s.query(ctx, findExpired, before, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
