package oauth2_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

const documentRedirect = "https://app.example.com/back"

// A documentHost answers with documents of clients.
type documentHost struct {
	t      testing.TB
	origin string
	client *http.Client // trusts the host, and is not guarded
	asked  atomic.Int32
	mu     sync.Mutex
	answer map[string]http.HandlerFunc // by path
}

func newDocumentHost(t testing.TB) *documentHost {
	h := &documentHost{t: t, answer: map[string]http.HandlerFunc{}}
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	h.origin, h.client = server.URL, server.Client()
	return h
}

func (h *documentHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.asked.Add(1)
	h.mu.Lock()
	answer := h.answer[r.URL.Path]
	h.mu.Unlock()
	if answer == nil {
		answer = http.NotFound
	}
	answer(w, r)
}

func (h *documentHost) answers(path string, answer http.HandlerFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer[path] = answer
}

// document is a good document of /client, changed by changes; nil removes a member.
func (h *documentHost) document(path string, changes map[string]any) []byte {
	members := map[string]any{
		"client_id": h.origin + path, "client_name": "An app", "redirect_uris": []string{documentRedirect},
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"}, "token_endpoint_auth_method": "none",
	}
	for name, value := range changes {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	text, err := json.Marshal(members)
	require.NoError(h.t, err)
	return text
}

// publishes serves a document, and returns the client_id. headers are names and values in turn.
func (h *documentHost) publishes(path string, changes map[string]any, headers ...string) string {
	text := h.document(path, changes)
	h.answers(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		_, _ = w.Write(text)
	})
	return h.origin + path
}

// withDocuments configures a server that takes documents of the host.
func (h *documentHost) withDocuments(configure ...func(*oauth2.ClientIDMetadataConfig)) func(*oauth2.ServerConfig) {
	return func(cfg *oauth2.ServerConfig) {
		documents := oauth2.ClientIDMetadataConfig{Scope: oauth2.Scope{"read"}, HTTPClient: h.client, Now: cfg.Now, OnEvent: cfg.OnEvent}
		for _, change := range configure {
			change(&documents)
		}
		cfg.Clients = oauth2.NewClientIDMetadata(cfg.Clients, documents)
		cfg.Endpoints.PushedAuthorization = "/par"
	}
}

func newDocumentWorld(t testing.TB, h *documentHost, configure ...func(*oauth2.ClientIDMetadataConfig)) *world {
	return newSigningWorld(t, h.withDocuments(configure...))
}

// askAs opens the consent page of a client.
func (w *world) askAs(client string, pairs ...string) answer {
	return w.ask(codeRequest(append([]string{"client_id", client, "redirect_uri", documentRedirect, "scope", "read"}, pairs...)...))
}

// tokensOf plays the flow of a public client.
func (w *world) tokensOf(client string) answer {
	w.t.Helper()
	code := w.approve(codeRequest("client_id", client, "redirect_uri", documentRedirect, "scope", "read"))
	return w.post("/token", "", redemption(code, "client_id", client, "redirect_uri", documentRedirect))
}

// refusedOnPage requires a page that sends nobody anywhere.
func refusedOnPage(t testing.TB, got answer, status int, words string) {
	t.Helper()
	require.Equal(t, status, got.status, got.body)
	require.Empty(t, got.header.Get("Location"))
	require.Contains(t, got.body, words)
}
