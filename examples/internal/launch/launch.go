// Package launch starts and stops the example programs: flags that are environment variables too,
// listeners that say which port is taken, servers that stop cleanly on Ctrl-C.
package launch

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// stopWithin is how long requests under way may take once the program is asked to stop.
const stopWithin = 3 * time.Second

// Main runs a program until it ends by itself or is asked to stop (Ctrl-C, SIGTERM). An error is
// printed and exits with 1.
func Main(name string, run func(ctx context.Context, args []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Parse reads the flags, and for each that is not given the environment variable XMAIL_ plus the
// flag's name in capitals, with an underscore for a hyphen. The command line wins.
func Parse(fs *flag.FlagSet, args []string) error {
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var errs []error
	fs.VisitAll(func(f *flag.Flag) {
		name := EnvName(f.Name)
		value, ok := os.LookupEnv(name)
		if !ok || given[f.Name] {
			return
		}
		if err := fs.Set(f.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	})
	return errors.Join(errs...)
}

// EnvName is the environment variable of a flag.
func EnvName(flagName string) string {
	return "XMAIL_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// Listen opens a TCP listener. The error names the address.
func Listen(addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr) //nolint:noctx // a program that starts has nothing to cancel
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the address %s is taken by another program", addr)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	return ln, nil
}

// URL is where a browser finds what listens on an address. An address without a host is every one of this
// machine, and a browser needs one.
func URL(scheme, addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return scheme + "://" + addr
	}
	return scheme + "://" + net.JoinHostPort(cmp.Or(host, "localhost"), port)
}

// TLS names the files of a certificate and its key. The zero value means plain http.
type TLS struct{ CertFile, KeyFile string }

// Serve answers on ln until ctx is done, then lets requests under way end, for a few seconds at
// most. It closes ln.
func Serve(ctx context.Context, ln net.Listener, handler http.Handler, files TLS) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	failed := make(chan error, 1)
	go func() {
		if files.CertFile != "" {
			// A client may show a certificate; whether it counts is for the handler to say.
			server.TLSConfig = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
			failed <- server.ServeTLS(ln, files.CertFile, files.KeyFile)
		} else {
			failed <- server.Serve(ln)
		}
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if err := server.Shutdown(deadline); err != nil {
		return server.Close()
	}
	return nil
}
