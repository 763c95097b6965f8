// Program demo starts Xmail's authorization server, the client spam4All and Xmail's contacts API in
// one process. With -drive it plays the story without a browser, attacks the servers, and exits 0
// only if everything went as it must.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
	"github.com/seed5f5fedc6/oauth2/examples/internal/drive"
	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmail"
)

func main() { launch.Main("demo", run) }

func run(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	driven := fs.Bool("drive", false, "play the story and the attacks without a browser, on free ports, and exit")
	store := fs.String("store", "", "as authserver's -store")
	if err := launch.Parse(fs, args); err != nil {
		return err
	}
	if *driven {
		return drive.Run(ctx, os.Stdout)
	}
	site, err := xmail.Listen(xmail.DefaultAddresses)
	if err != nil {
		return err
	}
	if err := site.Build(ctx, authserver.Options{Store: *store}); err != nil {
		return err
	}
	fmt.Print(site.Banner())
	return site.Serve(ctx)
}
