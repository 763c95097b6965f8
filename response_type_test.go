package oauth2_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// tokenResponse is the response type token, without what package legacy asks for beside.
type tokenResponse struct{}

func (tokenResponse) ResponseType() string { return "token" }
func (tokenResponse) Rules() oauth2.ResponseRules {
	return oauth2.ResponseRules{GrantTypes: []string{"implicit"}, AccessToken: true, AccessLifetime: 10 * time.Minute}
}
func (tokenResponse) Respond(context.Context, *oauth2.AuthorizationResponse) error { return nil }

// A madeResponse is whatever a test needs.
type madeResponse struct {
	name    string
	rules   oauth2.ResponseRules
	respond func(context.Context, *oauth2.AuthorizationResponse) error
}

func (m madeResponse) ResponseType() string        { return m.name }
func (m madeResponse) Rules() oauth2.ResponseRules { return m.rules }
func (m madeResponse) Respond(ctx context.Context, res *oauth2.AuthorizationResponse) error {
	if m.respond == nil {
		return nil
	}
	return m.respond(ctx, res)
}

// none is the response type of that name.
var none = madeResponse{name: "none", rules: oauth2.ResponseRules{GrantTypes: []string{"authorization_code"}}}

// codeToken issues a code and a token, and what covers both.
var codeToken = madeResponse{
	name:  "code token",
	rules: oauth2.ResponseRules{GrantTypes: []string{"authorization_code", "implicit"}, Code: true, AccessToken: true},
	respond: func(_ context.Context, res *oauth2.AuthorizationResponse) error {
		res.Extra = map[string]string{"covers": challengeOf(res.Code + res.AccessToken), "code": "mine", "state": "mine", "iss": "mine", "a b": "c&d"}
		return nil
	},
}

const (
	pageApp      = "page-app" // public: implicit and code
	pageRedirect = "https://page.example.com/callback"
)

// newResponseWorld serves code and others to pageApp.
func newResponseWorld(t testing.TB, others []oauth2.ResponseTypeHandler, configure ...func(*oauth2.ServerConfig)) *world {
	w := newWorld(t, append(configure, func(cfg *oauth2.ServerConfig) {
		cfg.ResponseTypes = append([]oauth2.ResponseTypeHandler{oauth2.CodeResponse{}}, others...)
	})...)
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{
		ID: pageApp, RedirectURIs: []string{pageRedirect}, GrantTypes: []string{"authorization_code", "implicit", "refresh_token"}, Scope: oauth2.Scope{"read", "write"},
	}))
	return w
}

func tokensServed(t testing.TB, configure ...func(*oauth2.ServerConfig)) *world {
	return newResponseWorld(t, []oauth2.ResponseTypeHandler{tokenResponse{}}, configure...)
}

// pageRequest are the parameters of pageApp for a response type.
func pageRequest(responseType string, pairs ...string) url.Values {
	return codeRequest(append([]string{"response_type", responseType, "client_id", pageApp, "redirect_uri", pageRedirect}, pairs...)...)
}

// fragment requires an answer in a fragment, and returns it.
func (a answer) fragment(t testing.TB) url.Values {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, a.status, a.body)
	redirect, fragment, found := strings.Cut(a.header.Get("Location"), "#")
	require.True(t, found, a.header.Get("Location"))
	require.Equal(t, pageRedirect, redirect)
	parameters, err := url.ParseQuery(fragment)
	require.NoError(t, err)
	return parameters
}

// answerPage asks for something and says yes.
func (w *world) answerPage(query url.Values) answer {
	w.t.Helper()
	page := w.ask(query)
	require.Equal(w.t, http.StatusOK, page.status, page.header.Get("Location")+page.body)
	return w.decide(query, formTokenIn(page.body), "yes")
}

func TestAResponseTypeThatIssuesATokenAnswersInTheFragment(t *testing.T) {
	t.Parallel()
	w := tokensServed(t)
	got := w.answerPage(pageRequest("token", "scope", "read", "state", "x&iss=evil#y z"))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Equal(t, "same-origin", got.header.Get("Referrer-Policy"))
	require.Empty(t, got.body)
	sent := got.fragment(t)
	token := sent.Get("access_token")
	require.Regexp(t, `^at_[\w-]{64}$`, token)
	require.Equal(t, url.Values{
		"access_token": {token}, "token_type": {"Bearer"}, "expires_in": {"600"}, "scope": {"read"},
		"state": {"x&iss=evil#y z"}, "iss": {w.url},
	}, sent)
	issued := w.last()
	require.Equal(t, oauth2.EventTokenIssued, issued.Type)
	require.Equal(t, "implicit", issued.GrantType)
	require.Equal(t, oauth2.Scope{"read"}, issued.Scope)
	info, err := w.server.Check(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, "alice", info.Subject)
	require.Equal(t, w.clock.Now().Add(10*time.Minute), info.ExpiresAt)
	a, err := w.store.Get(t.Context(), info.AuthorizationID)
	require.NoError(t, err)
	require.Nil(t, a.Refresh)
	require.Equal(t, 1, a.Format, "an older replica can read it")
	w.clock.Advance(10 * time.Minute)
	require.False(t, w.active(token))
}

func TestARefusalIsToldWhereTheAnswerWouldBe(t *testing.T) {
	t.Parallel()
	w := tokensServed(t)
	for _, pairs := range [][]string{{"scope", "admin"}, {"max_age", "x"}, {"prompt", "none"}} {
		sent := w.ask(pageRequest("token", pairs...)).fragment(t)
		require.NotEmpty(t, sent.Get("error"), pairs)
		require.Equal(t, "xyz", sent.Get("state"))
		require.Equal(t, w.url, sent.Get("iss"))
	}
	query := pageRequest("token")
	require.Equal(t, "access_denied", w.decide(query, formTokenIn(w.ask(query).body), "no").fragment(t).Get("error"))
	for _, unknown := range []string{"id_token", "token code", "token token", " token", "TOKEN"} {
		require.Equal(t, "unsupported_response_type", w.ask(pageRequest(unknown)).location(t).Get("error"), unknown)
	}
	twice := pageRequest("token")
	twice.Add("response_type", "code")
	require.Equal(t, "invalid_request", w.ask(twice).location(t).Get("error"))
}

func TestATokenNeverGoesIntoAQuery(t *testing.T) {
	t.Parallel()
	w := tokensServed(t, signing)
	for _, mode := range []string{"query", "query.jwt"} {
		sent := w.ask(pageRequest("token", "response_mode", mode)).fragment(t)
		require.Equal(t, "invalid_request", sent.Get("error"), mode)
	}
	posted := w.answerPage(pageRequest("token", "response_mode", "form_post"))
	require.Equal(t, http.StatusOK, posted.status)
	require.Regexp(t, `name="access_token" value="at_`, posted.body)
	require.NotEmpty(t, w.answerPage(pageRequest("token", "response_mode", "fragment")).fragment(t).Get("access_token"))
	for _, mode := range []string{"jwt", "fragment.jwt"} {
		sent := w.answerPage(pageRequest("token", "response_mode", mode)).fragment(t)
		require.Len(t, sent, 1, mode)
		require.NotEmpty(t, sent.Get("response"), mode)
	}
}

func TestACodeMayBeAnsweredInTheFragmentWhereThatIsServed(t *testing.T) {
	t.Parallel()
	w := tokensServed(t)
	require.NotEmpty(t, w.answerPage(pageRequest("code", "response_mode", "fragment")).fragment(t).Get("code"))
	require.NotEmpty(t, w.answerPage(pageRequest("code")).location(t).Get("code"), "and is in the query by default")
	plain := newWorld(t)
	require.Equal(t, "invalid_request", plain.ask(codeRequest("response_mode", "fragment")).location(t).Get("error"))
}

func TestAResponseTypeIsForClientsThatAreRegisteredForAllItsGrants(t *testing.T) {
	t.Parallel()
	w := newResponseWorld(t, []oauth2.ResponseTypeHandler{tokenResponse{}, codeToken})
	for _, responseType := range []string{"token", "code token"} {
		got := w.ask(codeRequest("response_type", responseType)) // of webApp, which may use codes
		_, fragment, found := strings.Cut(got.header.Get("Location"), "#")
		require.True(t, found)
		sent, err := url.ParseQuery(fragment)
		require.NoError(t, err)
		require.Equal(t, "unauthorized_client", sent.Get("error"))
	}
}

func TestNoTokenIsIssuedThatWouldHaveToBeBoundToAKey(t *testing.T) {
	t.Parallel()
	w := tokensServed(t)
	client, err := w.clients.Client(t.Context(), pageApp)
	require.NoError(t, err)
	for name, bind := range map[string]func(*oauth2.Client){
		"DPoP":          func(c *oauth2.Client) { c.DPoPBoundAccessTokens = true },
		"a certificate": func(c *oauth2.Client) { c.TLSClientCertificateBoundAccessTokens = true },
	} {
		bound := client.Clone()
		bind(bound)
		require.NoError(t, w.clients.UpdateClient(t.Context(), bound))
		require.Equal(t, "unauthorized_client", w.ask(pageRequest("token")).fragment(t).Get("error"), name)
	}
}

func TestOneAnswerMayHoldACodeAndATokenAndWhatCoversBoth(t *testing.T) {
	t.Parallel()
	w := newResponseWorld(t, []oauth2.ResponseTypeHandler{codeToken})
	require.Equal(t, "invalid_request", w.ask(pageRequest("code token", "code_challenge", "")).fragment(t).Get("error"), "PKCE is required of every code")
	sent := w.answerPage(pageRequest("token code")).fragment(t) // RFC 6749 section 3.1.1: in any order
	code, token := sent.Get("code"), sent.Get("access_token")
	require.Equal(t, challengeOf(code+token), sent.Get("covers"))
	require.Equal(t, []string{"c&d"}, sent["a b"])
	require.Equal(t, []string{"xyz"}, sent["state"], "further parameters replace none")
	require.Equal(t, []string{w.url}, sent["iss"])
	require.Len(t, sent["code"], 1)
	require.NotContains(t, token, code[23:23+32], "who sees the one does not know the other")
	require.Equal(t, []oauth2.EventType{oauth2.EventCodeIssued, oauth2.EventTokenIssued}, w.eventTypes()[len(w.eventTypes())-2:])
	got := w.token("", "grant_type", "authorization_code", "client_id", pageApp, "code", code, "redirect_uri", pageRedirect, "code_verifier", verifier)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.True(t, w.active(token))
	require.True(t, w.active(got.str("access_token")))
	replay := w.token("", "grant_type", "authorization_code", "client_id", pageApp, "code", code, "redirect_uri", pageRedirect, "code_verifier", verifier)
	refused(t, replay, 400, "invalid_grant")
	require.False(t, w.active(token), "one authorization: a replay ends it all")
}

func TestTheTokenOfAnAnswerIsRevokedAloneAndItsCodeStaysGood(t *testing.T) {
	t.Parallel()
	w := newResponseWorld(t, []oauth2.ResponseTypeHandler{codeToken})
	sent := w.answerPage(pageRequest("code token")).fragment(t)
	require.Equal(t, http.StatusOK, w.post("/revoke", "", values("client_id", pageApp, "token", sent.Get("access_token"))).status)
	require.False(t, w.active(sent.Get("access_token")))
	require.Equal(t, oauth2.EventTokenRevoked, w.eventTypes()[len(w.eventTypes())-1])
	got := w.token("", "grant_type", "authorization_code", "client_id", pageApp, "code", sent.Get("code"), "redirect_uri", pageRedirect, "code_verifier", verifier)
	require.Equal(t, http.StatusOK, got.status, got.body)
}

func TestAResponseTypeMayIssueNothing(t *testing.T) {
	t.Parallel()
	w := newResponseWorld(t, []oauth2.ResponseTypeHandler{none})
	query := pageRequest("none")
	formToken := formTokenIn(w.ask(query).body)
	for range 2 {
		got := w.decide(query, formToken, "yes")
		require.Equal(t, http.StatusSeeOther, got.status, got.body)
		require.Equal(t, url.Values{"state": {"xyz"}, "iss": {w.url}}, got.location(t))
		require.Equal(t, oauth2.EventApproved, w.last().Type)
	}
	for _, a := range records(t, w) {
		require.False(t, a.Live(w.clock.Now()))
	}
}

func TestAResponseTypeThatRefusesStoresNothing(t *testing.T) {
	t.Parallel()
	fault := errors.New("no key")
	for name, c := range map[string]struct {
		err    error
		status int
	}{
		"a refusal": {oauth2.ErrAccessDenied.With("Not today."), http.StatusSeeOther},
		"a fault":   {fault, http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := c.err
			stubborn := tokenLike(func(context.Context, *oauth2.AuthorizationResponse) error { return answer })
			w := newResponseWorld(t, []oauth2.ResponseTypeHandler{stubborn})
			query := pageRequest("token")
			formToken := formTokenIn(w.ask(query).body)
			got := w.decide(query, formToken, "yes")
			require.Equal(t, c.status, got.status, got.body)
			require.NotContains(t, got.header.Get("Location"), "access_token")
			require.Empty(t, records(t, w))
			answer = nil
			require.NotEmpty(t, w.decide(query, formToken, "yes").fragment(t).Get("access_token"), "and the page can be answered again")
		})
	}
}

// tokenLike is the response type token that completes its answers so.
func tokenLike(respond func(context.Context, *oauth2.AuthorizationResponse) error) madeResponse {
	return madeResponse{name: "token", rules: tokenResponse{}.Rules(), respond: respond}
}

func TestTheChecksOfAResponseTypeAreHeldBeforeAnyoneIsAsked(t *testing.T) {
	t.Parallel()
	rules := tokenResponse{}.Rules()
	rules.Checks = []oauth2.ResponseCheck{
		{Rule: "the nonce is there", Source: "OpenID Connect Core section 3.2.2.1", Verify: func(_ context.Context, req *oauth2.AuthorizationRequest) error {
			if req.Param("nonce") == "" {
				return oauth2.ErrInvalidRequest.With("nonce is missing.")
			}
			return nil
		}},
		{Rule: "it works", Verify: func(_ context.Context, req *oauth2.AuthorizationRequest) error {
			if req.Param("nonce") == "fault" {
				return errors.New("a fault")
			}
			return nil
		}},
	}
	w := newResponseWorld(t, []oauth2.ResponseTypeHandler{madeResponse{name: "token", rules: rules}})
	require.Equal(t, "nonce is missing.", w.ask(pageRequest("token")).fragment(t).Get("error_description"))
	require.Equal(t, http.StatusInternalServerError, w.ask(pageRequest("token", "nonce", "fault")).status)
	require.NotEmpty(t, w.answerPage(pageRequest("token", "nonce", "n")).fragment(t).Get("access_token"))
}

func TestATokenFromTheAuthorizationEndpointMayBeAJWT(t *testing.T) {
	t.Parallel()
	w := tokensServed(t, signing, func(cfg *oauth2.ServerConfig) {
		cfg.Resources = []oauth2.Resource{{URI: "https://api.example.com", Format: oauth2.FormatJWT, Scopes: oauth2.Scope{"read"}, AccessLifetime: time.Minute}}
	})
	query := pageRequest("token")
	formToken := formTokenIn(w.ask(query).body)
	sent := w.decide(query, formToken, "yes").fragment(t)
	require.Equal(t, "60", sent.Get("expires_in"), "the shortest lifetime counts")
	require.Equal(t, "read", sent.Get("scope"), "the resource takes no more")
	token := sent.Get("access_token")
	require.Equal(t, 2, strings.Count(token, "."))
	info, err := w.server.Check(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, "alice", info.Subject)
	again := w.decide(query, formToken, "yes").fragment(t).Get("access_token")
	other, err := w.server.Check(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, info.AuthorizationID, other.AuthorizationID)
	require.NoError(t, w.server.ExpireToken(t.Context(), token))
	require.False(t, w.active(again))
}

func TestALockedSubjectGetsNoToken(t *testing.T) {
	t.Parallel()
	locked := true
	w := tokensServed(t, func(cfg *oauth2.ServerConfig) {
		cfg.SubjectActive = func(context.Context, string) (bool, error) { return !locked, nil }
	})
	require.Equal(t, "access_denied", w.answerPage(pageRequest("token")).fragment(t).Get("error"))
	locked = false
	require.NotEmpty(t, w.answerPage(pageRequest("token")).fragment(t).Get("access_token"))
}

func TestAPushedRequestMayAskForAToken(t *testing.T) {
	t.Parallel()
	w := tokensServed(t, func(cfg *oauth2.ServerConfig) { cfg.Endpoints.PushedAuthorization = "/par" })
	refusal := w.post("/par", "", pageRequest("token", "response_mode", "query"))
	refused(t, refusal, 400, "invalid_request")
	pushed := w.post("/par", "", pageRequest("token"))
	require.Equal(t, http.StatusCreated, pushed.status, pushed.body)
	query := values("client_id", pageApp, "request_uri", pushed.str("request_uri"))
	one, two := w.ask(query), w.ask(query)
	token := w.decide(query, formTokenIn(one.body), "yes").fragment(t).Get("access_token")
	require.True(t, w.active(token))
	for _, page := range []answer{one, two} {
		got := w.decide(query, formTokenIn(page.body), "yes")
		require.Equal(t, http.StatusBadRequest, got.status, "a request_uri leads to one token")
	}
	require.Len(t, records(t, w), 1)
}
