// Package probe tells, when a program starts, whether a store can be trusted with authorizations. A
// store that is configured wrongly, such as one that reads from a replica that lags, is found before
// it serves anyone:
//
//	if err := probe.Store(ctx, store); err != nil {
//		return err
//	}
//
// It does not replace package storetest, which proves the whole contract when an adapter is tested.
package probe

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// ErrBroken is wrapped by the error about a store that broke the contract of [oauth2.TokenStore]; the
// text says which sentence of it, and how.
var ErrBroken = errors.New("probe: the store breaks its contract")

const (
	// racers is how many goroutines want the same at once.
	racers = 24
	// patience is how long a quick store is probed. A slow one is probed once.
	patience = 300 * time.Millisecond
	// cleaningTime bounds the deletions after the probe, which no longer heed its context.
	cleaningTime = 5 * time.Second
	// keptFor is the expiry of the records, for the case that the process ends in between.
	keptFor = 10 * time.Minute
)

// Store races a few dozen goroutines for records of its own: creators of one ID, updaters of one
// version, readers that follow a writer, a deleter among updaters. It takes less than half a second if
// the store answers within a few milliseconds, and in proportion if not. The records belong to no
// issuer that a Server has, and are deleted before Store returns.
//
// nil means that the store did nothing wrong. An error that is ErrBroken means that it did, and must
// not be used. Any other error means that it cannot be told, because the store failed or ctx was done
// before it had answered: slow is not broken. An error of the store, and ctx.Err(), are wrapped.
func Store(ctx context.Context, store oauth2.TokenStore) error {
	p := &prober{store: store}
	return errors.Join(p.run(ctx), p.cleanUp(ctx))
}

// A prober makes records, and remembers them.
type prober struct {
	store oauth2.TokenStore
	made  []string
}

func (p *prober) run(ctx context.Context) error {
	for began := time.Now(); ; {
		for _, c := range checks {
			err := c.verify(ctx, p)
			if how, ok := errors.AsType[violation](err); ok {
				return fmt.Errorf("%w: %s: %w", ErrBroken, c.sentence, how)
			}
			if err != nil {
				return fmt.Errorf("probe: %s: cannot tell: %w", c.sentence, err)
			}
		}
		if time.Since(began) > patience {
			return nil
		}
	}
}

// cleanUp deletes what was made. It does so even if ctx is done.
func (p *prober) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleaningTime)
	defer cancel()
	for _, id := range p.made {
		if err := p.store.Delete(ctx, id); err != nil {
			return fmt.Errorf("probe: records are left behind, which expire in %s: %w", keptFor, err)
		}
	}
	return nil
}

// newRecord returns a record that is not stored yet.
func (p *prober) newRecord() *oauth2.Authorization {
	var id [15]byte
	_, _ = rand.Read(id[:]) // crypto/rand never fails
	now := time.Now().UTC().Truncate(time.Millisecond)
	a := &oauth2.Authorization{
		ID:        base64.RawURLEncoding.EncodeToString(id[:]),
		Version:   1,
		Format:    1,
		Issuer:    "urn:oauth2:probe",
		ClientID:  "probe",
		GrantType: "urn:oauth2:probe",
		CreatedAt: now,
		ExpiresAt: now.Add(keptFor),
		EndsAt:    now.Add(keptFor),
	}
	p.made = append(p.made, a.ID)
	return a
}

// begin stores a new record.
func (p *prober) begin(ctx context.Context) (*oauth2.Authorization, error) {
	a := p.newRecord()
	return a, told(p.store.Create(ctx, a))
}

// A violation is how a store broke a sentence.
type violation string

func (v violation) Error() string { return string(v) }

// told tells an outcome that must not be, which is a violation, from a fault, which is none.
func told(err error, expected ...error) error {
	for _, e := range expected {
		if errors.Is(err, e) {
			return nil
		}
	}
	for _, outcome := range []error{oauth2.ErrExists, oauth2.ErrNotFound, oauth2.ErrConflict} {
		if errors.Is(err, outcome) {
			return violation("a call answered: " + outcome.Error())
		}
	}
	return err
}
