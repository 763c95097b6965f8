// Program mcp is a Model Context Protocol server with tools over the contacts that Xmail keeps, and the
// authorization server that its clients find by themselves. All that protects it stands in site.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
	"github.com/seed5f5fedc6/oauth2/examples/internal/stores"
)

func main() { launch.Main("mcp", run) }

func run(ctx context.Context, args []string) (err error) {
	var o options
	fs := flag.NewFlagSet("mcp", flag.ContinueOnError)
	addr := fs.String("addr", "localhost:8660", "`address` to listen on")
	fs.StringVar(&o.store, "store", "", stores.Usage)
	fs.Func("origins", "web `origins` whose pages may call the MCP server, separated by commas (default its own)", func(text string) error {
		o.origins = strings.Split(text, ",")
		return nil
	})
	if err := launch.Parse(fs, args); err != nil {
		return err
	}
	ln, err := launch.Listen(*addr)
	if err != nil {
		return err
	}
	base := launch.URL("http", *addr)
	site, err := newSite(ctx, base, o)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer func() { err = errors.Join(err, site.Close()) }()
	fmt.Printf("An MCP server at %s/mcp, for alice (wonderland) and bob (builder).\nstore   %s\n", base, site.stores.Name)
	return launch.Serve(ctx, ln, site, launch.TLS{})
}
