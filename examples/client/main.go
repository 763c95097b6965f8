// Command client is spam4All: a web application that asks its users for their contacts at Xmail.
package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
	"github.com/seed5f5fedc6/oauth2/examples/internal/spam4all"
)

func main() { launch.Main("client", run) }

func run(ctx context.Context, args []string) error {
	var o spam4all.Options
	fs := flag.NewFlagSet("client", flag.ContinueOnError)
	addr := fs.String("addr", "localhost:8600", "address to listen on")
	fs.StringVar(&o.Issuer, "issuer", "http://localhost:8620", "the authorization server")
	fs.StringVar(&o.Resource, "resource", "http://localhost:8640", "the contacts API")
	fs.StringVar(&o.ClientID, "client-id", "spam4All", "client identifier")
	fs.StringVar(&o.ClientSecret, "client-secret", "spam4All-demo-secret-0123456789", "its secret")
	if err := launch.Parse(fs, args); err != nil {
		return err
	}
	o.BaseURL = launch.URL("http", *addr)
	handler, err := spam4all.New(o)
	if err != nil {
		return err
	}
	ln, err := launch.Listen(*addr)
	if err != nil {
		return err
	}
	fmt.Printf("Open %s in your browser.\n", o.BaseURL)
	return launch.Serve(ctx, ln, handler, launch.TLS{})
}
