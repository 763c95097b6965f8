package oauth2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/seed5f5fedc6/oauth2/internal/fetch"
)

// How a document is fetched, kept and told of.

// look returns the client of a document that is kept, or fetches it.
func (m *ClientIDMetadata) look(ctx context.Context, id string, u *url.URL) (*Client, error) {
	now := m.cfg.Now()
	kept, known := m.kept.Get(id, now)
	if known && now.Before(kept.until) {
		return kept.client, nil
	}
	by := Attempt{Kind: AttemptClientMetadata, Addr: addrIn(ctx), Name: u.Host}
	if !known {
		if wait := m.cfg.FailureLimiter.Spent(ctx, by); wait > 0 {
			return nil, m.limited(ctx, by, wait)
		}
	}
	call := m.calls.DoChan(id, func() (any, error) {
		// Whoever asked first may go away, and the others wait for the answer too.
		return m.renew(context.WithoutCancel(ctx), id, u, by)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case done := <-call:
		if done.Err != nil {
			return nil, done.Err
		}
		return done.Val.(*Client), nil
	}
}

// renew fetches a document, and keeps its client. A document that is known may be asked for once in MinAge, all
// others share a budget. One whose host is down is used a while longer.
func (m *ClientIDMetadata) renew(ctx context.Context, id string, u *url.URL, by Attempt) (client *Client, err error) {
	// No server stands above this goroutine that would survive a panic of a hook.
	defer func() {
		if cause := recover(); cause != nil {
			client, err = nil, unavailable(fmt.Errorf("oauth2: a hook panicked: %v", cause))
		}
	}()
	now := m.cfg.Now()
	kept, known := m.kept.Get(id, now)
	if known && now.Before(kept.until) {
		return kept.client, nil // another call has just ended
	}
	if !known {
		if wait := m.cfg.FailureLimiter.Failed(ctx, by); wait > 0 {
			return nil, m.limited(ctx, by, wait)
		}
	}
	document, err := m.fetcher(u).Document(ctx, id, documentMediaTypes...)
	if err == nil {
		client, err = m.read(id, document.Body)
	}
	switch {
	case err == nil:
		m.keep(id, clientDocument{client: client, fetched: now, until: now.Add(m.freshness(document))})
		m.told(ctx, kept.client, client)
		return client, nil
	case isFetchFault(err) && kept.client != nil:
		kept.until = now.Add(m.cfg.MinAge)
		m.keep(id, kept)
		return kept.client, nil
	}
	return nil, m.refused(ctx, id, by, err)
}

// keep keeps a client, at most until its document is MaxAge old.
func (m *ClientIDMetadata) keep(id string, document clientDocument) {
	m.kept.Put(id, document, document.fetched.Add(m.cfg.MaxAge))
}

func (m *ClientIDMetadata) freshness(document fetch.Document) time.Duration {
	fresh := document.Fresh
	if fresh < 0 {
		fresh = defaultDocumentFor
	}
	return min(max(fresh, m.cfg.MinAge), m.cfg.MaxAge)
}

func (m *ClientIDMetadata) fetcher(u *url.URL) *fetch.Fetcher {
	if m.cfg.AllowLoopback && loopbackHost(u.Hostname()) {
		return m.private
	}
	return m.public
}

// isFetchFault reports whether a document could not be fetched, and may be there nevertheless.
func isFetchFault(err error) bool {
	_, read := errors.AsType[*Error](err)
	return !read && fetch.Temporary(err)
}

// refused is the answer where there is no usable document. Nothing of it is kept (CIMD section 5.2).
func (m *ClientIDMetadata) refused(ctx context.Context, id string, by Attempt, err error) error {
	m.kept.Drop(id)
	refusal, read := errors.AsType[*Error](err)
	switch {
	case read:
	case fetch.Temporary(err):
		refusal = ErrTemporarilyUnavailable.With("The client's metadata document cannot be fetched right now.").Because(err)
	default:
		refusal = noSuchClient("The client's metadata document is not answered with 200 and JSON of at most 5 KB, without a redirect, by a public address.", err)
	}
	m.emit(ctx, Event{Type: EventClientMetadataRefused, ClientID: id, Addr: by.Addr, Err: refusal})
	return refusal
}

// limited refuses to fetch beyond the budget of an address or a host.
func (m *ClientIDMetadata) limited(ctx context.Context, by Attempt, wait time.Duration) error {
	refusal := &Error{
		Code: ErrTemporarilyUnavailable.Code, Status: http.StatusTooManyRequests, RetryAfter: wait, Cause: ErrTooManyAttempts,
		Description: "Too many clients were asked for whose metadata documents are not known here; try again later.",
	}
	m.emit(ctx, Event{Type: EventAttemptLimited, Addr: by.Addr, Err: refusal})
	return refusal
}

// told tells that a document was fetched for the first time, or that it says something else than before.
func (m *ClientIDMetadata) told(ctx context.Context, before, client *Client) {
	e := Event{Type: EventClientMetadataFetched, ClientID: client.ID, Scope: client.Scope}
	if before != nil {
		var err error
		if e.Changed, err = before.Difference(client); err == nil && len(e.Changed) == 0 {
			return
		}
	}
	m.emit(ctx, e)
}

func (m *ClientIDMetadata) emit(ctx context.Context, e Event) {
	if m.cfg.OnEvent != nil {
		e.Time = m.cfg.Now().UTC().Truncate(time.Millisecond)
		m.cfg.OnEvent(ctx, e)
	}
}

// noSuchClient tells why a client_id that is a URL names no client. It counts as ErrNotFound.
func noSuchClient(description string, cause error) *Error {
	if cause != nil {
		cause = fmt.Errorf("%w: %w", ErrNotFound, cause)
	} else {
		cause = ErrNotFound
	}
	return ErrInvalidClient.With(description).Because(cause)
}
