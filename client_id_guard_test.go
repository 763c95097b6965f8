package oauth2_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// keyed are the members of a document whose client signs with the key "first".
func keyed(changes map[string]any) map[string]any {
	members := map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": jwksOf(remoteKey("first"))}
	for name, value := range changes {
		members[name] = value
	}
	return members
}

// redeems redeems a code of a client that signs with a key.
func (w *world) redeems(id, key string) answer {
	w.t.Helper()
	code := w.approve(codeRequest("client_id", id, "redirect_uri", documentRedirect, "scope", "read"))
	assertion := signedJWT(w.t, keyOf(key, jose.ES256), jose.ES256, map[jose.HeaderKey]any{"kid": "first"}, w.claimsOf(id, nil))
	return w.post("/token", "", redemption(code, "redirect_uri", documentRedirect, "client_assertion_type", assertionType, "client_assertion", assertion))
}

func TestAClientOfADocumentWithKeysAuthenticatesByThem(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	id := h.publishes("/client", keyed(nil))
	w := newDocumentWorld(t, h)
	got := w.redeems(id, "first")
	require.Equal(t, http.StatusOK, got.status, got.body)
	refused(t, w.redeems(id, "second"), 401, "invalid_client")
	code := w.approve(codeRequest("client_id", id, "redirect_uri", documentRedirect, "scope", "read"))
	for name, form := range map[string][]string{
		"no proof at all": {"client_id", id}, "a secret": {"client_id", id, "client_secret", "secret"},
	} {
		got := w.post("/token", "", redemption(code, append([]string{"redirect_uri", documentRedirect}, form...)...))
		require.Equal(t, 401, got.status, "%s: %s", name, got.body)
	}
	refused(t, w.post("/token", id, redemption(code, "redirect_uri", documentRedirect)), 401, "invalid_client")
}

func TestTheKeysOfADocumentAreFetchedAsItWas(t *testing.T) {
	t.Parallel()
	h, keys := newDocumentHost(t), newKeyHost(t)
	keys.serves(remoteKey("first"))
	id := h.publishes("/client", keyed(map[string]any{"jwks": nil, "jwks_uri": keys.url}))
	got := newDocumentWorld(t, h).redeems(id, "first") // the two hosts have one certificate
	require.Equal(t, http.StatusOK, got.status, got.body)
	asked := keys.asked.Load()
	require.NotZero(t, asked)

	id = h.publishes("/guarded", keyed(map[string]any{"jwks": nil, "jwks_uri": keys.url}))
	w := newSigningWorld(t, func(cfg *oauth2.ServerConfig) { cfg.HTTPClient = keys.client }, func(cfg *oauth2.ServerConfig) {
		cfg.Clients = oauth2.NewClientIDMetadata(kept{cfg.Clients, id, h}, oauth2.ClientIDMetadataConfig{Scope: oauth2.Scope{"read"}, Now: cfg.Now})
	})
	refused(t, w.redeems(id, "first"), 503, "temporarily_unavailable")
	require.Equal(t, asked, keys.asked.Load(), "a client of the operator's for registered jwks_uris does not reach for a stranger's")
}

// kept is a store that knows a client as a document describes it.
type kept struct {
	oauth2.ClientStore
	id string
	h  *documentHost
}

func (k kept) Client(ctx context.Context, id string) (*oauth2.Client, error) {
	if id == k.id {
		return oauth2.NewClientIDMetadata(k.ClientStore, oauth2.ClientIDMetadataConfig{Scope: oauth2.Scope{"read"}, HTTPClient: k.h.client}).Client(ctx, id)
	}
	return k.ClientStore.Client(ctx, id)
}

// connections counts those that are made to a listener on every loopback address.
func connections(t testing.TB) (port string, made *atomic.Int32) {
	ln, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	made = &atomic.Int32{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			made.Add(1)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	_, port, err = net.SplitHostPort(ln.Addr().String())
	require.NoError(t, err)
	return port, made
}

func TestNoServerInTheOwnNetworkIsAskedForADocument(t *testing.T) {
	t.Parallel()
	port, made := connections(t)
	for _, loopback := range []bool{false, true} {
		w := newDocumentWorld(t, newDocumentHost(t), func(cfg *oauth2.ClientIDMetadataConfig) {
			cfg.HTTPClient, cfg.AllowLoopback = nil, loopback
		})
		for _, host := range []string{
			"10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "127.0.0.2", "255.255.255.255",
			"[::]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[fe80::1]", "[fc00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
		} {
			refusedOnPage(t, w.askAs("https://"+host+":"+port+"/client"), 400, "public address")
		}
		for _, host := range []string{"127.1", "2130706433", "0x7f000001", "127.0.0.1.", "%31%32%37.0.0.1"} { // names, or none at all
			got := w.askAs("https://" + host + ":" + port + "/client")
			require.NotEqual(t, http.StatusOK, got.status, host)
		}
	}
	w := newDocumentWorld(t, newDocumentHost(t), func(cfg *oauth2.ClientIDMetadataConfig) { cfg.HTTPClient = nil })
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost"} {
		refusedOnPage(t, w.askAs("https://"+host+":"+port+"/client"), 400, "public address")
	}
	require.Zero(t, made.Load())
}

func TestForDevelopmentADocumentMayBeOnThisMachineOverHTTP(t *testing.T) {
	t.Parallel()
	h := &documentHost{t: t, answer: map[string]http.HandlerFunc{}}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.origin = server.URL
	id := h.publishes("/client", map[string]any{"client_uri": server.URL + "/about"})
	w := newDocumentWorld(t, h, func(cfg *oauth2.ClientIDMetadataConfig) { cfg.AllowLoopback = true })
	got := w.tokensOf(id)
	require.Equal(t, http.StatusOK, got.status, got.body)
	c, err := w.config.Clients.Client(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, server.URL+"/about", c.ClientURI)
	require.Equal(t, strings.TrimPrefix(server.URL, "http://"), c.DocumentHost())
	named := strings.Replace(id, "127.0.0.1", "localhost", 1)
	h.publishes("/client", map[string]any{"client_id": named})
	require.Equal(t, http.StatusOK, w.askAs(named).status)
	refusedOnPage(t, w.askAs("http://app.example.com/client"), 400, "uses https")
}

func TestTheOperatorChoosesWhoseClientsAreTaken(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	id := h.publishes("/client", nil)
	var closed, unliked, broken atomic.Bool
	var host atomic.Value
	w := newDocumentWorld(t, h, func(cfg *oauth2.ClientIDMetadataConfig) {
		cfg.AllowHost = func(name string) bool { host.Store(name); return !closed.Load() }
		cfg.Accept = func(_ context.Context, c *oauth2.Client) (bool, error) {
			if broken.Load() {
				return false, errors.New("no answer")
			}
			return !unliked.Load() && c.Name == "An app", nil
		}
	})
	require.Equal(t, http.StatusOK, w.askAs(id).status)
	require.Equal(t, strings.TrimPrefix(h.origin, "https://"), host.Load())
	unliked.Store(true)
	refusedOnPage(t, w.askAs(id), 400, "not accepted")
	broken.Store(true)
	refusedOnPage(t, w.askAs(id), 503, "")
	refused(t, w.post("/token", "", values("grant_type", "refresh_token", "client_id", id)), 503, "temporarily_unavailable")
	closed.Store(true)
	refusedOnPage(t, w.askAs(id), 400, "this host")
	asked := h.asked.Load()
	refusedOnPage(t, w.askAs(h.publishes("/other", nil)), 400, "this host")
	require.Equal(t, asked, h.asked.Load(), "nothing is fetched from a host that is ruled out")
}

func TestWhatBecomesOfDocumentsIsTold(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	id := h.publishes("/client", nil)
	var told []oauth2.Event
	w := newDocumentWorld(t, h, func(cfg *oauth2.ClientIDMetadataConfig) {
		cfg.OnEvent = func(_ context.Context, e oauth2.Event) { told = append(told, e) }
	})
	for _, change := range []func(){
		func() {}, func() {}, func() {
			h.publishes("/client", map[string]any{"client_name": "Renamed", "redirect_uris": []string{"https://app.example.com/else"}})
		},
		func() { h.answers("/client", http.NotFound) },
	} {
		change()
		w.askAs(id)
		w.clock.Advance(6 * time.Minute)
	}
	require.Len(t, told, 3)
	require.Equal(t, oauth2.EventClientMetadataFetched, told[0].Type)
	require.Equal(t, id, told[0].ClientID)
	require.Empty(t, told[0].Changed)
	require.Equal(t, oauth2.EventClientMetadataFetched, told[1].Type)
	require.Equal(t, []string{"client_name", "redirect_uris"}, told[1].Changed)
	require.Equal(t, oauth2.EventClientMetadataRefused, told[2].Type)
	require.Equal(t, "127.0.0.1", told[2].Addr.String())
	require.ErrorIs(t, told[2].Err, oauth2.ErrNotFound)
}

func TestAHookThatPanicsDoesNotEndTheProcess(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	id := h.publishes("/client", nil)
	w := newDocumentWorld(t, h, func(cfg *oauth2.ClientIDMetadataConfig) {
		cfg.OnEvent = func(context.Context, oauth2.Event) { panic("no room") }
	})
	refusedOnPage(t, w.askAs(id), 503, "")
}

func TestAWrongConfigurationOfDocumentsIsToldByNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for want, change := range map[string]func(*oauth2.ServerConfig, *oauth2.ClientIDMetadataConfig){
		"Scope":       func(_ *oauth2.ServerConfig, d *oauth2.ClientIDMetadataConfig) { d.Scope = oauth2.Scope{"a b"} },
		"GrantTypes":  func(_ *oauth2.ServerConfig, d *oauth2.ClientIDMetadataConfig) { d.GrantTypes = []string{"password"} },
		"MinAge":      func(_ *oauth2.ServerConfig, d *oauth2.ClientIDMetadataConfig) { d.MinAge = 48 * time.Hour },
		"MinAge -1ns": func(_ *oauth2.ServerConfig, d *oauth2.ClientIDMetadataConfig) { d.MinAge = -1 },
		"Documents":   func(_ *oauth2.ServerConfig, d *oauth2.ClientIDMetadataConfig) { d.Documents = -1 },
		"AuthMethods": func(s *oauth2.ServerConfig, _ *oauth2.ClientIDMetadataConfig) {
			s.AuthMethods = []string{oauth2.AuthMethodBasic}
		},
		"AllowLoopback": func(s *oauth2.ServerConfig, d *oauth2.ClientIDMetadataConfig) {
			s.Issuer, d.AllowLoopback = "https://id.example.com", true
		},
		"asked first": nil,
	} {
		cfg, documents := w.config, oauth2.ClientIDMetadataConfig{}
		cfg.Clients = w.clients
		if change != nil {
			change(&cfg, &documents)
			cfg.Clients = oauth2.NewClientIDMetadata(cfg.Clients, documents)
		} else {
			cfg.Clients = oauth2.NewClientIDMetadata(nil, documents)
		}
		_, err := oauth2.New(cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestLintTellsWhatIsUnwiseAboutDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	added := func(profile oauth2.Profile, documents oauth2.ClientIDMetadataConfig) (subjects []string) {
		cfg := w.config
		cfg.Clients = oauth2.NewClientIDMetadata(cfg.Clients, documents)
		before := said(oauth2.Lint(profile, w.config))
		for _, finding := range said(oauth2.Lint(profile, cfg)) {
			if !slices.Contains(before, finding) {
				subjects = append(subjects, finding)
			}
		}
		return subjects
	}
	require.Equal(t, []string{"CIMD section 8.9 | note | ClientIDMetadata.AllowHost"}, added(oauth2.ProfileOAuth21, oauth2.ClientIDMetadataConfig{}))
	require.Equal(t, []string{
		"CIMD section 8.6 | must | ClientIDMetadata.AllowLoopback", "CIMD section 8.6 | must | ClientIDMetadata.HTTPClient",
	}, added(oauth2.ProfileOAuth21, oauth2.ClientIDMetadataConfig{
		HTTPClient: http.DefaultClient, AllowLoopback: true, AllowHost: func(string) bool { return false },
	}))
	require.Equal(t, []string{"FAPI 2.0 section 5.3.2.1 item 3 | must | AuthMethods"}, added(oauth2.ProfileFAPI2, oauth2.ClientIDMetadataConfig{}))
}
