// Package app is the application that every measured server is embedded in: its clients, its user, and
// where it listens. It imports little, so that what a program weighs is its server's.
package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// The clients. Both are confidential and authenticate by HTTP Basic.
const (
	Machine       = "machine"
	MachineSecret = "m6f0N0zq1mVd8nJ3pQw5xYb7cTk2sHgR9uLeAiOzX4E" //nolint:gosec // for measuring alone
	MachineScope  = "stats"
	Web           = "web-app"
	WebSecret     = "w2rT8yU1iO5pA7sD9fG3hJ6kL0zX4cV8bN1mQ5wE7tY" //nolint:gosec // as above
	WebScope      = "offline_access"
	RedirectURI   = "https://app.example.com/callback"
)

// Subject is the resource owner, who has been asked already and said yes. Issuer is where every server
// believes to be.
const (
	Subject = "alice"
	Issuer  = "https://id.example.com"
)

// Serve serves on a free port of loopback until its standard input ends, and prints the address first.
// It does not return.
func Serve(h http.Handler) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // for as long as the process lives
	Must(err)
	fmt.Fprintln(os.Stdout, listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // an end by error is an end
		os.Exit(0)
	}()
	Must((&http.Server{Handler: h, ReadHeaderTimeout: time.Minute}).Serve(listener))
}

// Must ends the program if there is an error.
func Must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
