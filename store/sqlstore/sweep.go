package sqlstore

import (
	"context"
	"time"
)

// Sweep implements [oauth2.Sweeper]. It deletes in short statements, between which other calls get
// their turn; the count is right after an error too. It waits for nobody, and nobody waits for it:
// several processes may sweep at once, and share the work.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	swept := 0
	for swept < limit {
		batch := min(limit-swept, s.dialect.sweepBatch)
		n, err := s.sweepBatch(ctx, now.UnixMilli(), batch)
		if err != nil {
			return swept, fault(ctx, "sweep", err)
		}
		swept += n
		if n < batch {
			break
		}
	}
	return swept, nil
}

func (s *Store) sweepBatch(ctx context.Context, before int64, batch int) (int, error) {
	if s.statements[findExpired] == nil {
		return s.exec(ctx, sweepRecords, before, before, batch)
	}
	ids, err := s.expired(ctx, before, batch)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	args := make([]any, 0, 1+s.dialect.sweepBatch)
	args = append(args, before)
	for i := range s.dialect.sweepBatch {
		// The statement has as many placeholders as a full batch needs.
		args = append(args, ids[min(i, len(ids)-1)])
	}
	return s.exec(ctx, sweepRecords, args...)
}

// expired finds the IDs of a batch.
func (s *Store) expired(ctx context.Context, before int64, batch int) (ids [][]byte, err error) {
	rows, err := s.query(ctx, findExpired, before, batch)
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
