// Command machine gets a token for itself and asks the contacts API for statistics.
package main

import (
	"context"
	"flag"
	"os"

	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
	"github.com/seed5f5fedc6/oauth2/examples/internal/machine"
)

func main() { launch.Main("machine", run) }

func run(ctx context.Context, args []string) error {
	var o machine.Options
	fs := flag.NewFlagSet("machine", flag.ContinueOnError)
	fs.StringVar(&o.Issuer, "issuer", "http://localhost:8620", "the authorization server")
	fs.StringVar(&o.Resource, "resource", "http://localhost:8640", "the contacts API")
	fs.StringVar(&o.ClientID, "client-id", "xmail-stats", "client identifier")
	fs.StringVar(&o.ClientSecret, "client-secret", "xmail-stats-demo-secret-0123456789", "its secret")
	if err := launch.Parse(fs, args); err != nil {
		return err
	}
	return machine.Run(ctx, o, os.Stdout)
}
