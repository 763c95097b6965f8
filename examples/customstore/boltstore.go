package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/seed5f5fedc6/oauth2"
)

// records is the bucket, from the ID to the document. The document is JSON, as the record's tags
// describe it: fields to come need no change here.
var records = []byte("authorizations")

// A boltStore is an [oauth2.TokenStore] in a bbolt file. It is safe for concurrent use. One process at
// a time has the file open: replicas need another engine.
type boltStore struct {
	db *bolt.DB
	// turn is held by the one that writes. bbolt's own lock is waited for however long it takes, this
	// one for as long as a context allows.
	turn chan struct{}
}

// openStore opens a file that only its owner can read, and creates it if need be. If another process
// has it open, it fails after a second.
func openStore(path string) (*boltStore, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(records)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &boltStore{db: db, turn: make(chan struct{}, 1)}, nil
}

// write runs a transaction, which is atomic, and on the disk before write returns. An error of the
// commit goes to the caller as it is: it is a fault, none of the contract's outcomes, and nothing is
// tried again.
func (s *boltStore) write(ctx context.Context, do func(b *bolt.Bucket) error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return err // nothing has begun, so nothing has changed
	}
	return s.db.Update(func(tx *bolt.Tx) error { return do(tx.Bucket(records)) })
}

// Create looks and writes in one transaction: nobody comes in between.
func (s *boltStore) Create(ctx context.Context, a *oauth2.Authorization) error {
	return s.write(ctx, func(b *bolt.Bucket) error {
		if b.Get([]byte(a.ID)) != nil {
			return oauth2.ErrExists
		}
		return put(b, a, a.Version)
	})
}

// Get decodes inside the transaction, because bbolt's bytes are good no longer than that. What it
// returns is the caller's own.
func (s *boltStore) Get(ctx context.Context, id string) (a *oauth2.Authorization, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.db.View(func(tx *bolt.Tx) error { a, err = get(tx.Bucket(records), id); return err })
	return a, err
}

// Update compares and writes in one transaction. A record that is gone stays gone.
func (s *boltStore) Update(ctx context.Context, a *oauth2.Authorization) error {
	return s.write(ctx, func(b *bolt.Bucket) error {
		stored, err := get(b, a.ID)
		switch {
		case err != nil:
			return err
		case stored.Version != a.Version:
			return oauth2.ErrConflict
		}
		return put(b, a, a.Version+1)
	})
}

// Delete is no error if there is nothing to delete, which bbolt sees as we do.
func (s *boltStore) Delete(ctx context.Context, id string) error {
	return s.write(ctx, func(b *bolt.Bucket) error { return b.Delete([]byte(id)) })
}

// get has no default: what is not there is told.
func get(b *bolt.Bucket, id string) (*oauth2.Authorization, error) {
	if document := b.Get([]byte(id)); document != nil {
		return decode(document)
	}
	return nil, oauth2.ErrNotFound
}

// put leaves the caller's record as it is, also in its version.
func put(b *bolt.Bucket, a *oauth2.Authorization, version int64) error {
	next := *a
	next.Version = version
	document, err := json.Marshal(&next)
	if err != nil {
		return err
	}
	return b.Put([]byte(a.ID), document)
}

func decode(document []byte) (*oauth2.Authorization, error) {
	a := new(oauth2.Authorization)
	return a, json.Unmarshal(document, a)
}
