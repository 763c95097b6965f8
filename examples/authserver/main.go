// Command authserver is Xmail's authorization server. Started without flags it needs nothing but a
// free port: it has clients and users of its own, and keeps what happens in a SQLite file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
)

func main() { launch.Main("authserver", run) }

func run(ctx context.Context, args []string) (err error) {
	var options authserver.Options
	fs := flag.NewFlagSet("authserver", flag.ContinueOnError)
	options.Flags(fs)
	if err := launch.Parse(fs, args); err != nil {
		return err
	}
	switch {
	case options.VerifyAudit != "":
		return authserver.VerifyAudit(os.Stdout, options)
	case options.Lint:
		return authserver.Lint(ctx, os.Stdout, options)
	}
	ln, err := launch.Listen(options.Addr)
	if err != nil {
		return err
	}
	app, err := authserver.New(ctx, options)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	fmt.Print(app.Banner())
	return launch.Serve(ctx, ln, app, launch.TLS{CertFile: options.TLSCert, KeyFile: options.TLSKey})
}
