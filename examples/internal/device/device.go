// Package device is a client without a browser, such as a television: it asks for a code (RFC 8628), shows
// it as text and as a QR code, polls until its user has answered, and reads the contacts.
package device

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2/examples/internal/discovery"
	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
)

// maxBytes bounds what is read of the API's answer.
const maxBytes = 1 << 20

// Options configure a run. ClientSecret and HTTPClient are optional.
type Options struct {
	// Addr is where the page listens that shows the code. It should be an address of this machine alone.
	Addr   string
	Issuer string
	// Resource is the API: its URL, and its resource indicator (RFC 8707).
	Resource               string
	ClientID, ClientSecret string
	// HTTPClient sends the requests. nil means one with a timeout.
	HTTPClient *http.Client
}

// Run shows a code, waits for the user, and prints the contacts. It ends with the answer, when the code
// expires, or when ctx is done. The error says in words what went wrong.
func Run(ctx context.Context, o Options, out io.Writer) error {
	if o.HTTPClient == nil {
		o.HTTPClient = discovery.NewClient()
	}
	server, err := discovery.NewFinder(o.Issuer, o.HTTPClient).Find(ctx)
	switch {
	case err != nil:
		return err
	case server.DeviceAuthorizationEndpoint == "":
		return fmt.Errorf("the authorization server %s does not serve devices", o.Issuer)
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, o.HTTPClient)
	config := oauth2.Config{
		ClientID:     o.ClientID,
		ClientSecret: o.ClientSecret,
		Scopes:       []string{"contacts.read"},
		Endpoint: oauth2.Endpoint{
			DeviceAuthURL: server.DeviceAuthorizationEndpoint,
			TokenURL:      server.TokenEndpoint,
			AuthStyle:     oauth2.AuthStyleInParams,
		},
	}
	asked := []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("resource", o.Resource)}
	if o.ClientSecret != "" {
		asked = append(asked, oauth2.SetAuthURLParam("client_secret", o.ClientSecret))
	}
	codes, err := config.DeviceAuth(ctx, asked...)
	if err != nil {
		return refused(o, err)
	}
	s, err := newScreen(codes)
	if err != nil {
		return err
	}
	return s.during(ctx, o.Addr, out, func(ctx context.Context) ([]string, error) { return wait(ctx, o, config, codes) })
}

// during shows the screen, in the terminal and as a page, while work is done, and then what came of it.
func (s *screen) during(ctx context.Context, addr string, out io.Writer, work func(context.Context) ([]string, error)) error {
	ln, err := launch.Listen(addr)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- launch.Serve(ctx, ln, s, launch.TLS{}) }()
	_, err = fmt.Fprintf(out, "%s\nThe same is shown on http://%s/\n", s.text(), ln.Addr())
	var lines []string
	if err == nil {
		lines, err = work(ctx)
	}
	s.finish(ctx, lines, err)
	stop()
	if err := errors.Join(err, <-served); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Contacts:\n%s\n", strings.Join(lines, "\n"))
	return err
}

// wait polls until there is a token, and reads the contacts with it.
func wait(ctx context.Context, o Options, config oauth2.Config, codes *oauth2.DeviceAuthResponse) ([]string, error) {
	token, err := config.DeviceAccessToken(ctx, codes)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, errors.New("nobody answered in time")
	case err != nil:
		return nil, refused(o, err)
	}
	lines, err := contacts(ctx, o, token)
	if err != nil {
		return nil, fmt.Errorf("the API %s: %w", o.Resource, err)
	}
	return lines, nil
}

// refused says why there is no token. A server's own words are quoted: they may be anything.
func refused(o Options, err error) error {
	refusal, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case !ok:
		return fmt.Errorf("the authorization server %s cannot be reached: %w", o.Issuer, err)
	case refusal.ErrorCode == "access_denied":
		return errors.New("the user said no")
	case refusal.ErrorCode == "expired_token":
		return errors.New("nobody answered in time")
	}
	return fmt.Errorf("the authorization server %s refused: %q (%q)", o.Issuer, refusal.ErrorCode, refusal.ErrorDescription)
}

// contacts asks the API, and returns a line for each contact.
func contacts(ctx context.Context, o Options, token *oauth2.Token) ([]string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(o.Resource, "/")+"/contacts", nil)
	if err != nil {
		return nil, err
	}
	token.SetAuthHeader(r)
	res, err := o.HTTPClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", res.Status)
	}
	var found []struct{ Name, Email string }
	if err := json.NewDecoder(io.LimitReader(res.Body, maxBytes)).Decode(&found); err != nil {
		return nil, errors.New("its answer is no list of contacts")
	}
	lines := make([]string, 0, len(found))
	for _, c := range found {
		lines = append(lines, fmt.Sprintf("%s <%s>", c.Name, c.Email))
	}
	return lines, nil
}
