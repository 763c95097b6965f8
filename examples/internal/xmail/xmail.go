// Package xmail starts the three servers of the story in one process: Xmail's authorization server,
// the client spam4All, and Xmail's contacts API.
package xmail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
	"github.com/seed5f5fedc6/oauth2/examples/internal/contacts"
	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
	"github.com/seed5f5fedc6/oauth2/examples/internal/spam4all"
)

// The clients of the story. The secret of each but the device is the ID and DemoSecret.
const (
	ClientID   = "spam4All"
	APIID      = "xmail-contacts"
	MachineID  = "xmail-stats"
	DeviceID   = "xmail-tv"
	DemoSecret = "-demo-secret-0123456789"
)

// Addresses are where the three servers listen. Port 0 is any free one.
type Addresses struct{ AuthServer, Client, API string }

// DefaultAddresses are those that the examples have when they are started one by one.
var DefaultAddresses = Addresses{AuthServer: "localhost:8620", Client: "localhost:8600", API: "localhost:8640"}

// A Site is the three servers, listening but not yet serving.
type Site struct {
	// Issuer, ClientURL and APIURL are where a browser finds the servers.
	Issuer, ClientURL, APIURL string
	// Server is the authorization server, once it is built.
	Server *authserver.App

	listeners [3]net.Listener
	handlers  [3]http.Handler
}

// Listen opens all listeners before anything is served; if one address is taken, none is kept.
func Listen(addresses Addresses) (*Site, error) {
	s := &Site{}
	urls := []*string{&s.Issuer, &s.ClientURL, &s.APIURL}
	for i, addr := range []string{addresses.AuthServer, addresses.Client, addresses.API} {
		ln, err := launch.Listen(addr)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.listeners[i] = ln
		*urls[i] = urlOf(addr, ln)
	}
	return s, nil
}

// urlOf keeps the host name as it was asked for: cookies and redirect URIs depend on it.
func urlOf(addr string, ln net.Listener) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://" + ln.Addr().String()
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return "http://" + addr
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Build makes the three handlers. The options' addresses, issuer and resource are the Site's.
func (s *Site) Build(ctx context.Context, options authserver.Options) (err error) {
	options.Issuer, options.Resource = s.Issuer, s.APIURL
	if s.Server, err = authserver.New(ctx, options); err != nil {
		return errors.Join(fmt.Errorf("authserver: %w", err), s.close())
	}
	client, err := spam4all.New(spam4all.Options{
		BaseURL: s.ClientURL, Issuer: s.Issuer, Resource: s.APIURL,
		ClientID: ClientID, ClientSecret: ClientID + DemoSecret, Now: options.Now,
	})
	if err != nil {
		return errors.Join(err, s.close())
	}
	api, err := contacts.New(contacts.Options{
		Issuer: s.Issuer, Resource: s.APIURL,
		ClientID: APIID, ClientSecret: APIID + DemoSecret, Logger: options.Log,
	})
	if err != nil {
		return errors.Join(err, s.close())
	}
	s.handlers = [3]http.Handler{s.Server, client, api}
	return nil
}

// Serve answers until ctx is done, then stops all three and closes the store.
func (s *Site) Serve(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, len(s.listeners))
	for i := range s.listeners {
		go func() {
			ended <- launch.Serve(ctx, s.listeners[i], s.handlers[i], launch.TLS{})
			stop() // the story needs all three
		}()
	}
	var errs []error
	for range s.listeners {
		errs = append(errs, <-ended)
	}
	return errors.Join(append(errs, s.Server.Close())...)
}

func (s *Site) close() error {
	var errs []error
	for _, ln := range s.listeners {
		if ln != nil {
			errs = append(errs, ln.Close())
		}
	}
	if s.Server != nil {
		errs = append(errs, s.Server.Close())
	}
	return errors.Join(errs...)
}

// Banner tells where to begin.
func (s *Site) Banner() string {
	return fmt.Sprintf("Open %s in a browser.\n\nclient  %s\nAPI     %s\n%s", s.ClientURL, s.ClientURL, s.APIURL, s.Server.Banner())
}
