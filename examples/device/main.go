// Command device plays a television: it shows a code, waits until its user enters that on another device
// and says yes, and reads the user's contacts.
package main

import (
	"context"
	"flag"
	"os"

	"github.com/seed5f5fedc6/oauth2/examples/internal/device"
	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
)

func main() { launch.Main("device", run) }

func run(ctx context.Context, args []string) error {
	var o device.Options
	fs := flag.NewFlagSet("device", flag.ContinueOnError)
	fs.StringVar(&o.Addr, "addr", "127.0.0.1:0", "`address` of the page that shows the code; port 0 is any free one")
	fs.StringVar(&o.Issuer, "issuer", "http://localhost:8620", "the authorization server")
	fs.StringVar(&o.Resource, "resource", "http://localhost:8640", "the contacts API")
	fs.StringVar(&o.ClientID, "client-id", "xmail-tv", "client identifier")
	fs.StringVar(&o.ClientSecret, "client-secret", "", "its secret (default none: the device is a public client)")
	if err := launch.Parse(fs, args); err != nil {
		return err
	}
	return device.Run(ctx, o, os.Stdout)
}
