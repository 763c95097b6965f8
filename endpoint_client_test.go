package oauth2_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/clientcache"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// replacement is the body of a PUT that changes a registration.
func replacement(registration answer, changes members) members {
	m := appMetadata(changes)
	m["client_id"] = registration.str("client_id")
	return m
}

func TestAChangeReplacesTheWholeRegistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	first := w.registered(members{"contacts": []string{"ops@new.example.com"}, "logo_uri": "https://new.example.com/logo.png", "scope": "read write"})
	changed := w.manage(http.MethodPut, first, replacement(first, members{
		"client_name": "Renamed", "redirect_uris": []string{"https://new.example.com/cb2"}, "grant_types": nil, "logo_uri": nil,
	}))
	require.Equal(t, http.StatusOK, changed.status, changed.body)
	require.Equal(t, "no-store", changed.header.Get("Cache-Control"))
	require.Equal(t, first.str("client_id"), changed.str("client_id"))
	require.Equal(t, first.json["client_id_issued_at"], changed.json["client_id_issued_at"])
	for name, want := range map[string]any{
		"client_name": "Renamed", "redirect_uris": []any{"https://new.example.com/cb2"}, "grant_types": []any{"authorization_code"},
		"scope": "read", "contacts": nil, "logo_uri": nil, "client_secret": nil,
	} {
		require.Equal(t, want, changed.json[name], name)
	}
	require.Equal(t, changed.json, w.manage(http.MethodGet, changed, nil).json)

	// The authorization endpoint sees it at once.
	id := first.str("client_id")
	require.Equal(t, http.StatusBadRequest, w.ask(codeRequest("client_id", id, "redirect_uri", "https://new.example.com/cb", "scope", "read")).status)
	require.Equal(t, http.StatusOK, w.ask(codeRequest("client_id", id, "redirect_uri", "https://new.example.com/cb2", "scope", "read")).status)

	w.mu.Lock()
	defer w.mu.Unlock()
	at := slices.IndexFunc(w.events, func(e oauth2.Event) bool { return e.Type == oauth2.EventClientChanged })
	require.NotEqual(t, -1, at)
	require.Equal(t, []string{"client_name", "contacts", "grant_types", "logo_uri", "redirect_uris", "scope"}, w.events[at].Changed)
	require.Equal(t, oauth2.ByClient, w.events[at].By)
}

func TestAChangeReplacesTheRegistrationToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	first := w.registered(nil)
	second := w.manage(http.MethodPut, first, replacement(first, members{"client_name": "two"}))
	require.Equal(t, http.StatusOK, second.status, second.body)
	require.NotEqual(t, first.str("registration_access_token"), second.str("registration_access_token"))

	refused(t, w.manage(http.MethodGet, first, nil), http.StatusUnauthorized, "invalid_token")
	refused(t, w.manage(http.MethodDelete, first, nil), http.StatusUnauthorized, "invalid_token")
	refused(t, w.manage(http.MethodPut, first, replacement(first, members{"client_name": "three"})), http.StatusUnauthorized, "invalid_token")
	require.Equal(t, "two", w.manage(http.MethodGet, second, nil).str("client_name"))
}

func TestAChangeWhoseAnswerWasLostIsAnsweredAgainUntilTheNewTokenIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration(func(c *oauth2.RegistrationConfig) { c.Policy.SecretLifetime = time.Hour }))
	first := w.registered(nil)
	change := replacement(first, members{"client_name": "two"})
	lost := w.manage(http.MethodPut, first, change)
	require.Equal(t, http.StatusOK, lost.status, lost.body)
	stored, err := w.clients.Client(t.Context(), first.str("client_id"))
	require.NoError(t, err)
	w.clock.Advance(24 * time.Hour)
	again := w.manage(http.MethodPut, first, change)
	require.Equal(t, lost.json, again.json, "the same token and the same secret")
	unchanged, err := w.clients.Client(t.Context(), first.str("client_id"))
	require.NoError(t, err)
	require.Same(t, stored, unchanged, "nothing was written")

	require.Equal(t, http.StatusOK, w.manage(http.MethodGet, again, nil).status)
	refused(t, w.manage(http.MethodPut, first, change), http.StatusUnauthorized, "invalid_token")
	confirmed, err := w.clients.Client(t.Context(), first.str("client_id"))
	require.NoError(t, err)
	require.Empty(t, confirmed.Registration.PreviousDigest)
	require.Empty(t, confirmed.Registration.Salt, "with which the token could be computed from the one before")
}

func TestOfParallelChangesOneIsMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	first := w.registered(nil)
	answers := make([]answer, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			answers[i] = w.manage(http.MethodPut, first, replacement(first, members{"client_name": string(rune('a' + i))}))
		})
	}
	wg.Wait()
	made := 0
	for _, got := range answers {
		if got.status == http.StatusOK {
			made++
			require.Equal(t, got.str("client_name"), w.manage(http.MethodGet, got, nil).str("client_name"))
			continue
		}
		refused(t, got, http.StatusUnauthorized, "invalid_token")
	}
	require.Equal(t, 1, made)
}

func TestParallelRetriesOfOneChangeAreAnsweredTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	first := w.registered(nil)
	change := replacement(first, members{"client_name": "two"})
	answers := make([]answer, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = w.manage(http.MethodPut, first, change) })
	}
	wg.Wait()
	for _, got := range answers {
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, answers[0].json, got.json)
	}
}

func TestAnyoneElseIsRefusedAtTheConfigurationEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	mine, other := w.registered(nil), w.registered(nil)
	token, uri := mine.str("registration_access_token"), mine.str("registration_client_uri")
	same := byte('A')
	if token[len(token)-1] == same {
		same = 'E'
	}
	for name, c := range map[string]struct{ uri, token string }{
		"no token":                   {uri, ""},
		"another client's token":     {uri, other.str("registration_access_token")},
		"another client":             {other.str("registration_client_uri"), token},
		"an unknown client":          {w.url + "/register?client_id=nobody", token},
		"no client":                  {w.url + "/register", token},
		"a client of the operator's": {w.url + "/register?client_id=" + webApp, token},
		"the secret of the client":   {uri, mine.str("client_secret")},
		"garbage":                    {uri, "reg_garbage"},
		"a flipped character":        {uri, token[:len(token)-1] + string(same)},
		"a character more":           {uri, token + "A"},
		"a character less":           {uri, token[:len(token)-1]},
		"another prefix":             {uri, "at_" + token[4:]},
	} {
		for method, body := range map[string]any{http.MethodGet: nil, http.MethodDelete: nil, http.MethodPut: replacement(mine, members{"client_name": "stolen"})} {
			got := w.sendJSON(method, c.uri, c.token, body)
			require.Equal(t, http.StatusUnauthorized, got.status, "%s %s: %s", method, name, got.body)
			require.Contains(t, got.header.Get("WWW-Authenticate"), "Bearer", name)
		}
	}
	refused(t, w.sendJSON(http.MethodGet, uri+"&client_id="+other.str("client_id"), token, nil), http.StatusBadRequest, "invalid_request")
	require.Equal(t, "Zoë's app", w.manage(http.MethodGet, mine, nil).str("client_name"))
	require.False(t, w.active(token))
}

func TestAChangeThatIsNotAllowedChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	first := w.registered(nil)
	for name, c := range map[string]struct {
		body any
		code string
	}{
		"no client_id":            {appMetadata(nil), "invalid_client_metadata"},
		"another client_id":       {appMetadata(members{"client_id": webApp}), "invalid_client_metadata"},
		"a client_id of a number": {appMetadata(members{"client_id": 1}), "invalid_client_metadata"},
		"a secret of its choice":  {replacement(first, members{"client_secret": "a secret of my own choice"}), "invalid_client_metadata"},
		"a bad redirect URI":      {replacement(first, members{"redirect_uris": []string{"http://evil.example"}}), "invalid_redirect_uri"},
		"a grant":                 {replacement(first, members{"grant_types": []string{"client_credentials"}}), "invalid_client_metadata"},
		"no JSON":                 {"client_name=x", "invalid_client_metadata"},
	} {
		refused(t, w.manage(http.MethodPut, first, c.body), http.StatusBadRequest, c.code)
		require.Equal(t, http.StatusOK, w.manage(http.MethodGet, first, nil).status, name)
	}
	require.NotContains(t, w.eventTypes(), oauth2.EventClientChanged)
}

func TestAChangeMayComeWithWhatTheAnswerHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	first := w.registered(nil)
	again := w.manage(http.MethodPut, first, first.json)
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.Equal(t, first.str("client_secret"), again.str("client_secret"), "the client's own")
	require.Zero(t, again.json["client_secret_expires_at"])
}

func TestAClientThatBecomesConfidentialGetsASecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	public := w.registered(members{"token_endpoint_auth_method": "none"})
	confidential := w.manage(http.MethodPut, public, replacement(public, members{"token_endpoint_auth_method": "client_secret_post"}))
	require.Equal(t, http.StatusOK, confidential.status, confidential.body)
	form := values("grant_type", "refresh_token", "refresh_token", "rt_unknown", "client_id", public.str("client_id"), "client_secret", confidential.str("client_secret"))
	refused(t, w.post("/token", "", form), http.StatusBadRequest, "invalid_grant")
	back := w.manage(http.MethodPut, confidential, replacement(public, members{"token_endpoint_auth_method": "none"}))
	require.Equal(t, http.StatusOK, back.status, back.body)
	require.Empty(t, back.str("client_secret"))
	refused(t, w.post("/token", "", form), http.StatusUnauthorized, "invalid_client")
}

func TestSecretsThatExpireAreReplacedByAChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration(func(c *oauth2.RegistrationConfig) { c.Policy.SecretLifetime = time.Hour }))
	first := w.registered(members{"token_endpoint_auth_method": "client_secret_post"})
	require.EqualValues(t, w.clock.Now().Add(time.Hour).Unix(), first.json["client_secret_expires_at"])
	accepts := func(secret string) bool {
		form := values("grant_type", "refresh_token", "refresh_token", "rt_unknown", "client_id", first.str("client_id"), "client_secret", secret)
		return w.post("/token", "", form).str("error") == "invalid_grant"
	}
	w.clock.Advance(50 * time.Minute)
	second := w.manage(http.MethodPut, first, replacement(first, members{"token_endpoint_auth_method": "client_secret_post"}))
	require.Equal(t, http.StatusOK, second.status, second.body)
	require.NotEqual(t, first.str("client_secret"), second.str("client_secret"))
	require.EqualValues(t, w.clock.Now().Add(time.Hour).Unix(), second.json["client_secret_expires_at"])
	require.True(t, accepts(first.str("client_secret")), "until it ends")
	require.True(t, accepts(second.str("client_secret")))
	w.clock.Advance(11 * time.Minute)
	require.False(t, accepts(first.str("client_secret")))
	require.True(t, accepts(second.str("client_secret")))
}

func TestAChangeIsHeldToThePolicyThatTheClientWasRegisteredBy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration(func(c *oauth2.RegistrationConfig) {
		c.Open, c.Policy = false, oauth2.RegistrationPolicy{}
		c.InitialAccessToken = func(context.Context, string) (*oauth2.RegistrationPolicy, error) {
			return &oauth2.RegistrationPolicy{Scope: oauth2.Scope{"read"}, GrantTypes: []string{"authorization_code"}, AuthMethods: []string{"none"}}, nil
		}
	}))
	app := w.sendJSON(http.MethodPost, w.url+"/register", "initial-access-token", appMetadata(members{"grant_types": nil, "token_endpoint_auth_method": "none"}))
	require.Equal(t, http.StatusCreated, app.status, app.body)
	for _, wish := range []members{{"scope": "write"}, {"grant_types": []string{"authorization_code", "refresh_token"}}, {"token_endpoint_auth_method": "client_secret_post"}} {
		wish["client_id"], wish["redirect_uris"] = app.str("client_id"), []string{"https://new.example.com/cb"}
		if wish["token_endpoint_auth_method"] == nil {
			wish["token_endpoint_auth_method"] = "none"
		}
		refused(t, w.manage(http.MethodPut, app, wish), http.StatusBadRequest, "invalid_client_metadata")
	}
	changed := w.manage(http.MethodPut, app, replacement(app, members{"grant_types": nil, "token_endpoint_auth_method": "none", "client_name": "Renamed", "scope": nil}))
	require.Equal(t, http.StatusOK, changed.status, changed.body)
	require.Equal(t, "read", changed.str("scope"))
}

func TestADeletedClientIsGoneEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	app := w.registered(members{"token_endpoint_auth_method": "none"})
	id := app.str("client_id")
	request := codeRequest("client_id", id, "redirect_uri", "https://new.example.com/cb", "scope", "read")
	redeem := func(code string) answer {
		return w.post("/token", "", redemption(code, "redirect_uri", "https://new.example.com/cb", "client_id", id))
	}
	tokens := redeem(w.approve(request))
	require.Equal(t, http.StatusOK, tokens.status, tokens.body)
	require.True(t, w.active(tokens.str("access_token")))
	pending := w.approve(request)

	gone := w.manage(http.MethodDelete, app, nil)
	require.Equal(t, http.StatusNoContent, gone.status, gone.body)
	require.Equal(t, "no-store", gone.header.Get("Cache-Control"))
	require.False(t, w.active(tokens.str("access_token")))
	refused(t, redeem(pending), http.StatusUnauthorized, "invalid_client")
	refused(t, w.post("/token", "", values("grant_type", "refresh_token", "refresh_token", tokens.str("refresh_token"), "client_id", id)), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, http.StatusBadRequest, w.ask(request).status)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		refused(t, w.manage(method, app, replacement(app, nil)), http.StatusUnauthorized, "invalid_token")
	}
	require.Contains(t, w.eventTypes(), oauth2.EventClientDeleted)
	require.Contains(t, w.eventTypes(), oauth2.EventAuthorizationRevoked)
}

func TestNoCacheServesAClientThatWasChangedHere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration(), func(cfg *oauth2.ServerConfig) {
		cache, err := clientcache.New(cfg.Clients, clientcache.Options{For: time.Hour})
		require.NoError(t, err)
		cfg.Clients = cache
	})
	app := w.registered(nil)
	id := app.str("client_id")
	asks := func(uri string) int {
		return w.ask(codeRequest("client_id", id, "redirect_uri", uri, "scope", "read")).status
	}
	require.Equal(t, http.StatusOK, asks("https://new.example.com/cb"))
	changed := w.manage(http.MethodPut, app, replacement(app, members{"redirect_uris": []string{"https://new.example.com/cb2"}}))
	require.Equal(t, http.StatusOK, changed.status, changed.body)
	require.Equal(t, http.StatusBadRequest, asks("https://new.example.com/cb"))
	require.Equal(t, http.StatusOK, asks("https://new.example.com/cb2"))
	require.Equal(t, http.StatusNoContent, w.manage(http.MethodDelete, changed, nil).status)
	require.Equal(t, http.StatusBadRequest, asks("https://new.example.com/cb2"))
}

// A brokenRegistry fails when it is told to.
type brokenRegistry struct {
	*memory.Clients
	fails map[string]error
}

func (b *brokenRegistry) CreateClient(ctx context.Context, c *oauth2.Client) error {
	if err := b.fails["create"]; err != nil {
		return err
	}
	return b.Clients.CreateClient(ctx, c)
}

func (b *brokenRegistry) ReplaceClient(ctx context.Context, old, next *oauth2.Client) error {
	if err := b.fails["replace"]; err != nil {
		return err
	}
	return b.Clients.ReplaceClient(ctx, old, next)
}

func (b *brokenRegistry) DeleteClient(ctx context.Context, id string) error {
	if err := b.fails["delete"]; err != nil {
		return err
	}
	return b.Clients.DeleteClient(ctx, id)
}

func TestARegistryThatFailsIs503AndNothingIsLost(t *testing.T) {
	t.Parallel()
	broken := &brokenRegistry{fails: map[string]error{}}
	w := newWorld(t, withRegistration(), func(cfg *oauth2.ServerConfig) {
		broken.Clients = cfg.Clients.(*memory.Clients)
		cfg.Clients = broken
	})
	app := w.registered(nil)
	for _, call := range []string{"create", "replace", "delete"} {
		broken.fails[call] = errors.New("the disk is on fire")
	}
	unavailable := func(got answer) {
		refused(t, got, http.StatusServiceUnavailable, "temporarily_unavailable")
		require.NotContains(t, got.body, "fire")
	}
	unavailable(w.register(appMetadata(nil)))
	unavailable(w.manage(http.MethodPut, app, replacement(app, nil)))
	unavailable(w.manage(http.MethodDelete, app, nil))
	require.Equal(t, http.StatusOK, w.manage(http.MethodGet, app, nil).status)
	broken.fails["replace"] = oauth2.ErrConflict
	unavailable(w.manage(http.MethodPut, app, replacement(app, nil)))
	clear(broken.fails)
	changed := w.manage(http.MethodPut, app, replacement(app, nil))
	require.Equal(t, http.StatusOK, changed.status, changed.body)
	require.Equal(t, http.StatusNoContent, w.manage(http.MethodDelete, changed, nil).status)
}
