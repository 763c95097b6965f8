package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/seed5f5fedc6/oauth2"
)

// Clients is an [oauth2.ClientStore] and an [oauth2.ClientRegistry]. It is safe for concurrent use. What one
// process registers, all others see at once.
type Clients struct {
	db *database
}

// Client implements [oauth2.ClientStore].
func (c *Clients) Client(ctx context.Context, id string) (*oauth2.Client, error) {
	client, _, err := c.read(ctx, id)
	return client, err
}

// read returns a client, and its document as it is stored.
func (c *Clients) read(ctx context.Context, id string) (*oauth2.Client, string, error) {
	var document []byte
	switch err := c.db.one(ctx, getClient, id, &document); {
	case errors.Is(err, oauth2.ErrNotFound):
		return nil, "", err
	case err != nil:
		return nil, "", fault(ctx, "get client", err)
	}
	client := new(oauth2.Client)
	if err := json.Unmarshal(document, client); err != nil {
		return nil, "", fmt.Errorf("sqlstore: the stored client %q cannot be read: %w", id, err)
	}
	return client, string(document), nil
}

// CreateClient registers a client. oauth2.ErrExists: the ID is taken. Any other error is that of
// [oauth2.Client.Validate], or a fault of the database.
func (c *Clients) CreateClient(ctx context.Context, client *oauth2.Client) error {
	return c.put(ctx, createClient, client, "create client", oauth2.ErrExists)
}

// UpdateClient replaces a client. oauth2.ErrNotFound: there is none with this ID. Any other error is
// that of [oauth2.Client.Validate], or a fault of the database.
func (c *Clients) UpdateClient(ctx context.Context, client *oauth2.Client) error {
	return c.put(ctx, updateClient, client, "update client", oauth2.ErrNotFound)
}

// ReplaceClient implements [oauth2.ClientRegistry]. Other errors are those of CreateClient.
func (c *Clients) ReplaceClient(ctx context.Context, old, next *oauth2.Client) error {
	if err := next.Validate(); err != nil {
		return err
	}
	stored, document, err := c.read(ctx, next.ID)
	switch {
	case err != nil:
		return err
	case !stored.Equal(old):
		return oauth2.ErrConflict
	}
	return c.put(ctx, replaceClient, next, "replace client", oauth2.ErrConflict, document)
}

// DeleteClient removes a client. Deleting what is not there is no error. The client's authorizations
// stay: see [oauth2.Server.ExpireClient].
func (c *Clients) DeleteClient(ctx context.Context, id string) error {
	if _, err := c.db.exec(ctx, deleteClient, id); err != nil {
		return fault(ctx, "delete client", err)
	}
	return nil
}

// put writes a whole client. otherwise is the outcome when the statement found nothing to do; more are
// its further arguments.
func (c *Clients) put(ctx context.Context, q query, client *oauth2.Client, doing string, otherwise error, more ...any) error {
	if err := client.Validate(); err != nil {
		return err
	}
	if len(client.ID) > maxKey {
		return fault(ctx, doing, errTooLong)
	}
	document, err := json.Marshal(client)
	if err != nil {
		return fault(ctx, doing, err)
	}
	switch n, err := c.db.exec(ctx, q, append([]any{string(document), client.ID}, more...)...); {
	case err != nil:
		return fault(ctx, doing, err)
	case n == 0:
		return otherwise
	}
	return nil
}
