package oauth2_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestFailedClientAuthenticationChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strict)
	code := w.approve(codeRequest())
	attempt := func(form url.Values) {
		t.Helper()
		for suffix, authorization := range map[string]string{
			"":                     basic(webApp, "wrong"),
			"&":                    "",
			"&client_id=" + webApp: "",
			"&client_secret=wrong&client_id=" + webApp: "",
		} {
			refused(t, w.raw(http.MethodPost, "/token", strings.NewReader(form.Encode()+suffix), "Authorization", authorization), 401, "invalid_client")
		}
	}
	attempt(redemption(code))
	issued := w.post("/token", webApp, redemption(code))
	require.Equal(t, http.StatusOK, issued.status, "the code was not burned")
	attempt(redemption(code))
	require.True(t, w.active(issued.str("access_token")), "what was issued was not revoked")

	access, refresh := w.tokens()
	current := w.refresh(refresh).str("refresh_token")
	for _, token := range []string{refresh, current} {
		attempt(values("grant_type", "refresh_token", "refresh_token", token))
	}
	require.True(t, w.active(access))
	require.Equal(t, http.StatusOK, w.refresh(current).status, "nothing was spent or taken for reuse")
}

func TestCodeCarriesItsOwnSubjectAndScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	subject := ""
	w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		return &oauth2.Approval{Subject: subject}, nil
	}
	codes := map[string]string{}
	scopes := map[string]string{"alice": "read", "bob": "read write"}
	for subject = range scopes {
		codes[subject] = w.ask(codeRequest("scope", scopes[subject])).location(t).Get("code")
	}
	for subject, code := range codes {
		got := w.post("/token", webApp, redemption(code))
		for _, token := range []string{got.str("access_token"), w.refresh(got.str("refresh_token")).str("access_token")} {
			told := w.post("/introspect", api, values("token", token))
			require.Equal(t, subject, told.str("sub"))
			require.Equal(t, scopes[subject], told.str("scope"))
		}
	}
}

// recordedRandom is the system's random source, and remembers what it gave.
type recordedRandom struct {
	mu    sync.Mutex
	given []byte
}

func (r *recordedRandom) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := io.ReadFull(rand.Reader, p)
	r.given = append(r.given, p[:n]...)
	return n, err
}

func TestCodesAndTokensCarry192BitsOfTheRandomSource(t *testing.T) {
	t.Parallel()
	source := &recordedRandom{}
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Rand = source })
	w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		return &oauth2.Approval{Subject: "alice"}, nil
	}
	code := w.ask(codeRequest()).location(t).Get("code")
	got := w.post("/token", webApp, redemption(code))
	own := w.token(machine, "grant_type", "client_credentials")
	for _, token := range []string{code, got.str("access_token"), got.str("refresh_token"), own.str("access_token")} {
		raw, err := base64.RawURLEncoding.DecodeString(token[len("ac_"):])
		require.NoError(t, err)
		core := raw[15:39]
		require.True(t, bytes.Contains(source.given, core), "the core is drawn as it is")
		at := bytes.Index(source.given, core)
		require.Negative(t, bytes.Index(source.given[at+1:], core), "and for this token alone")
	}
}

func TestTheCodeOfAnAnsweredPageIsMadeOf256RandomBitsOfTheBrowser(t *testing.T) {
	t.Parallel()
	source := &recordedRandom{}
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Rand = source })
	query := codeRequest()
	page := w.ask(query)
	var key []byte
	for _, c := range (&http.Response{Header: page.header}).Cookies() {
		key, _ = base64.RawURLEncoding.DecodeString(c.Value)
	}
	require.Len(t, key, 32)
	require.True(t, bytes.Contains(source.given, key))
	seen := map[string]bool{}
	for range 3 {
		token := formTokenIn(w.ask(query).body)
		raw, err := base64.RawURLEncoding.DecodeString(w.decide(query, token, "yes").location(t).Get("code")[len("ac_"):])
		require.NoError(t, err)
		core := raw[15:39]
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("code" + token))
		require.Equal(t, mac.Sum(nil)[:24], core, "the browser's key and the page's token, and nothing that is stored")
		require.False(t, seen[string(core)])
		seen[string(core)] = true
	}
}

func TestStoreHoldsNoSecretInClear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pending := w.approve(codeRequest())
	access, refresh := w.tokens()
	refreshed := w.refresh(refresh)
	records, err := w.server.Authorizations(t.Context(), oauth2.ListQuery{Subject: "alice"})
	require.NoError(t, err)
	require.Len(t, records, 2)
	kept, err := json.Marshal(records)
	require.NoError(t, err)
	require.Contains(t, string(kept), pending[len("ac_"):][:20], "the ID is no secret")
	for _, token := range []string{pending, access, refresh, refreshed.str("access_token"), refreshed.str("refresh_token")} {
		require.NotContains(t, string(kept), token[len("ac_")+20:])
	}
	client, err := w.clients.Client(t.Context(), webApp)
	require.NoError(t, err)
	require.NotContains(t, client.Secrets[0].Hash, secretOf(webApp))
}

func TestHintsNeverMatter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, hint := range []string{"access_token", "refresh_token", "nonsense", "\"'<>"} {
		access, refresh := w.tokens()
		told := w.post("/introspect", api, values("token", access, "token_type_hint", hint))
		require.Equal(t, true, told.json["active"], hint)
		require.Equal(t, http.StatusOK, w.post("/revoke", webApp, values("token", access, "token_type_hint", hint)).status)
		require.False(t, w.active(access), hint)
		require.Equal(t, http.StatusOK, w.post("/revoke", webApp, values("token", refresh, "token_type_hint", hint)).status)
		refused(t, w.refresh(refresh), 400, "invalid_grant")
	}
}

func TestNoCodeLivesLongerThanTenMinutes(t *testing.T) {
	t.Parallel()
	for _, own := range []time.Duration{10 * time.Minute, 10*time.Minute + time.Second, 24 * time.Hour} {
		w := newWorld(t)
		require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{ID: "slow", RedirectURIs: []string{webRedirect}, CodeLifetime: own}))
		query := codeRequest("client_id", "slow", "scope", "")
		form := func(code string) answer { return w.post("/token", "", redemption(code, "client_id", "slow")) }
		code := w.approve(query)
		w.clock.Advance(10*time.Minute - time.Second)
		require.Equal(t, http.StatusOK, form(code).status, own)
		code = w.approve(query)
		w.clock.Advance(10 * time.Minute)
		refused(t, form(code), 400, "invalid_grant")
	}
}

// errorText is what RFC 6749 sections 4.1.2.1 and 5.2 allow in error and error_description.
func errorText(r rune) bool { return r >= 0x20 && r <= 0x7e && r != '"' && r != '\\' }

func TestErrorTextsKeepToTheCharacterSet(t *testing.T) {
	t.Parallel()
	odd := "\"quoted\" \\ é\r\nnext"
	w := newWorld(t, withCustomGrant(nil))
	texts := []string{}
	for _, got := range []answer{
		w.token(webApp, "grant_type", odd), w.token(webApp, "grant_type", "refresh_token", "refresh_token", "rt_"+odd),
		w.token(webApp, "grant_type", "refresh_token", "refresh_token", "x", "scope", odd), w.token(webApp, odd, "1", odd, "2"),
		w.post("/revoke", webApp, values("token", "at_"+odd, "token", "at_"+odd)), w.token(odd, "grant_type", odd),
	} {
		require.GreaterOrEqual(t, got.status, 400)
		texts = append(texts, got.str("error"), got.str("error_description"))
	}
	w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		return nil, oauth2.ErrAccessDenied.With(odd)
	}
	for _, query := range []map[string]string{{"scope": odd}, {"response_type": odd}, {"max_age": odd}, {"prompt": "login"}} {
		request := codeRequest()
		for name, value := range query {
			request.Set(name, value)
		}
		sent := w.ask(request).location(t)
		require.NotEmpty(t, sent.Get("error"))
		texts = append(texts, sent.Get("error"), sent.Get("error_description"))
	}
	for _, text := range texts {
		require.NotEmpty(t, text)
		require.Equal(t, -1, strings.IndexFunc(text, func(r rune) bool { return !errorText(r) }), "%q", text)
	}
}

func TestPublicClientCannotRedeemAnothersCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{ID: "twin", RedirectURIs: []string{browserRedirect}, Scope: oauth2.Scope{"read"}}))
	code := w.approve(codeRequest("client_id", browserApp, "redirect_uri", browserRedirect, "scope", "read"))
	form := redemption(code, "client_id", "twin", "redirect_uri", browserRedirect)
	refused(t, w.post("/token", "", form), 400, "invalid_grant")
	form.Set("client_id", browserApp)
	require.Equal(t, http.StatusOK, w.post("/token", "", form).status)
}

func TestReuseOfAPublicClientsRefreshTokenEndsTheFamily(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strict)
	code := w.approve(codeRequest("client_id", browserApp, "redirect_uri", browserRedirect, "scope", "read"))
	first := w.post("/token", "", redemption(code, "client_id", browserApp, "redirect_uri", browserRedirect))
	refresh := func(token string) answer {
		return w.post("/token", "", values("grant_type", "refresh_token", "refresh_token", token, "client_id", browserApp))
	}
	second := refresh(first.str("refresh_token"))
	require.Equal(t, http.StatusOK, second.status, second.body)
	refused(t, refresh(first.str("refresh_token")), 400, "invalid_grant")
	refused(t, refresh(second.str("refresh_token")), 400, "invalid_grant")
	require.False(t, w.active(first.str("access_token")))
	require.False(t, w.active(second.str("access_token")))
}

func TestNoMemberOfATokenAnswerRepeats(t *testing.T) {
	t.Parallel()
	extra := map[string]any{"access_token": "forged", "token_type": "forged", "expires_in": 1, "refresh_token": "forged", "scope": "admin", "own": "x"}
	w := newWorld(t, withCustomGrant(func(_ context.Context, req *oauth2.TokenRequest) (*oauth2.Issuance, error) {
		a, err := req.Begin("alice")
		return &oauth2.Issuance{Authorization: a, RefreshToken: true, Extra: extra}, err
	}))
	addCustomClient(t, w)
	got := w.custom("custom")
	decoder := json.NewDecoder(strings.NewReader(got.body))
	_, err := decoder.Token()
	require.NoError(t, err)
	seen := map[string]bool{}
	for decoder.More() {
		name, err := decoder.Token()
		require.NoError(t, err)
		require.False(t, seen[name.(string)], name)
		seen[name.(string)] = true
		_, err = decoder.Token()
		require.NoError(t, err)
	}
	require.Len(t, seen, len(extra))
	require.NotContains(t, got.body, "forged")
	require.Equal(t, "read", got.str("scope"))
}

func TestClientCredentialsLeadToNoRefreshTokenWhateverTheClientMayUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{
		ID: "both", Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf("both"))}},
		GrantTypes: []string{oauth2.GrantClientCredentials, oauth2.GrantRefreshToken}, Scope: oauth2.Scope{"read"},
	}))
	got := w.token("both", "grant_type", "client_credentials")
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.NotContains(t, got.json, "refresh_token")
}
