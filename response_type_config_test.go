package oauth2_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestResponseTypesThatCannotBeMeantAreErrors(t *testing.T) {
	t.Parallel()
	implicit := []string{"implicit"}
	for want, others := range map[string]oauth2.ResponseTypeHandler{
		"ResponseTypes[1] is nil or has no response type":       nil,
		"ResponseTypes[1] is nil or has no response type.":      madeResponse{},
		`ResponseTypes has "code" twice`:                        oauth2.CodeResponse{},
		`ResponseTypes: "a  b" is malformed`:                    madeResponse{name: "a  b", rules: tokenResponse{}.Rules()},
		`ResponseTypes: "x" names no grant type`:                madeResponse{name: "x"},
		`"token": AccessLifetime -1ns is shorter than a second`: madeResponse{name: "token", rules: oauth2.ResponseRules{GrantTypes: implicit, AccessLifetime: -1}},
		`"token": the check "it holds" verifies nothing`:        madeResponse{name: "token", rules: oauth2.ResponseRules{GrantTypes: implicit, Checks: []oauth2.ResponseCheck{{Rule: "it holds"}}}},
	} {
		cfg := minimal()
		cfg.ResponseTypes = []oauth2.ResponseTypeHandler{oauth2.CodeResponse{}, others}
		_, err := oauth2.New(cfg)
		require.ErrorContains(t, err, strings.TrimSuffix(want, "."))
	}
	for _, types := range [][]oauth2.ResponseTypeHandler{{}, {tokenResponse{}}} {
		cfg := minimal()
		cfg.ResponseTypes = types
		_, err := oauth2.New(cfg)
		require.ErrorContains(t, err, "ResponseTypes: none leads to the authorization code grant")
	}
	cfg := minimal()
	cfg.ResponseTypes = []oauth2.ResponseTypeHandler{oauth2.CodeResponse{}, codeToken, madeResponse{name: "token code", rules: codeToken.rules}}
	_, err := oauth2.New(cfg)
	require.ErrorContains(t, err, `ResponseTypes has "token code" twice`)
	cfg = minimal()
	cfg.Grants = []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}}
	cfg.ResponseTypes = []oauth2.ResponseTypeHandler{oauth2.CodeResponse{}}
	_, err = oauth2.New(cfg)
	require.ErrorContains(t, err, `"code" issues codes, which needs the authorization code grant`)
	cfg.ResponseTypes, cfg.Consent = []oauth2.ResponseTypeHandler{tokenResponse{}}, nil
	_, err = oauth2.New(cfg)
	require.ErrorContains(t, err, "Consent is required by the authorization endpoint")
}

// A choosyGrant cannot be used as it is.
type choosyGrant struct{ oauth2.ClientCredentialsGrant }

var errChoosy = errors.New("choosy: something is missing")

func (choosyGrant) Validate() error { return errChoosy }

func TestNewAsksAGrantWhetherItCanBeUsed(t *testing.T) {
	t.Parallel()
	cfg := minimal()
	cfg.Grants = []oauth2.GrantHandler{choosyGrant{}}
	_, err := oauth2.New(cfg)
	require.ErrorIs(t, err, errChoosy)
	require.ErrorContains(t, err, "oauth2: Grants: choosy")
}

func TestTheMetadataTellsTheResponseTypesAndWhatFollowsFromThem(t *testing.T) {
	t.Parallel()
	code := newWorld(t).get(direct, "/.well-known/oauth-authorization-server", nil).json
	require.Equal(t, []any{"code"}, code["response_types_supported"])
	require.Equal(t, []any{"query", "form_post"}, code["response_modes_supported"])
	require.Equal(t, []any{"authorization_code", "refresh_token", "client_credentials"}, code["grant_types_supported"])

	both := tokensServed(t, signing).get(direct, "/.well-known/oauth-authorization-server", nil).json
	require.Equal(t, []any{"code", "token"}, both["response_types_supported"])
	require.Equal(t, []any{"query", "form_post", "fragment", "query.jwt", "form_post.jwt", "fragment.jwt", "jwt"}, both["response_modes_supported"])
	require.Equal(t, []any{"authorization_code", "refresh_token", "client_credentials", "implicit"}, both["grant_types_supported"])

	alone := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Grants = []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}}
		cfg.ResponseTypes = []oauth2.ResponseTypeHandler{tokenResponse{}}
	})
	told := alone.get(direct, "/.well-known/oauth-authorization-server", nil).json
	require.Equal(t, []any{"token"}, told["response_types_supported"])
	require.Equal(t, []any{"client_credentials", "implicit"}, told["grant_types_supported"])
	require.NotContains(t, told, "code_challenge_methods_supported")
	require.Equal(t, alone.url+"/authorize", told["authorization_endpoint"])
	require.Equal(t, "The only response_type served is token.", alone.ask(codeRequest()).location(t).Get("error_description"))
	refused(t, alone.token(webApp, "grant_type", "implicit"), 400, "unsupported_grant_type")
}

func TestARequestKnowsItsResponseTypeAndWhereItsAnswerGoes(t *testing.T) {
	t.Parallel()
	w := newResponseWorld(t, []oauth2.ResponseTypeHandler{codeToken})
	asked := make(chan [2]string, 1)
	w.consent = func(_ http.ResponseWriter, _ *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		asked <- [2]string{req.ResponseType, req.ResponseMode}
		return nil, oauth2.ErrAccessDenied
	}
	for responseType, want := range map[string][2]string{"code": {"code", "query"}, "token code": {"code token", "fragment"}} {
		w.ask(pageRequest(responseType))
		require.Equal(t, want, <-asked)
	}
}

func TestAGrantOfOnesOwnMayLimitTheLifetimeOfItsTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Grants = []oauth2.GrantHandler{oauth2.CodeGrant{}, briefGrant{}} })
	got := w.token(machine, "grant_type", oauth2.GrantClientCredentials)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.InDelta(t, 90, got.json["expires_in"], 0)
}

// A briefGrant issues tokens for a minute and a half.
type briefGrant struct{ oauth2.ClientCredentialsGrant }

func (g briefGrant) Exchange(ctx context.Context, req *oauth2.TokenRequest) (*oauth2.Issuance, error) {
	issuance, err := g.ClientCredentialsGrant.Exchange(ctx, req)
	if err == nil {
		issuance.AccessLifetime = 90 * time.Second
	}
	return issuance, err
}
