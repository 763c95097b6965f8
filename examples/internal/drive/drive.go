// Package drive plays the story of the examples without a person: a browser that clicks, and then an
// attacker who tries what must be refused. The servers are the real ones, on free ports of this
// machine, over a temporary SQLite file.
package drive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
	"github.com/seed5f5fedc6/oauth2/examples/internal/spam4all"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmail"
)

// ErrFailed is returned when a step did not go as it must.
var ErrFailed = errors.New("the demo did not hold")

// A step is one thing that must happen, or must be refused. It returns in a few words what was
// answered, and an error if that was wrong.
type step struct {
	name string
	play func(context.Context, *stage) (answer string, err error)
}

// Run plays the story and the attacks, prints a line for each, and fails with ErrFailed unless all of
// them hold.
func Run(ctx context.Context, out io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "xmail-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	clock := &clock{}
	site, err := xmail.Listen(xmail.Addresses{AuthServer: "127.0.0.1:0", Client: "127.0.0.1:0", API: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	err = site.Build(ctx, authserver.Options{
		Store:   "sqlite:" + filepath.Join(folder, "authserver.db"),
		Clients: clients(site.ClientURL, site.APIURL),
		Users:   map[string]string{"alice": "wonderland", "bob": "builder"},
		Log:     slog.New(slog.DiscardHandler),
		Now:     clock.Now,
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- site.Serve(ctx) }()
	err = play(ctx, newStage(site, clock), acts, out)
	stop()
	return errors.Join(err, <-served)
}

// An act is a part of the table.
type act struct {
	title string
	steps []step
}

var acts = []act{{"The story", story}, {"Attacks, all to be refused", attacks}}

// play runs every step, also after one that failed: the table is to be whole.
func play(ctx context.Context, s *stage, acts []act, out io.Writer) error {
	passed, failed := 0, 0
	for _, act := range acts {
		fmt.Fprintf(out, "\n%s\n", act.title)
		for _, step := range act.steps {
			answer, err := step.play(ctx, s)
			mark := "ok  "
			if err != nil {
				mark, answer = "FAIL", err.Error()
				failed++
			} else {
				passed++
			}
			fmt.Fprintf(out, "  %s  %-66s %s\n", mark, step.name, answer)
		}
	}
	fmt.Fprintf(out, "\n%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		return ErrFailed
	}
	return ctx.Err()
}

// stranger is a second confidential client, which tries to use what is not its own.
const stranger = "stranger"

// clients are the story's, with the redirect URI and the API of this run's ports, and a stranger.
func clients(clientURL, apiURL string) []*oauth2.Client {
	secret := func(id string) []oauth2.ClientSecret {
		return []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf(id))}}
	}
	codeAndRefresh := []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken}
	return []*oauth2.Client{
		{ID: xmail.ClientID, Secrets: secret(xmail.ClientID), GrantTypes: codeAndRefresh, Scope: oauth2.Scope{"contacts.read"},
			RedirectURIs: []string{clientURL + spam4all.CallbackPath}},
		{ID: stranger, Secrets: secret(stranger), GrantTypes: codeAndRefresh, Scope: oauth2.Scope{"contacts.read", "contacts.stats"},
			RedirectURIs: []string{"https://stranger.example/callback"}},
		{ID: xmail.APIID, Secrets: secret(xmail.APIID), GrantTypes: []string{}, ResourceServer: true, Resources: []string{apiURL}},
		{ID: xmail.DeviceID, GrantTypes: []string{oauth2.GrantDeviceCode, oauth2.GrantRefreshToken}, Scope: oauth2.Scope{"contacts.read"}},
		{ID: xmail.MachineID, Secrets: secret(xmail.MachineID), GrantTypes: []string{oauth2.GrantClientCredentials}, Scope: oauth2.Scope{"contacts.stats"}},
	}
}

func secretOf(clientID string) string { return clientID + xmail.DemoSecret }

// A clock runs as fast as the real one, and can be moved ahead.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time                 { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(interval time.Duration) { c.ahead.Add(int64(interval)) }
