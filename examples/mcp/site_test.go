package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"github.com/stretchr/testify/require"
	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2/examples/internal/browser"
	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
	"github.com/seed5f5fedc6/oauth2/internal/testserver"
)

// callback is where the clients of these tests get their answers. Nobody listens there: the browser stops.
const callback = "http://127.0.0.1:49160/callback"

// A place is where the records of a site live.
type place struct {
	name  string
	store func(t *testing.T) string // as the flag says it
}

var places = []place{
	{"memory", func(*testing.T) string { return "memory" }},
	{"SQLite", func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "mcp.db") }},
	{"Redis", func(t *testing.T) string {
		addr, _ := testserver.Redis(t, "--appendonly", "no")
		return "redis://" + addr
	}},
}

// start serves a site over memory.
func start(t *testing.T) (base, document string) { return startOver(t, "memory", 1) }

// startOver serves replicas of the site over a store, each request by the next one, on a free port, and a
// document about a client elsewhere, and returns both URLs.
func startOver(t *testing.T, store string, replicas int) (base, document string) {
	var id string
	documents := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"client_id": id, "client_name": "Notepad", "redirect_uris": []string{callback},
			"grant_types": []string{"authorization_code", "refresh_token"}, "token_endpoint_auth_method": "none",
		})
	}))
	t.Cleanup(documents.Close)
	id = documents.URL + "/client.json"
	ln, err := launch.Listen("127.0.0.1:0")
	require.NoError(t, err)
	base = "http://" + ln.Addr().String()
	all := make([]http.Handler, replicas)
	for i := range all {
		s, err := newSite(t.Context(), base, options{store: store, documents: documents.Client()})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		all[i] = s
	}
	var turn atomic.Uint64
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all[turn.Add(1)%uint64(len(all))].ServeHTTP(w, r)
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- launch.Serve(ctx, ln, handler, launch.TLS{}) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
	return base, id
}

// A person has a browser, logs in where that is asked, and answers.
type person struct {
	t        *testing.T
	name     string
	password string
	decision string
	browser  *browser.Browser
	// asked are the pages that the person was asked with, scopes those that each request named.
	asked  []string
	scopes []string
}

func newPerson(t *testing.T, name, password string) *person {
	p := &person{t: t, name: name, password: password, decision: "yes", browser: browser.New()}
	p.browser.LeaveAt = callback
	return p
}

// fetch is what a client of the SDK calls to have its user asked.
func (p *person) fetch(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	request, err := url.Parse(args.URL)
	require.NoError(p.t, err)
	p.scopes = append(p.scopes, request.Query().Get("scope"))
	page, err := p.browser.Open(ctx, args.URL)
	require.NoError(p.t, err)
	if form, ok := page.Forms["login"]; ok {
		page, err = p.browser.Submit(ctx, form, "", "username", p.name, "password", p.password)
		require.NoError(p.t, err)
	}
	form, err := page.Form("consent")
	require.NoError(p.t, err, page.Text)
	p.asked = append(p.asked, page.Words)
	page, err = p.browser.Submit(ctx, form, "", "decision", p.decision)
	require.NoError(p.t, err)
	sent, err := page.Location()
	require.NoError(p.t, err)
	answer := sent.Query()
	if answer.Get("error") != "" {
		return nil, &url.Error{Op: "authorize", URL: callback, Err: deniedError(answer.Get("error"))}
	}
	return &auth.AuthorizationResult{Code: answer.Get("code"), State: answer.Get("state"), Iss: answer.Get("iss")}, nil
}

type deniedError string

func (e deniedError) Error() string { return string(e) }

// A way is one in which a client is known to the server.
type way struct {
	name  string
	known func(document string, config *auth.AuthorizationCodeHandlerConfig)
	shown string // what the consent page says about the client
}

var ways = []way{
	{"by its document", func(document string, config *auth.AuthorizationCodeHandlerConfig) {
		config.ClientIDMetadataDocumentConfig = &auth.ClientIDMetadataDocumentConfig{URL: document}
	}, "says that this is its app."},
	{"by registration", func(_ string, config *auth.AuthorizationCodeHandlerConfig) {
		config.DynamicClientRegistrationConfig = &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
			ClientName: "Notepad", RedirectURIs: []string{callback}, TokenEndpointAuthMethod: "none",
			GrantTypes: []string{"authorization_code", "refresh_token"}, ApplicationType: "native",
		}}
	}, "Nobody vouches for this app"},
}

// connect connects a client of the SDK on behalf of a person. It keeps the last tokens in *token.
func connect(t *testing.T, base string, p *person, document string, w way, token **xoauth2.Token) (*sdk.ClientSession, error) {
	config := &auth.AuthorizationCodeHandlerConfig{
		RedirectURL: callback, AuthorizationCodeFetcher: p.fetch, RequestRefreshToken: true,
		NewTokenSource: func(ctx context.Context, config *xoauth2.Config, got *xoauth2.Token) (xoauth2.TokenSource, error) {
			*token = got
			return config.TokenSource(ctx, got), nil
		},
	}
	w.known(document, config)
	handler, err := auth.NewAuthorizationCodeHandler(config)
	require.NoError(t, err)
	client := sdk.NewClient(&sdk.Implementation{Name: "notepad", Version: "1.0.0"}, nil)
	session, err := client.Connect(t.Context(), &sdk.StreamableClientTransport{Endpoint: base + "/mcp", OAuthHandler: handler}, nil)
	if err == nil {
		t.Cleanup(func() { _ = session.Close() })
	}
	return session, err
}

func TestAClientOfTheSDKFindsItsWayFromTheURLAloneAndStepsUp(t *testing.T) {
	t.Parallel()
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			for _, w := range ways {
				t.Run(w.name, func(t *testing.T) { findsItsWay(t, p, w) })
			}
		})
	}
}

// Three replicas have nothing in common but the store. Memory has one.
func findsItsWay(t *testing.T, p place, w way) {
	replicas := 3
	if p.name == "memory" {
		replicas = 1
	}
	base, document := startOver(t, p.store(t), replicas)
	alice := newPerson(t, "alice", "wonderland")
	var token *xoauth2.Token
	session, err := connect(t, base, alice, document, w, &token)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"contacts.read", "offline_access"}, strings.Fields(alice.scopes[0]))
	require.Contains(t, alice.asked[0], "Do you allow ‘Notepad’ to use Xmail, alice?")
	require.Contains(t, alice.asked[0], w.shown)
	require.Contains(t, alice.asked[0], "sent on to 127.0.0.1:49160. That is a program on your own computer.")
	require.Contains(t, alice.asked[0], "see your contacts")
	require.Contains(t, alice.asked[0], "when you are away")
	require.NotEmpty(t, token.RefreshToken)

	tools, err := session.ListTools(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, tools.Tools, 2)
	require.Contains(t, call(t, session, "list_contacts"), "hatter@teaparty.example")
	require.Len(t, alice.asked, 1)

	require.JSONEq(t, `{"users":2,"contacts":5}`, call(t, session, "contact_stats"))
	require.Len(t, alice.asked, 2, "asked for more")
	require.Contains(t, alice.asked[1], "see how many contacts")
	require.ElementsMatch(t, []string{"contacts.read", "contacts.stats", "offline_access"}, strings.Fields(alice.scopes[1]))
	require.Contains(t, call(t, session, "list_contacts"), "hatter@teaparty.example")
	require.Len(t, alice.asked, 2)
}

// call calls a tool, and returns what it told as text.
func call(t *testing.T, session *sdk.ClientSession, tool string) string {
	t.Helper()
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool})
	require.NoError(t, err)
	require.False(t, result.IsError, result.Content)
	require.Len(t, result.Content, 1)
	return result.Content[0].(*sdk.TextContent).Text
}

func TestEachUserSeesTheirOwnContacts(t *testing.T) {
	t.Parallel()
	base, document := start(t)
	var token *xoauth2.Token
	session, err := connect(t, base, newPerson(t, "bob", "builder"), document, ways[0], &token)
	require.NoError(t, err)
	told := call(t, session, "list_contacts")
	require.Contains(t, told, "wendy@builders.example")
	require.NotContains(t, told, "hatter@teaparty.example")
}

func TestWhoSaysNoIsNotConnected(t *testing.T) {
	t.Parallel()
	base, document := start(t)
	alice := newPerson(t, "alice", "wonderland")
	alice.decision = "no"
	var token *xoauth2.Token
	_, err := connect(t, base, alice, document, ways[0], &token)
	require.ErrorContains(t, err, "access_denied")
	require.Nil(t, token)
}

func TestAnExpiredTokenIsRefreshedWithoutAskingAgain(t *testing.T) {
	t.Parallel()
	base, document := start(t)
	alice := newPerson(t, "alice", "wonderland")
	var token *xoauth2.Token
	_, err := connect(t, base, alice, document, ways[0], &token)
	require.NoError(t, err)
	config := xoauth2.Config{ClientID: document, Endpoint: xoauth2.Endpoint{TokenURL: base + "/token", AuthStyle: xoauth2.AuthStyleInParams}}
	renewed, err := config.TokenSource(t.Context(), &xoauth2.Token{RefreshToken: token.RefreshToken}).Token()
	require.NoError(t, err)
	require.NotEqual(t, token.AccessToken, renewed.AccessToken)
	r, err := http.NewRequest(http.MethodPost, base+"/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"contact_stats"}}`))
	require.NoError(t, err)
	renewed.SetAuthHeader(r)
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusForbidden, res.StatusCode, "good, but not for that")
	require.Len(t, alice.asked, 1)
}

func TestALoginLeadsToTheQuestionAndNowhereElse(t *testing.T) {
	t.Parallel()
	base, _ := start(t)
	b := browser.New()
	for _, target := range []string{"https://evil.example/", "//evil.example/authorize?", "/authorize", "/\\evil.example"} {
		page, err := b.Open(t.Context(), base+"/login?return="+url.QueryEscape(target))
		require.NoError(t, err)
		form, err := page.Form("login")
		require.NoError(t, err)
		page, err = b.Submit(t.Context(), form, "", "username", "alice", "password", "wonderland")
		require.NoError(t, err)
		require.Equal(t, base+"/login", page.URL.String(), target)
		page, err = b.Submit(t.Context(), form, "", "username", "alice", "password", "x")
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, page.Status)
		page, err = b.Submit(t.Context(), form, "https://evil.example", "username", "alice", "password", "wonderland")
		require.NoError(t, err)
		require.Equal(t, http.StatusForbidden, page.Status)
	}
}

func TestTheProgramServesUntilItIsStopped(t *testing.T) {
	t.Parallel()
	addr := testserver.Address(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"-addr", addr, "-store", "memory", "-origins", "http://localhost:6274"})
	}()
	require.Eventually(t, func() bool {
		res, err := http.Get("http://" + addr + "/healthz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
	stop()
	require.NoError(t, <-done)
	require.Error(t, run(t.Context(), []string{"-addr", testserver.Address(t), "-store", "memory", "-origins", "nowhere"}))
	require.ErrorContains(t, run(t.Context(), []string{"-addr", testserver.Address(t), "-store", "elsewhere"}), "-store")
	require.Error(t, run(t.Context(), []string{"unexpected"}))
}
