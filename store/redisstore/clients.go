package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/seed5f5fedc6/oauth2"
)

// Clients is an [oauth2.ClientStore] and an [oauth2.ClientRegistry]. It is safe for concurrent use. What one
// process registers, all others see at once.
type Clients struct {
	store *Store
}

// Client implements [oauth2.ClientStore].
func (c *Clients) Client(ctx context.Context, id string) (*oauth2.Client, error) {
	client, _, err := c.read(ctx, id)
	return client, err
}

// read returns a client, and its document as it is stored.
func (c *Clients) read(ctx context.Context, id string) (*oauth2.Client, []byte, error) {
	document, err := c.store.read(ctx, c.store.clientKey(id))
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil, oauth2.ErrNotFound
	case err != nil:
		return nil, nil, fault(ctx, "get client", err)
	}
	client := new(oauth2.Client)
	if err := json.Unmarshal(document, client); err != nil {
		return nil, nil, fmt.Errorf("redisstore: the stored client %q cannot be read: %w", id, err)
	}
	return client, document, nil
}

// CreateClient registers a client. oauth2.ErrExists: the ID is taken. Any other error is that of
// [oauth2.Client.Validate], or a fault of Redis.
func (c *Clients) CreateClient(ctx context.Context, client *oauth2.Client) error {
	return c.set(ctx, "nx", client, "create client", oauth2.ErrExists)
}

// UpdateClient replaces a client. oauth2.ErrNotFound: there is none with this ID. Any other error is
// that of [oauth2.Client.Validate], or a fault of Redis.
func (c *Clients) UpdateClient(ctx context.Context, client *oauth2.Client) error {
	return c.set(ctx, "xx", client, "update client", oauth2.ErrNotFound)
}

// ReplaceClient implements [oauth2.ClientRegistry]. Other errors are those of CreateClient.
func (c *Clients) ReplaceClient(ctx context.Context, old, next *oauth2.Client) error {
	const doing = "replace client"
	if err := next.Validate(); err != nil {
		return err
	}
	stored, before, err := c.read(ctx, next.ID)
	switch {
	case err != nil:
		return err
	case !stored.Equal(old):
		return oauth2.ErrConflict
	}
	document, err := json.Marshal(next)
	if err != nil {
		return fault(ctx, doing, err)
	}
	reply, err := c.store.eval(ctx, replaceClientScript, []string{c.store.clientKey(next.ID)}, document, before)
	return outcome(ctx, doing, reply, err)
}

// DeleteClient removes a client. Deleting what is not there is no error. The client's authorizations
// stay: see [oauth2.Server.ExpireClient].
func (c *Clients) DeleteClient(ctx context.Context, id string) error {
	if err := c.store.del(ctx, c.store.clientKey(id)); err != nil {
		return fault(ctx, "delete client", err)
	}
	return nil
}

// set writes a whole client. otherwise is the outcome when the condition does not hold.
func (c *Clients) set(ctx context.Context, condition string, client *oauth2.Client, doing string, otherwise error) error {
	if err := client.Validate(); err != nil {
		return err
	}
	document, err := json.Marshal(client)
	if err != nil {
		return fault(ctx, doing, err)
	}
	key := c.store.clientKey(client.ID)
	switch _, err := c.store.write(ctx, key, "set", key, document, condition); {
	case errors.Is(err, redis.Nil):
		return otherwise
	case err != nil:
		return fault(ctx, doing, err)
	}
	return nil
}
