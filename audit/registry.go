package audit

import (
	"context"
	"errors"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// A ClientRegistry is a client store whose clients change, such as those of the packages store/memory,
// store/sqlstore and store/redisstore.
type ClientRegistry interface {
	oauth2.ClientStore
	CreateClient(ctx context.Context, c *oauth2.Client) error
	UpdateClient(ctx context.Context, c *oauth2.Client) error
	DeleteClient(ctx context.Context, id string) error
}

// Registry is inner, and tells every change that goes through it: [oauth2.EventClientCreated],
// [oauth2.EventClientChanged] with the names of the members that differ, [oauth2.EventClientDeleted].
// tell is [Log.OnEvent], or the function that is ServerConfig.OnEvent.
//
// A change that was refused is told to its caller alone. One whose outcome the store cannot know is
// told as [oauth2.EventFault]. What names the members that differ was read before the change: where
// two changes of one client run in parallel, it may name those of both.
//
// What clients register and change at the server's own registration endpoint (RFC 7591) does not go
// through it: the server finds inner, and tells ServerConfig.OnEvent itself.
func Registry(inner ClientRegistry, tell func(context.Context, oauth2.Event)) ClientRegistry {
	return &registry{inner, tell}
}

type registry struct {
	ClientRegistry
	tell func(context.Context, oauth2.Event)
}

// Unwrap lets the server find what inner can do.
func (r *registry) Unwrap() oauth2.ClientStore { return r.ClientRegistry }

func (r *registry) CreateClient(ctx context.Context, c *oauth2.Client) error {
	if err := c.Validate(); err != nil {
		return err
	}
	err := r.ClientRegistry.CreateClient(ctx, c)
	r.changed(ctx, oauth2.Event{Type: oauth2.EventClientCreated, ClientID: c.ID, Scope: c.Scope}, err)
	return err
}

func (r *registry) UpdateClient(ctx context.Context, c *oauth2.Client) error {
	if err := c.Validate(); err != nil {
		return err
	}
	before, err := r.Client(ctx, c.ID)
	if err != nil {
		return err
	}
	changed, err := before.Difference(c)
	if err != nil {
		return err
	}
	err = r.ClientRegistry.UpdateClient(ctx, c)
	r.changed(ctx, oauth2.Event{Type: oauth2.EventClientChanged, ClientID: c.ID, Scope: c.Scope, Changed: changed}, err)
	return err
}

func (r *registry) DeleteClient(ctx context.Context, id string) error {
	_, err := r.Client(ctx, id)
	switch {
	case errors.Is(err, oauth2.ErrNotFound):
		return r.ClientRegistry.DeleteClient(ctx, id) // nothing to tell
	case err != nil:
		return err
	}
	err = r.ClientRegistry.DeleteClient(ctx, id)
	r.changed(ctx, oauth2.Event{Type: oauth2.EventClientDeleted, ClientID: id}, err)
	return err
}

// changed tells what came of a change.
func (r *registry) changed(ctx context.Context, e oauth2.Event, err error) {
	switch {
	case errors.Is(err, oauth2.ErrExists) || errors.Is(err, oauth2.ErrNotFound):
		return
	case err != nil:
		e.Type, e.Err = oauth2.EventFault, err
	}
	e.Time = time.Now().UTC().Truncate(time.Millisecond)
	r.tell(ctx, e)
}
