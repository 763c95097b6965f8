// Package faults tests the example server as an operator would fear for it: replicas are killed and
// databases go away in the middle of the load, and what was acknowledged must still hold.
package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testserver"
)

// program is the example server, built once.
var program string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "faults")
	if err == nil {
		program = filepath.Join(folder, "authserver")
		var out []byte
		if out, err = exec.Command("go", "build", "-o", program, "../../authserver").CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

const (
	appID     = "app"
	appSecret = "a-secret-of-the-tests"
	redirect  = "https://app.example.com/callback"
	password  = "open sesame"
	people    = 6
)

// A fleet is replicas of the example server over one store, behind a load balancer without
// stickiness that tries nothing twice.
type fleet struct {
	t        *testing.T
	issuer   string
	args     []string
	replicas []*replica
	next     atomic.Uint64
	// finished counts the rounds that ended as they should.
	finished atomic.Int64
}

// A replica is one process.
type replica struct {
	addr string
	mu   sync.Mutex
	cmd  *exec.Cmd
	log  *os.File
}

// startFleet starts n replicas over a store.
func startFleet(t *testing.T, n int, store string) *fleet {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &fleet{t: t, issuer: "http://" + ln.Addr().String()}
	// A lost answer is asked for again for as long as a minute; none may be taken for a theft then.
	f.args = []string{"-issuer", f.issuer, "-store", store, "-grace", "10m", "-clients", f.write("clients.json", []map[string]any{{
		"client_id": appID, "client_secret": appSecret, "redirect_uris": []string{redirect}, "scope": "contacts.read",
		"grant_types": []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken}, "resource_server": true,
	}})}
	users := map[string]string{}
	for i := range people {
		users[personName(i)] = oauth2.HashSecret(password) // quick to verify, unlike a real password's
	}
	f.args = append(f.args, "-users", f.write("users.json", users))
	balancer := &http.Server{Handler: http.HandlerFunc(f.balance), ReadHeaderTimeout: time.Minute}
	go func() { _ = balancer.Serve(ln) }() // ends with Close
	t.Cleanup(func() { require.NoError(t, balancer.Close()) })
	for range n {
		f.replicas = append(f.replicas, &replica{addr: testserver.Address(t)})
	}
	for _, r := range f.replicas {
		f.start(r)
		t.Cleanup(r.kill)
	}
	return f
}

func personName(i int) string { return fmt.Sprintf("person-%d", i) }

func (f *fleet) write(name string, content any) string {
	text, err := json.Marshal(content)
	require.NoError(f.t, err)
	path := filepath.Join(f.t.TempDir(), name)
	require.NoError(f.t, os.WriteFile(path, text, 0o600))
	return path
}

// start runs a replica and waits until it can serve.
func (f *fleet) start(r *replica) {
	log, err := os.CreateTemp(f.t.TempDir(), "replica")
	require.NoError(f.t, err)
	r.mu.Lock()
	r.log = log
	r.cmd = exec.Command(program, append([]string{"-addr", r.addr}, f.args...)...)
	r.cmd.Stdout, r.cmd.Stderr = log, log
	err = r.cmd.Start()
	r.mu.Unlock()
	require.NoError(f.t, err)
	require.Eventually(f.t, func() bool {
		res, err := http.Get("http://" + r.addr + "/healthz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond, "%s", r)
}

// String is what the replica printed.
func (r *replica) String() string {
	text, _ := os.ReadFile(r.log.Name())
	return string(text)
}

// kill ends a replica as a crash would.
func (r *replica) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.cmd.Process.Kill() // one that has ended needs none
	_ = r.cmd.Wait()
}

// balance sends a request to the replicas in turn. A replica that is down is 502.
func (f *fleet) balance(w http.ResponseWriter, r *http.Request) {
	to := f.replicas[f.next.Add(1)%uint64(len(f.replicas))].addr
	proxy := httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: to})
			p.Out.Host = r.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	proxy.ServeHTTP(w, r)
}

// disturb runs the load of all people, does the harm in the midst of it, and judges.
func (f *fleet) disturb(harm func(ctx context.Context)) {
	ctx, stop := context.WithCancel(f.t.Context())
	all := make([]*person, people)
	var busy sync.WaitGroup
	for i := range all {
		all[i] = newPerson(f, personName(i))
		busy.Go(func() { all[i].live(ctx) })
	}
	harm(ctx)
	require.Eventually(f.t, func() bool { return f.finished.Load() > 0 }, time.Minute, 10*time.Millisecond, "however slow the machine is")
	stop()
	busy.Wait()
	approvals, refreshes, revocations := 0, 0, 0
	for _, p := range all {
		require.NoError(f.t, p.objection, p.name)
		p.judge()
		approvals, refreshes, revocations = approvals+p.approvals, refreshes+p.refreshes, revocations+len(p.dead)
	}
	f.t.Logf("%d approvals, %d refreshes and %d revocations were acknowledged", approvals, refreshes, revocations)
	require.Positive(f.t, approvals)
	require.Positive(f.t, refreshes)
	require.Positive(f.t, revocations)
}

// pause lets the load go on for a while.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
