// Package machine is a client without a user: it gets a token for itself (RFC 6749 section 4.4) and
// asks Xmail for statistics.
package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/seed5f5fedc6/oauth2/examples/internal/discovery"
)

// maxBytes bounds what is read of the API's answer.
const maxBytes = 64 << 10

// Options configure a run. All but HTTPClient are required.
type Options struct {
	Issuer string
	// Resource is the API: its URL, and its resource indicator (RFC 8707).
	Resource               string
	ClientID, ClientSecret string
	// HTTPClient sends the requests. nil means one with a timeout.
	HTTPClient *http.Client
}

// Run gets a token, gets the statistics, and prints them. The error says in words what went wrong.
func Run(ctx context.Context, o Options, out io.Writer) error {
	if o.HTTPClient == nil {
		o.HTTPClient = discovery.NewClient()
	}
	server, err := discovery.NewFinder(o.Issuer, o.HTTPClient).Find(ctx)
	if err != nil {
		return err
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, o.HTTPClient)
	config := clientcredentials.Config{
		ClientID:       o.ClientID,
		ClientSecret:   o.ClientSecret,
		TokenURL:       server.TokenEndpoint,
		Scopes:         []string{"contacts.stats"},
		EndpointParams: url.Values{"resource": {o.Resource}},
		AuthStyle:      oauth2.AuthStyleInHeader,
	}
	token, err := config.Token(ctx)
	if err != nil {
		return noToken(o, err)
	}
	stats, err := getStats(ctx, o, token)
	if err != nil {
		return fmt.Errorf("the API %s: %w", o.Resource, err)
	}
	_, err = fmt.Fprintf(out, "%s has a token for %q.\n%s/contacts/stats: %s\n", o.ClientID, "contacts.stats", o.Resource, stats)
	return err
}

// noToken says why there is none. A server's own words are quoted: they may be anything.
func noToken(o Options, err error) error {
	refusal, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case !ok:
		return fmt.Errorf("the authorization server %s cannot be reached: %w", o.Issuer, err)
	case refusal.ErrorCode == "":
		return fmt.Errorf("the authorization server %s answered %s", o.Issuer, refusal.Response.Status)
	}
	return fmt.Errorf("the authorization server %s refused a token: %q (%q)", o.Issuer, refusal.ErrorCode, refusal.ErrorDescription)
}

func getStats(ctx context.Context, o Options, token *oauth2.Token) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(o.Resource, "/")+"/contacts/stats", nil)
	if err != nil {
		return "", err
	}
	token.SetAuthHeader(r)
	res, err := o.HTTPClient.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBytes))
	switch {
	case err != nil:
		return "", err
	case res.StatusCode != http.StatusOK:
		return "", fmt.Errorf("it answered %s", res.Status)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, body); err != nil {
		return "", errors.New("its answer is no JSON")
	}
	return line.String(), nil
}
