package mcp

import (
	"context"

	"github.com/seed5f5fedc6/oauth2"
)

// named holds a document to the members that the revision requires beyond the draft (client registration,
// section 1.1): it has a client_name. Whatever else accept wants, if there is one, comes behind that.
func named(accept func(context.Context, *oauth2.Client) (bool, error)) func(context.Context, *oauth2.Client) (bool, error) {
	return func(ctx context.Context, c *oauth2.Client) (bool, error) {
		if c.Name == "" || accept == nil {
			return c.Name != "", nil
		}
		return accept(ctx, c)
	}
}
