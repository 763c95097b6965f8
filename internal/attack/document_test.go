package attack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var documentAttacks = []attack{
	{name: "a client_id does not lead into the server's own network", source: "CIMD section 8.6, RFC 6890; server-side request forgery", run: documentInward},
	{name: "outside of development it does not lead to the server itself", source: "CIMD section 8.6", only: embedded, run: documentLoopback},
	{name: "a client_id that is no plain https URL is not fetched", source: "CIMD section 3", run: documentURLs},
	{name: "a document that lies elsewhere is not followed", source: "CIMD section 5", run: documentRedirected},
	{name: "a document that breaks a rule is nobody's", source: "CIMD sections 4 and 4.1", run: documentBroken},
	{name: "a document that never ends, or never comes, holds up nobody", source: "CIMD section 8.7", run: documentEndless},
	{name: "a document gives its client no right that is the operator's", source: "CIMD section 8.4; RFC 7591 section 5", run: documentRights},
	{name: "a code is good for its own document alone", source: "RFC 6749 section 4.1.3", run: documentForeign},
	{name: "the consent page shows whose word it is", source: "CIMD section 8.5; OAuth phishing", only: example, run: documentShown},
	{name: "a document makes this server no open redirector", source: "RFC 9700 section 4.11.2", run: documentRedirector},
	{name: "what a document took back is gone", source: "CIMD section 8.4", only: embedded, run: documentChanged},
	{name: "strangers do not make the server fetch without end", source: "CIMD section 8.6; denial of service", only: embedded, run: documentFlood},
}

// withDocuments lets clients in that nobody registered; their documents are on this machine. The attacks share
// an address, so its budget is wide.
func withDocuments(cfg *oauth2.ServerConfig) {
	cfg.Clients = oauth2.NewClientIDMetadata(cfg.Clients, oauth2.ClientIDMetadataConfig{
		Scope: oauth2.Scope{scopeRead}, AllowLoopback: true, Now: cfg.Now, OnEvent: cfg.OnEvent,
		FailureLimiter: oauth2.NewMemoryLimiter(oauth2.MemoryLimiterConfig{Now: cfg.Now, Budgets: map[oauth2.AttemptKind]oauth2.FailureBudgets{
			oauth2.AttemptClientMetadata: {PerAddress: oauth2.FailureBudget{Burst: 1000, Every: time.Second}},
		}}),
	})
}

// registered is the store behind that of withDocuments.
func registered(clients oauth2.ClientStore) oauth2.ClientStore {
	return clients.(*oauth2.ClientIDMetadata).Unwrap()
}

// A host has documents of clients.
type host struct {
	t      *testing.T
	origin string
	asked  atomic.Int32
	answer atomic.Pointer[http.HandlerFunc]
}

// startHost answers with good documents, changed by changes.
func startHost(t *testing.T, changes document) *host {
	h := &host{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.asked.Add(1)
		(*h.answer.Load())(w, r)
	}))
	t.Cleanup(server.Close)
	h.origin = server.URL
	h.serves(changes)
	return h
}

func (h *host) answers(answer http.HandlerFunc) { h.answer.Store(&answer) }

func (h *host) serves(changes document) {
	h.answers(func(w http.ResponseWriter, r *http.Request) {
		d := newcomer(document{"client_id": h.origin + r.URL.Path})
		for name, value := range changes {
			if d[name] = value; value == nil {
				delete(d, name)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(d)
	})
}

func (h *host) id() string { return h.origin + "/client.json" }

// ofDocument is an authorization request of a client that a document describes.
func (s *site) ofDocument(id string, pairs ...string) attempt {
	return s.request(append([]string{"client_id", id, "redirect_uri", newcomerRedirect}, pairs...)...)
}

// openedBy is what a stranger gets who opens an authorization request.
func (s *site) openedBy(id string) answer {
	s.t.Helper()
	return s.get(s.authorizeURL + "?" + s.ofDocument(id).Encode())
}

func documentInward(t *testing.T, s *site) {
	u, err := url.Parse(startTrap(t).url)
	require.NoError(t, err)
	name, err := os.Hostname()
	require.NoError(t, err)
	for _, host := range []string{
		"10.0.0.1", "169.254.169.254", "127.0.0.2", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[fd00::1]", "ip6-localhost", strings.ToLower(name),
	} {
		got := s.openedBy("https://" + host + ":" + u.Port() + "/client.json")
		require.GreaterOrEqual(t, got.status, 400, host)
		require.Empty(t, got.header.Get("Location"), host)
		require.NotContains(t, got.body, "connection refused", "nobody learns which ports are open")
	}
	require.Zero(t, startTrap(t).connected.Load())
}

func documentLoopback(t *testing.T, s *site) {
	u, err := url.Parse(startTrap(t).url)
	require.NoError(t, err)
	strict := s.anew(func(cfg *oauth2.ServerConfig) {
		cfg.Clients = oauth2.NewClientIDMetadata(registered(cfg.Clients), oauth2.ClientIDMetadataConfig{Now: cfg.Now})
	})
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost"} {
		s.refusedOnPage(strict.openedBy("https://"+host+":"+u.Port()+"/client.json"), host)
		s.refusedOnPage(strict.openedBy("http://"+host+":"+u.Port()+"/client.json"), host)
	}
	require.Zero(t, startTrap(t).connected.Load())
}

func documentURLs(t *testing.T, s *site) {
	h := startHost(t, nil)
	name := strings.TrimPrefix(h.origin, "http://")
	for _, id := range []string{
		h.origin, h.origin + "/client.json#x", h.origin + "/x/../client.json", h.origin + "/%2e/client.json", "http://user@" + name + "/client.json", "http://evil.example@" + name + "/client.json",
		"http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "gopher://" + name + "/x", "ftp://" + name + "/x", "http://localhost.:80/x", "HTTP://" + name + "/client.json", "jar:" + h.id(), h.origin + "\\client.json",
	} {
		s.refusedOnPage(s.openedBy(id), id)
		s.refused(s.token(id, "grant_type", "refresh_token", "refresh_token", "x"), http.StatusUnauthorized, "invalid_client")
	}
	require.Zero(t, h.asked.Load())
}

func documentRedirected(t *testing.T, s *site) {
	good := startHost(t, nil)
	for _, to := range []string{startTrap(t).url, good.id()} {
		h := startHost(t, nil)
		h.answers(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		})
		s.refusedOnPage(s.openedBy(h.id()), to)
	}
	require.Zero(t, startTrap(t).connected.Load())
	require.Zero(t, good.asked.Load())
}

func documentBroken(t *testing.T, s *site) {
	for name, changes := range map[string]document{
		"another client's client_id": {"client_id": "https://app.example/client.json"}, "a registered client's": {"client_id": web},
		"a secret": {"client_secret": "made-up-by-the-client-itself", "token_endpoint_auth_method": "client_secret_basic"},
		"a script": {"redirect_uris": []string{"javascript:alert(1)"}}, "a wildcard": {"redirect_uris": []string{"https://*.example/cb"}},
	} {
		s.refusedOnPage(s.openedBy(startHost(t, changes).id()), name)
	}
	h := startHost(t, nil)
	for name, answer := range map[string]http.HandlerFunc{
		"HTML": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_ = json.NewEncoder(w).Encode(newcomer(document{"client_id": h.id()}))
		},
		"an upload": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<svg onload=alert(1)>")) },
	} {
		h.answers(answer)
		s.refusedOnPage(s.openedBy(h.id()), name)
	}
}

func documentEndless(t *testing.T, s *site) {
	h := startHost(t, nil)
	h.answers(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat(" ", 64<<10))); err != nil {
				return
			}
		}
	})
	s.refusedOnPage(s.openedBy(h.id()), "endless")
	slow := startHost(t, nil)
	slow.answers(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	waits := make(chan answer)
	go func() { waits <- s.openedBy(slow.id()) }()
	require.Equal(t, http.StatusOK, s.token(machine, "grant_type", "client_credentials").status, "the others are served meanwhile")
	got := <-waits
	require.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
	require.Contains(t, got.body, `id="error"`)
}

func documentRights(t *testing.T, s *site) {
	h := startHost(t, document{
		"resource_server": true, "pkce_optional": true, "client_secrets": []document{{"hash": oauth2.HashSecret("made-up-by-the-client-itself")}}, "access_lifetime": 1 << 60,
		"scope": scopeRead + " " + scopeStats, "grant_types": []string{"authorization_code", "refresh_token", "client_credentials", "password"}, "dynamic": false,
	})
	got := s.redeem(s.alice().approve(s.ofDocument(h.id())))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, scopeRead, got.str("scope"))
	require.LessOrEqual(t, got.json["expires_in"], 3600.0)
	for _, pairs := range [][]string{{"scope", scopeStats}, {"code_challenge", "", "code_challenge_method", ""}} {
		require.NotContains(t, s.alice().open(s.ofDocument(h.id(), pairs...)).body, `id="consent"`)
	}
	s.refused(s.token(h.id(), "grant_type", "client_credentials"), http.StatusBadRequest, "unauthorized_client")
	s.refused(s.callWith(s.tokenURL, h.id(), "made-up-by-the-client-itself", "grant_type", "client_credentials"), http.StatusUnauthorized, "invalid_client")
	s.refused(s.call(s.introspectURL, h.id(), "token", got.str("access_token")), http.StatusUnauthorized, "invalid_client")
}

func documentForeign(t *testing.T, s *site) {
	honest, thief := startHost(t, nil), startHost(t, nil)
	g := s.alice().approve(s.ofDocument(honest.id()))
	s.refused(s.redeemAs(thief.id(), g), http.StatusBadRequest, "invalid_grant")
	s.refused(s.redeemAs(honest.origin+"/./client.json", g), http.StatusUnauthorized, "invalid_client")
	got := s.redeem(g)
	require.Equal(t, http.StatusOK, got.status, "a stranger's attempt ends nothing: %s", got.body)
	s.refused(s.refresh(thief.id(), got.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, s.refresh(honest.id(), got.str("refresh_token")).status)
}

func documentShown(t *testing.T, s *site) {
	h := startHost(t, document{"client_name": "Xmail <b>Support</b>"})
	page := s.alice().ask(s.ofDocument(h.id()))
	require.Contains(t, page.body, strings.TrimPrefix(h.origin, "http://"))
	require.Contains(t, page.body, "newcomer.example")
	require.NotContains(t, page.body, "<b>Support")
}

func documentRedirector(t *testing.T, s *site) {
	h := startHost(t, nil)
	for _, pairs := range [][]string{{"scope", "admin"}, {"response_type", "token"}, {"code_challenge", ""}} {
		got := s.get(s.authorizeURL + "?" + s.ofDocument(h.id(), pairs...).Encode())
		s.refusedOnPage(got, fmt.Sprint(pairs))
	}
}

func documentChanged(t *testing.T, s *site) {
	own := s.anew()
	h := startHost(t, nil)
	got := own.redeem(own.alice().approve(own.ofDocument(h.id())))
	require.Equal(t, http.StatusOK, got.status, got.body)
	h.serves(document{"redirect_uris": []string{"https://newcomer.example/else"}})
	own.app.clock.Advance(10 * time.Minute)
	s.refusedOnPage(own.openedBy(h.id()), "a redirect URI that is gone")
	h.answers(http.NotFound)
	own.app.clock.Advance(10 * time.Minute)
	own.refused(own.refresh(h.id(), got.str("refresh_token")), http.StatusUnauthorized, "invalid_client")
	s.refusedOnPage(own.openedBy(h.id()), "a client that is gone")
}

func documentFlood(t *testing.T, s *site) {
	own := s.anew(func(cfg *oauth2.ServerConfig) {
		cfg.Clients = oauth2.NewClientIDMetadata(registered(cfg.Clients), oauth2.ClientIDMetadataConfig{AllowLoopback: true, Scope: oauth2.Scope{scopeRead}, Now: cfg.Now})
	})
	h := startHost(t, nil)
	require.Equal(t, http.StatusOK, own.openedBy(h.id()).status)
	h.answers(http.NotFound)
	limited := 0
	for i := range 100 {
		if own.openedBy(fmt.Sprintf("%s/%d", h.origin, i)).status == http.StatusTooManyRequests {
			limited++
		}
	}
	require.Greater(t, limited, 50)
	require.Less(t, h.asked.Load(), int32(50))
	require.Equal(t, http.StatusOK, own.openedBy(h.id()).status, "a client that is known is served")
}
