package oauth2_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/secrecy"
)

// A watch remembers the secrets that pass in the tests of this package, and all that their servers tell.
type watch struct {
	*secrecy.Recorder
	mu   sync.Mutex
	told bytes.Buffer
}

// suite is that of the whole run. It is nil while inputs are made up, with each of which it would grow.
var suite *watch

// tell takes an event, its error and every cause of that.
func (w *watch) tell(e oauth2.Event) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(&w.told, "%+v\n", e)
	for err := e.Err; err != nil; err = errors.Unwrap(err) {
		fmt.Fprintf(&w.told, "%v %+v\n", err, err)
	}
}

// leaks are the kinds of secrets that were told, and the refusals that repeat one.
func (w *watch) leaks() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append(w.Find(w.told.String()), w.Echoes()...)
}

// TestMain looks for the secrets of all tests in what was told, once they are over.
func TestMain(m *testing.M) {
	flag.Parse()
	if given("test.fuzz") || given("test.fuzzworker") {
		os.Exit(m.Run())
	}
	suite = &watch{Recorder: secrecy.New()}
	direct.Transport = suite.Through(direct.Transport)
	code := m.Run()
	if leaks := suite.leaks(); len(leaks) > 0 {
		fmt.Fprintf(os.Stderr, "secrets were told in events, errors or refusals: %s\n", strings.Join(leaks, ", "))
		code = 1
	}
	os.Exit(code)
}

func given(name string) bool {
	f := flag.Lookup(name)
	return f != nil && f.Value.String() != f.DefValue
}

// A leak is an error that quotes what it was given.
type leak string

func (l leak) Error() string { return "cannot read " + string(l) }

// everySecret makes every kind of secret pass, and returns one of each.
func everySecret(w *world) map[string]string {
	query := codeRequest()
	page := w.ask(query)
	secrets := map[string]string{"form_token": formTokenIn(page.body), "code_verifier": verifier, "client_secret": secretOf(webApp)}
	for _, c := range (&http.Response{Header: page.header}).Cookies() {
		secrets["cookie"] = c.Value
	}
	secrets["code"] = w.decide(query, secrets["form_token"], "yes").location(w.t).Get("code")
	got := w.post("/token", webApp, redemption(secrets["code"]))
	secrets["access_token"], secrets["refresh_token"] = got.str("access_token"), got.str("refresh_token")
	return secrets
}

func TestEveryKindOfSecretWouldBeFoundInAnEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for what, secret := range everySecret(w) {
		require.NotEmpty(t, secret, what)
		told := &watch{Recorder: suite.Recorder}
		told.tell(w.last())
		require.Empty(t, told.Find(told.told.String()), "before %s", what)
		told.tell(oauth2.Event{Type: oauth2.EventFault, Err: oauth2.ErrServerError.Because(leak(secret))})
		require.Contains(t, told.Find(told.told.String()), what)
	}
}

func TestWhatEveryServerOfTheTestsTellsIsSearched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused(t, w.token(webApp, "grant_type", "marker-of-this-test"), 400, "unsupported_grant_type")
	suite.mu.Lock()
	defer suite.mu.Unlock()
	require.Contains(t, suite.told.String(), w.url)
}

// plantLeak is set for a run of this package's tests that must fail.
const plantLeak = "PLANT_A_LEAK"

func TestALeakFailsThePackage(t *testing.T) {
	t.Parallel()
	if what := os.Getenv(plantLeak); what != "" {
		w := newWorld(t)
		w.remember(t.Context(), oauth2.Event{Type: oauth2.EventFault, Err: leak(everySecret(w)[what])})
		return
	}
	for what, found := range map[string]bool{"refresh_token": true, "nothing": false} {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestALeakFailsThePackage$")
		again.Env = append(os.Environ(), plantLeak+"="+what)
		output, err := again.CombinedOutput()
		require.Equal(t, found, err != nil, "%s", output)
		require.Equal(t, found, strings.Contains(string(output), "were told in events, errors or refusals: refresh_token\n"), "%s", output)
	}
}
