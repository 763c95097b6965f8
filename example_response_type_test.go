package oauth2_test

import (
	"context"
	"fmt"
	"net/url"

	"github.com/seed5f5fedc6/oauth2"
)

// silentResponse is the response type none (OAuth 2.0 Multiple Response Types section 4): the client
// learns that it may, and gets nothing to use. Its other tokens tell whose they are.
type silentResponse struct{}

func (silentResponse) ResponseType() string { return "none" }

func (silentResponse) Rules() oauth2.ResponseRules {
	return oauth2.ResponseRules{
		GrantTypes: []string{oauth2.GrantAuthorizationCode},
		Checks: []oauth2.ResponseCheck{
			{Rule: "state is there", Source: "RFC 6749 section 10.12", Verify: checkState},
		},
	}
}

func checkState(_ context.Context, req *oauth2.AuthorizationRequest) error {
	if req.State == "" {
		return oauth2.ErrInvalidRequest.With("state is missing.")
	}
	return nil
}

func (silentResponse) Respond(_ context.Context, res *oauth2.AuthorizationResponse) error {
	res.Extra = map[string]string{"granted": res.Authorization.Scope.String()}
	return nil
}

// A response type of one's own says what it asks for and what its answer holds. The server asks the
// user, keeps what is issued, and sends the answer once.
func ExampleResponseTypeHandler() {
	issuer, stop := startExample(&oauth2.Client{
		ID:           "app",
		RedirectURIs: []string{"https://app.example.com/callback"},
		Scope:        oauth2.Scope{"notes.read"},
	}, func(cfg *oauth2.ServerConfig) {
		cfg.ResponseTypes = []oauth2.ResponseTypeHandler{oauth2.CodeResponse{}, silentResponse{}}
	})
	defer stop()

	request := url.Values{"response_type": {"none"}, "client_id": {"app"}, "redirect_uri": {"https://app.example.com/callback"}}
	refused := visit(issuer + "/authorize?" + request.Encode()).Query()
	fmt.Println(refused.Get("error_description"))

	request.Set("state", "a-state")
	answer := visit(issuer + "/authorize?" + request.Encode()).Query()
	fmt.Println(answer.Get("state"), answer.Get("granted"), answer.Has("code"), answer.Get("iss") == issuer)
	// Output:
	// state is missing.
	// a-state notes.read false true
}
