package oauth2_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

var errDisk = errors.New("the disk of host db7 is on fire")

// A faulty store fails, or lies about, the calls it is told to.
type faultyStore struct {
	*memory.Store
	mu sync.Mutex
	// before is called with each call's name; an error answers in its place.
	before func(call string) error
	// after is called when a call went through; an error hides that.
	after func(call string) error
}

func (f *faultyStore) run(call string, do func() error) error {
	f.mu.Lock()
	before, after := f.before, f.after
	f.mu.Unlock()
	if before != nil {
		if err := before(call); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return err
	}
	if after != nil {
		return after(call)
	}
	return nil
}

func (f *faultyStore) fail(before, after func(string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = before, after
}

func (f *faultyStore) Create(ctx context.Context, a *oauth2.Authorization) error {
	return f.run("create", func() error { return f.Store.Create(ctx, a) })
}

func (f *faultyStore) Get(ctx context.Context, id string) (a *oauth2.Authorization, err error) {
	err = f.run("get", func() error { a, err = f.Store.Get(ctx, id); return err })
	return a, err
}

func (f *faultyStore) Update(ctx context.Context, a *oauth2.Authorization) error {
	return f.run("update", func() error { return f.Store.Update(ctx, a) })
}

func (f *faultyStore) Delete(ctx context.Context, id string) error {
	return f.run("delete", func() error { return f.Store.Delete(ctx, id) })
}

func failing(calls ...string) func(string) error {
	return func(call string) error {
		for _, c := range calls {
			if c == call {
				return errDisk
			}
		}
		return nil
	}
}

func newFaultyWorld(t *testing.T, configure ...func(*oauth2.ServerConfig)) (*world, *faultyStore) {
	store := &faultyStore{Store: memory.New()}
	return newWorld(t, append(configure, func(cfg *oauth2.ServerConfig) { cfg.Tokens = store })...), store
}

// unavailable requires 503 that tells nothing of the inside.
func unavailable(t *testing.T, got answer) {
	t.Helper()
	require.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.NotContains(t, got.body, "db7")
	require.Empty(t, got.header.Get("Location"))
}

func TestStoreThatFailsIs503AndChangesNothing(t *testing.T) {
	t.Parallel()
	w, store := newFaultyWorld(t)
	access, refresh := w.tokens()
	query := codeRequest()
	formToken := formTokenIn(w.ask(query).body)
	code := w.approve(codeRequest("state", "another"))

	store.fail(failing("create", "get", "update", "delete"), nil)
	for name, call := range map[string]func() answer{
		"authorize":          func() answer { return w.decide(query, formToken, "yes") },
		"client credentials": func() answer { return w.token(machine, "grant_type", "client_credentials") },
		"redeem":             func() answer { return w.post("/token", webApp, redemption(code)) },
		"refresh":            func() answer { return w.refresh(refresh) },
		"introspect":         func() answer { return w.post("/introspect", api, values("token", access)) },
		"revoke":             func() answer { return w.post("/revoke", webApp, values("token", refresh)) },
		"revoke access":      func() answer { return w.post("/revoke", webApp, values("token", access)) },
	} {
		t.Run(name, func(t *testing.T) { unavailable(t, call()) })
	}
	require.ErrorIs(t, w.server.ExpireToken(t.Context(), refresh), oauth2.ErrTemporarilyUnavailable)
	require.ErrorIs(t, w.server.ExpireToken(t.Context(), refresh), errDisk, "the cause is for the caller")
	require.Contains(t, w.eventTypes(), oauth2.EventFault)

	store.fail(failing("update", "delete"), nil)
	unavailable(t, w.post("/token", webApp, redemption(code)))
	unavailable(t, w.refresh(refresh))
	unavailable(t, w.post("/revoke", webApp, values("token", refresh)))
	unavailable(t, w.post("/revoke", webApp, values("token", access)))

	store.fail(nil, nil)
	require.True(t, w.active(access))
	require.Equal(t, 200, w.refresh(refresh).status)
	require.Equal(t, 200, w.post("/token", webApp, redemption(code)).status)
	require.NotEmpty(t, w.decide(query, formToken, "yes").location(t).Get("code"), "the page can be answered again")
}

func TestVerdictThatCannotBeStoredIs503(t *testing.T) {
	t.Parallel()
	w, store := newFaultyWorld(t, strict)
	access, refresh := w.tokens()
	current := w.refresh(refresh)
	store.fail(failing("delete"), nil)
	unavailable(t, w.refresh(refresh))
	store.fail(nil, nil)
	require.True(t, w.active(access))
	refused(t, w.refresh(refresh), 400, "invalid_grant")
	require.False(t, w.active(current.str("access_token")))
}

func TestWriteThatWentThroughAlthoughItSeemedToCollideIsASuccess(t *testing.T) {
	t.Parallel()
	once := func(call string, lie error) func(string) error {
		var told atomic.Bool
		return func(c string) error {
			if c == call && told.CompareAndSwap(false, true) {
				return lie
			}
			return nil
		}
	}
	w, store := newFaultyWorld(t, strict)
	code := w.approve(codeRequest())
	store.fail(nil, once("update", oauth2.ErrConflict))
	got := w.post("/token", webApp, redemption(code))
	require.Equal(t, 200, got.status, got.body)
	require.True(t, w.active(got.str("access_token")))

	store.fail(nil, once("update", oauth2.ErrConflict))
	got = w.refresh(got.str("refresh_token"))
	require.Equal(t, 200, got.status, got.body)
	require.Equal(t, 200, w.refresh(got.str("refresh_token")).status)

	store.fail(nil, once("create", oauth2.ErrExists))
	got = w.token(machine, "grant_type", "client_credentials")
	require.Equal(t, 200, got.status, got.body)
	require.True(t, w.active(got.str("access_token")))

	store.fail(nil, once("create", oauth2.ErrExists))
	require.NotEmpty(t, w.approve(codeRequest()))
	require.Equal(t, oauth2.EventCodeIssued, w.last().Type)
}

func TestRefreshWhoseOutcomeIsUnknownCanBeRetried(t *testing.T) {
	t.Parallel()
	w, store := newFaultyWorld(t)
	_, refresh := w.tokens()
	store.fail(nil, failing("update"))
	unavailable(t, w.refresh(refresh))
	store.fail(nil, nil)
	got := w.refresh(refresh)
	require.Equal(t, 200, got.status, got.body)
	require.Equal(t, 200, w.refresh(got.str("refresh_token")).status)
}

func TestWriterThatAlwaysCollidesGivesUpWith503(t *testing.T) {
	t.Parallel()
	w, store := newFaultyWorld(t)
	_, refresh := w.tokens()
	var tries atomic.Int32
	store.fail(func(call string) error {
		if call == "update" {
			tries.Add(1)
			return fmt.Errorf("wrapped: %w", oauth2.ErrConflict)
		}
		return nil
	}, nil)
	unavailable(t, w.refresh(refresh))
	require.EqualValues(t, 16, tries.Load())
	store.fail(nil, nil)
	require.Equal(t, 200, w.refresh(refresh).status)
}

func TestAuthorizationThatEndsMeanwhileIssuesNothing(t *testing.T) {
	t.Parallel()
	w, store := newFaultyWorld(t)
	_, refresh := w.tokens()
	store.fail(func(call string) error {
		if call == "update" {
			records, _ := store.Store.List(context.Background(), oauth2.ListQuery{Subject: "alice", Limit: 1})
			_ = store.Store.Delete(context.Background(), records[0].ID)
		}
		return nil
	}, nil)
	refused(t, w.refresh(refresh), 400, "invalid_grant")
}

func TestRecordOfANewerFormatIsRefusedWith503AndNeverOverwritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	access, refresh := w.tokens()
	info, err := w.server.Check(t.Context(), access)
	require.NoError(t, err)
	newer, err := w.store.Get(t.Context(), info.AuthorizationID)
	require.NoError(t, err)
	newer.Format = 1000
	require.NoError(t, w.store.Update(t.Context(), newer))
	unavailable(t, w.refresh(refresh))
	unavailable(t, w.post("/revoke", webApp, values("token", access)))
	unavailable(t, w.post("/introspect", api, values("token", access)))
	after, err := w.store.Get(t.Context(), info.AuthorizationID)
	require.NoError(t, err)
	require.Equal(t, newer.Version+1, after.Version)
}

type faultyClients struct{}

func (faultyClients) Client(context.Context, string) (*oauth2.Client, error) { return nil, errDisk }

func TestClientStoreThatFailsIs503(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Clients = faultyClients{} })
	unavailable(t, w.ask(codeRequest()))
	unavailable(t, w.token(machine, "grant_type", "client_credentials"))
}

type noRandom struct{}

func (noRandom) Read([]byte) (int, error) { return 0, errDisk }

func TestWithoutRandomnessNothingIsIssued(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Rand = noRandom{} })
	unavailable(t, w.ask(codeRequest()))
	unavailable(t, w.token(machine, "grant_type", "client_credentials"))
}

func TestHookThatFailsIs503(t *testing.T) {
	t.Parallel()
	fail := true
	w := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.SubjectActive = func(context.Context, string) (bool, error) {
			if fail {
				return false, errDisk
			}
			return true, nil
		}
		cfg.Claims = func(context.Context, *oauth2.Authorization) (map[string]any, error) {
			if fail {
				return nil, errDisk
			}
			return nil, nil
		}
	})
	fail = false
	access, refresh := w.tokens()
	fail = true
	unavailable(t, w.refresh(refresh))
	unavailable(t, w.post("/introspect", api, values("token", access)))
	fail = false
	require.Equal(t, 200, w.refresh(refresh).status)
}

func TestCancelledRequestChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, refresh := w.tokens()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	body := values("grant_type", "refresh_token", "refresh_token", refresh, "client_id", webApp, "client_secret", secretOf(webApp))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/token", strings.NewReader(body.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	recorder := &responseRecorder{header: http.Header{}}
	w.server.Token(recorder, r)
	require.Equal(t, http.StatusServiceUnavailable, recorder.status)
	require.Equal(t, 200, w.refresh(refresh).status)
}

// responseRecorder stands for a connection that is gone.
type responseRecorder struct {
	header http.Header
	status int
}

func (r *responseRecorder) Header() http.Header         { return r.header }
func (r *responseRecorder) WriteHeader(status int)      { r.status = status }
func (r *responseRecorder) Write(p []byte) (int, error) { return len(p), nil }

func TestNothingSecretIsInEventsOrErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	access, refresh := w.tokens()
	code := w.approve(codeRequest())
	w.post("/token", otherApp, redemption(code))
	w.post("/token", webApp, redemption(code, "code_verifier", verifier+"x"))
	w.refresh(refresh, "scope", "admin")
	w.raw(http.MethodPost, "/token", strings.NewReader("a="+url.QueryEscape(access)+"&"+url.QueryEscape(access)+"=1&"+url.QueryEscape(access)+"=2"))
	w.post("/token", machine, values("grant_type", access))
	w.post("/revoke", otherApp, values("token", refresh))
	w.clock.Advance(1 << 40)
	w.refresh(refresh)
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Greater(t, len(w.events), 5)
	for _, e := range w.events {
		text := fmt.Sprintf("%+v", e)
		for _, secret := range []string{access, refresh, code, verifier, secretOf(webApp), access[23:], refresh[23:], code[23:]} {
			require.NotContains(t, text, secret)
		}
	}
}
