package device_test

import (
	"context"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"rsc.io/qr"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/browser"
	"github.com/seed5f5fedc6/oauth2/examples/internal/contacts"
	"github.com/seed5f5fedc6/oauth2/examples/internal/device"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmailtest"
	"github.com/seed5f5fedc6/oauth2/internal/testlog"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

const television = "xmail-tv"

// newWorld starts an authorization server that asks on a page, and the contacts API.
func newWorld(t *testing.T) device.Options {
	var api http.Handler
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { api.ServeHTTP(w, r) }))
	t.Cleanup(listener.Close)
	server := xmailtest.Start(t, listener.URL, "https://spam4all.example.com/callback", func(cfg *oauth2.ServerConfig) {
		cfg.Grants = []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.RefreshGrant{}, oauth2.DeviceGrant{Interval: time.Second}}
		cfg.Consent = ask
		clients := cfg.Clients.(*memory.Clients)
		for _, c := range []*oauth2.Client{
			{ID: television, GrantTypes: []string{oauth2.GrantDeviceCode}, Scope: oauth2.Scope{"contacts.read"}},
			{ID: "recorder", Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret("recorder-secret")}}, GrantTypes: []string{oauth2.GrantDeviceCode}, Scope: oauth2.Scope{"contacts.read"}},
		} {
			require.NoError(t, clients.CreateClient(t.Context(), c))
		}
	})
	var err error
	api, err = contacts.New(contacts.Options{
		Issuer: server.Issuer(), Resource: listener.URL, ClientID: xmailtest.API, ClientSecret: xmailtest.SecretOf(xmailtest.API),
	})
	require.NoError(t, err)
	return device.Options{Addr: "127.0.0.1:0", Issuer: server.Issuer(), Resource: listener.URL, ClientID: television}
}

func ask(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
	switch {
	case req.Answered && r.PostFormValue("decision") == "yes":
		return &oauth2.Approval{Subject: "alice"}, nil
	case req.Answered:
		return nil, oauth2.ErrAccessDenied
	}
	w.Header().Set("Content-Type", "text/html")
	_, err := fmt.Fprintf(w, `<form id="consent" method="post"><input type="hidden" name="form_token" value="%s"></form>`, req.FormToken)
	if err != nil {
		return nil, err
	}
	return nil, oauth2.ErrAnswered
}

// A run is a device under way, and what its terminal shows.
type run struct {
	t     *testing.T
	ended chan error
	testlog.Buffer
	text chan struct{} // closed with the first text
	once sync.Once
}

func start(ctx context.Context, t *testing.T, o device.Options) *run {
	r := &run{t: t, ended: make(chan error, 1), text: make(chan struct{})}
	go func() {
		r.ended <- device.Run(ctx, o, r)
		r.once.Do(func() { close(r.text) })
	}()
	<-r.text
	return r
}

func (r *run) Write(p []byte) (int, error) {
	defer r.once.Do(func() { close(r.text) })
	return r.Buffer.Write(p)
}

// find is the first group of a pattern in the terminal.
func (r *run) find(pattern string) string {
	r.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(r.String())
	require.NotNil(r.t, m, r.String())
	return m[1]
}

const (
	codePattern = `\n    ([BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4})\n`
	pagePattern = `shown on (http://127\.0\.0\.1:\d+/)\n`
)

// answer is what the user does.
func (r *run) answer(o device.Options, decision string) {
	r.t.Helper()
	b := browser.New()
	page, err := b.Open(r.t.Context(), o.Issuer+"/device?user_code="+r.find(codePattern))
	require.NoError(r.t, err)
	form, err := page.Form("consent")
	require.NoError(r.t, err)
	done, err := b.Submit(r.t.Context(), form, "", "decision", decision)
	require.NoError(r.t, err)
	require.Contains(r.t, done.Text, `id="device-done"`)
}

func get(t *testing.T, address string) (string, *http.Response) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(body), res
}

func TestTheDeviceReadsTheContactsOnceItsUserSaidYes(t *testing.T) {
	t.Parallel()
	o := newWorld(t)
	r := start(t.Context(), t, o)
	page := r.find(pagePattern)
	body, res := get(t, page)
	require.Contains(t, body, r.find(codePattern))
	require.NotEmpty(t, res.Header.Get("Refresh"))
	r.answer(o, "yes")
	require.Eventually(t, func() bool {
		body, res = get(t, page)
		return strings.Contains(body, `id="contacts"`)
	}, time.Minute, 20*time.Millisecond)
	require.Contains(t, body, "@")
	require.Empty(t, res.Header.Get("Refresh"))
	require.NoError(t, <-r.ended)
	require.Contains(t, r.String(), "Contacts:\n")
	require.Contains(t, r.String(), "@")
	require.NotContains(t, r.String(), "at_")
	require.NotContains(t, r.String(), "dc_")
}

func TestADeviceWithASecretProvesIt(t *testing.T) {
	t.Parallel()
	o := newWorld(t)
	o.ClientID, o.ClientSecret = "recorder", "recorder-secret"
	r := start(t.Context(), t, o)
	r.answer(o, "yes")
	require.NoError(t, <-r.ended)
	require.NotContains(t, r.String(), o.ClientSecret)
}

func TestTheDeviceShowsItsCodeAsTextAndAsAQRCode(t *testing.T) {
	t.Parallel()
	o := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	r := start(ctx, t, o)
	require.Contains(t, r.String(), o.Issuer+"/device ")
	want, err := qr.Encode(o.Issuer+"/device?user_code="+r.find(codePattern), qr.M)
	require.NoError(t, err)

	picture, res := get(t, r.find(pagePattern)+"qr.png")
	require.Equal(t, "image/png", res.Header.Get("Content-Type"))
	image, err := png.Decode(strings.NewReader(picture))
	require.NoError(t, err)
	scale := image.Bounds().Dx() / (want.Size + 8)
	var lines [][]rune // of the terminal
	for line := range strings.Lines(r.String()) {
		if strings.ContainsAny(line, "█▀▄") {
			lines = append(lines, []rune(line))
		}
	}
	for y := range want.Size {
		for x := range want.Size {
			shade, _, _, _ := image.At((x+4)*scale, (y+4)*scale).RGBA()
			require.Equal(t, want.Black(x, y), shade == 0)
			half := lines[(y+2)/2][x+2]
			lit := half == '█' || half == '▀' && y%2 == 0 || half == '▄' && y%2 == 1
			require.Equal(t, want.Black(x, y), !lit, "%d, %d", x, y)
		}
	}
	_, res = get(t, r.find(pagePattern)+"elsewhere")
	require.Equal(t, http.StatusNotFound, res.StatusCode)
	stop()
	require.Error(t, <-r.ended)
}

func TestAUserWhoSaysNoIsToldInWords(t *testing.T) {
	t.Parallel()
	o := newWorld(t)
	r := start(t.Context(), t, o)
	r.answer(o, "no")
	require.EqualError(t, <-r.ended, "the user said no")
}

func TestAFailureIsToldInWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*testing.T, *device.Options)
		words  string
	}{
		"no server is there": {func(_ *testing.T, o *device.Options) { o.Issuer = "http://127.0.0.1:1" }, "cannot be reached"},
		"an unknown client":  {func(_ *testing.T, o *device.Options) { o.ClientID = "nobody" }, "invalid_client"},
		"a wrong secret":     {func(_ *testing.T, o *device.Options) { o.ClientID, o.ClientSecret = "recorder", "wr0ng" }, "invalid_client"},
		"the wrong client": {func(_ *testing.T, o *device.Options) {
			o.ClientID, o.ClientSecret = xmailtest.Client, xmailtest.SecretOf(xmailtest.Client)
		}, "unauthorized_client"},
		"an unknown resource":     {func(_ *testing.T, o *device.Options) { o.Resource = "http://127.0.0.1:1" }, "invalid_target"},
		"an address that is none": {func(_ *testing.T, o *device.Options) { o.Addr = "127.0.0.1:x" }, "cannot listen"},
		"a server without devices": {func(t *testing.T, o *device.Options) {
			o.Issuer = xmailtest.Start(t, o.Resource, "https://spam4all.example.com/callback").Issuer()
		}, "does not serve devices"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newWorld(t)
			c.change(t, &o)
			err := device.Run(t.Context(), o, io.Discard)
			require.ErrorContains(t, err, c.words)
			require.NotContains(t, err.Error(), "wr0ng")
		})
	}
}
