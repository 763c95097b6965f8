// Command resource is the contacts API of Xmail: a resource server.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"

	"github.com/seed5f5fedc6/oauth2/examples/internal/contacts"
	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
)

func main() { launch.Main("resource", run) }

func run(ctx context.Context, args []string) error {
	var o contacts.Options
	fs := flag.NewFlagSet("resource", flag.ContinueOnError)
	addr := fs.String("addr", "localhost:8640", "address to listen on")
	fs.StringVar(&o.Issuer, "issuer", "http://localhost:8620", "the authorization server")
	fs.StringVar(&o.Resource, "resource", "", "resource indicator of this API (default http://ADDR)")
	fs.StringVar(&o.ClientID, "client-id", "xmail-contacts", "client identifier of this API")
	fs.StringVar(&o.ClientSecret, "client-secret", "xmail-contacts-demo-secret-0123456789", "its secret")
	if err := launch.Parse(fs, args); err != nil {
		return err
	}
	o.Resource = cmp.Or(o.Resource, launch.URL("http", *addr))
	handler, err := contacts.New(o)
	if err != nil {
		return err
	}
	ln, err := launch.Listen(*addr)
	if err != nil {
		return err
	}
	fmt.Printf("The contacts API is %s and trusts %s.\n", o.Resource, o.Issuer)
	return launch.Serve(ctx, ln, handler, launch.TLS{})
}
