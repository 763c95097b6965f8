package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/internal/race"
)

// A ClientRegistry is an [oauth2.ClientRegistry] whose clients an application can replace, whatever they
// were before.
type ClientRegistry interface {
	oauth2.ClientRegistry
	// UpdateClient replaces a client. oauth2.ErrNotFound: there is none with this ID. A client that
	// fails [oauth2.Client.Validate] is refused with that error.
	UpdateClient(ctx context.Context, c *oauth2.Client) error
}

// clientCases are the sentences about [ClientRegistry].
var clientCases = []struct {
	sentence string
	verify   func(t testing.TB, clients ClientRegistry)
}{
	{"Client returns what CreateClient stored, in every member", clientReturnsWhatWasCreated},
	{"CreateClient of a taken ID is ErrExists and changes nothing", createOfTakenClientID},
	{"of parallel CreateClients of one ID exactly one wins", oneCreateClientWins},
	{"Client of an unknown ID is ErrNotFound", clientOfUnknownID},
	{"client IDs are told apart by every character", clientIDsDiffer},
	{"UpdateClient replaces the whole client, with itself too", updateReplacesClient},
	{"UpdateClient of an unknown ID is ErrNotFound and creates nothing", updateOfUnknownClient},
	{"ReplaceClient replaces the client that was read", replaceReplacesClient},
	{"ReplaceClient of a client that changed is ErrConflict and changes nothing", replaceOfChangedClient},
	{"ReplaceClient of an unknown ID is ErrNotFound and creates nothing", replaceOfUnknownClient},
	{"of parallel ReplaceClients of one client exactly one wins", oneReplaceClientWins},
	{"DeleteClient removes that client and no other", deleteRemovesOneClient},
	{"an invalid client is refused and changes nothing", invalidClientIsRefused},
	{"a client that was handed over is never shared", clientHandedOverIsNotShared},
	{"a call for a client whose context is done tells so and changes nothing", clientDoneContext},
}

// RunClients proves the contracts of [oauth2.ClientStore] and [ClientRegistry]. newRegistry returns an
// empty registry, and is called for each case anew; cases run one after another.
func RunClients(t *testing.T, newRegistry func(t *testing.T) ClientRegistry) {
	for _, c := range clientCases {
		t.Run(c.sentence, func(t *testing.T) { c.verify(t, newRegistry(t)) })
	}
}

func smallClient(id string) *oauth2.Client {
	return &oauth2.Client{ID: id, RedirectURIs: []string{"https://app.example.com/cb"}}
}

// remoteClient is a fullClient whose keys are elsewhere: a client never has both jwks and jwks_uri.
func remoteClient(id string) *oauth2.Client {
	c := fullClient(id)
	c.JWKS, c.JWKSURI = nil, "https://app.example.com/jwks?a=1&b=<2>"
	return c
}

// fullClient has a value in every field, apart from that of a remoteClient.
func fullClient(id string) *oauth2.Client {
	return &oauth2.Client{
		ID:   id,
		Name: `Zoë's "<b>shop</b>" \ ✓ 漢字`,
		Secrets: []oauth2.ClientSecret{
			{Hash: oauth2.HashSecret(oauth2.NewSecret())},
			{Hash: oauth2.HashSecret(oauth2.NewSecret()), ExpiresAt: now().Add(time.Hour)},
		},
		RedirectURIs:            []string{"https://app.example.com/cb?a=1&b=%20", "https://app.example.com/"},
		GrantTypes:              []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken},
		TokenEndpointAuthMethod: oauth2.AuthMethodBasic,
		ApplicationType:         "web",
		Scope:                   oauth2.Scope{"read", "write"},
		ResourceServer:          true,
		Resources:               []string{"https://api.example.com", "https://api.example.com/v2"},
		PKCEOptional:            true,

		TokenEndpointAuthSigningAlg:           "ES256",
		JWKS:                                  json.RawMessage(`{"keys":[{"kty":"new","kid":"Zoë 1","n":9007199254740993}]}`),
		TLSClientAuthSubjectDN:                `CN=Zoë\, "1",O=Example`,
		TLSClientAuthSANDNS:                   "app.example.com",
		TLSClientAuthSANURI:                   "spiffe://example.com/app",
		TLSClientAuthSANIP:                    "2001:db8::1",
		TLSClientAuthSANEmail:                 "app@example.com",
		TLSClientCertificateBoundAccessTokens: true,

		AuthorizationDetailsTypes:          []string{"payment", "urn:example:export"},
		DPoPBoundAccessTokens:              true,
		RequirePushedAuthorizationRequests: true,
		RequireSignedRequestObject:         true,
		RequestObjectSigningAlg:            "ES256",
		RequestURIs:                        []string{"https://app.example.com/request"},
		AuthorizationSignedResponseAlg:     "ES256",

		CodeLifetime:    30 * time.Second,
		AccessLifetime:  time.Minute + time.Nanosecond,
		RefreshLifetime: time.Hour,
		ClientURI:       "https://app.example.com/",
		LogoURI:         "https://app.example.com/logo.png",
		PolicyURI:       "https://app.example.com/policy",
		TosURI:          "https://app.example.com/tos",
		Contacts:        []string{"ops@app.example.com", ""},
		SoftwareID:      "4NRB1-0XZABZI9E6-5SM3R",
		SoftwareVersion: "2.1 ✓",
		Dynamic:         true,
		Registration: &oauth2.ClientRegistration{
			IssuedAt: now().Add(-time.Hour), TokenDigest: "digest", PreviousDigest: "digest before", Salt: "salt",
			Policy: &oauth2.RegistrationPolicy{
				Scope: oauth2.Scope{"read", "write"}, DefaultScope: oauth2.Scope{"read"}, GrantTypes: []string{oauth2.GrantAuthorizationCode},
				AuthMethods: []string{oauth2.AuthMethodNone}, SecretLifetime: time.Hour, AuthorizationDetailsTypes: []string{"payment"},
			},
			SoftwareStatement: "header.payload.signature",
		},
	}
}

func requireClient(t testing.TB, clients ClientRegistry, want *oauth2.Client) {
	t.Helper()
	got, err := clients.Client(t.Context(), want.ID)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func requireNoClient(t testing.TB, clients ClientRegistry, id string) {
	t.Helper()
	c, err := clients.Client(t.Context(), id)
	require.ErrorIs(t, err, oauth2.ErrNotFound)
	require.Nil(t, c)
}

func clientReturnsWhatWasCreated(t testing.TB, clients ClientRegistry) {
	noGrants := smallClient("no grants")
	noGrants.GrantTypes = []string{} // none, where nil means authorization_code
	for _, c := range []*oauth2.Client{smallClient("small"), fullClient("full"), remoteClient("remote"), noGrants, smallClient(`odd ' " \ % ; --`)} {
		require.NoError(t, clients.CreateClient(t.Context(), c))
		requireClient(t, clients, c)
	}
}

func createOfTakenClientID(t testing.TB, clients ClientRegistry) {
	c := fullClient("web")
	require.NoError(t, clients.CreateClient(t.Context(), c))
	require.ErrorIs(t, clients.CreateClient(t.Context(), smallClient("web")), oauth2.ErrExists)
	require.ErrorIs(t, clients.CreateClient(t.Context(), c), oauth2.ErrExists)
	requireClient(t, clients, c)
}

func oneCreateClientWins(t testing.TB, clients ClientRegistry) {
	for round := range rounds {
		candidates := make([]*oauth2.Client, racers)
		for i := range candidates {
			candidates[i] = smallClient(fmt.Sprintf("client %d", round))
			candidates[i].Name = fmt.Sprintf("racer %d", i)
		}
		errs := race.Run(racers, func(i int) error { return clients.CreateClient(t.Context(), candidates[i]) })
		requireClient(t, clients, candidates[requireOneWinner(t, errs, oauth2.ErrExists)])
	}
}

func clientOfUnknownID(t testing.TB, clients ClientRegistry) {
	require.NoError(t, clients.CreateClient(t.Context(), smallClient("web")))
	for _, id := range []string{"", "we", "webs", "web ", "%", "\x00", "' OR '1'='1"} {
		requireNoClient(t, clients, id)
	}
}

func clientIDsDiffer(t testing.TB, clients ClientRegistry) {
	for _, id := range []string{"web", "WEB", "Web", "web ", " web", "https://app.example.com/client.json"} {
		c := smallClient(id)
		c.Name = "the client " + id
		require.NoError(t, clients.CreateClient(t.Context(), c))
		requireClient(t, clients, c)
	}
}

func updateReplacesClient(t testing.TB, clients ClientRegistry) {
	other := smallClient("other")
	require.NoError(t, clients.CreateClient(t.Context(), fullClient("web")))
	require.NoError(t, clients.CreateClient(t.Context(), other))
	for _, next := range []*oauth2.Client{smallClient("web"), smallClient("web"), fullClient("web")} {
		require.NoError(t, clients.UpdateClient(t.Context(), next))
		requireClient(t, clients, next)
	}
	requireClient(t, clients, other)
}

func updateOfUnknownClient(t testing.TB, clients ClientRegistry) {
	require.ErrorIs(t, clients.UpdateClient(t.Context(), smallClient("web")), oauth2.ErrNotFound)
	requireNoClient(t, clients, "web")
}

func replaceReplacesClient(t testing.TB, clients ClientRegistry) {
	other := smallClient("other")
	require.NoError(t, clients.CreateClient(t.Context(), fullClient("web")))
	require.NoError(t, clients.CreateClient(t.Context(), other))
	for _, next := range []*oauth2.Client{smallClient("web"), smallClient("web"), fullClient("web"), remoteClient("web")} {
		old, err := clients.Client(t.Context(), "web")
		require.NoError(t, err)
		require.NoError(t, clients.ReplaceClient(t.Context(), old, next))
		requireClient(t, clients, next)
	}
	requireClient(t, clients, other)
}

func replaceOfChangedClient(t testing.TB, clients ClientRegistry) {
	require.NoError(t, clients.CreateClient(t.Context(), smallClient("web")))
	old, err := clients.Client(t.Context(), "web")
	require.NoError(t, err)
	changed := smallClient("web")
	changed.Name = "changed"
	require.NoError(t, clients.UpdateClient(t.Context(), changed))
	require.ErrorIs(t, clients.ReplaceClient(t.Context(), old, fullClient("web")), oauth2.ErrConflict)
	requireClient(t, clients, changed)

	invalid := smallClient("web")
	invalid.RedirectURIs = []string{"javascript://app.example.com/%0aalert(1)"}
	require.EqualError(t, clients.ReplaceClient(t.Context(), changed, invalid), invalid.Validate().Error())
	requireClient(t, clients, changed)
}

func replaceOfUnknownClient(t testing.TB, clients ClientRegistry) {
	old := smallClient("web")
	require.ErrorIs(t, clients.ReplaceClient(t.Context(), old, smallClient("web")), oauth2.ErrNotFound)
	requireNoClient(t, clients, "web")
	require.NoError(t, clients.CreateClient(t.Context(), old))
	require.NoError(t, clients.DeleteClient(t.Context(), "web"))
	require.ErrorIs(t, clients.ReplaceClient(t.Context(), old, smallClient("web")), oauth2.ErrNotFound)
	requireNoClient(t, clients, "web")
}

func oneReplaceClientWins(t testing.TB, clients ClientRegistry) {
	require.NoError(t, clients.CreateClient(t.Context(), smallClient("web")))
	for round := range rounds {
		old, err := clients.Client(t.Context(), "web")
		require.NoError(t, err)
		candidates := make([]*oauth2.Client, racers)
		for i := range candidates {
			candidates[i] = smallClient("web")
			candidates[i].Name = fmt.Sprintf("racer %d of round %d", i, round)
		}
		errs := race.Run(racers, func(i int) error { return clients.ReplaceClient(t.Context(), old, candidates[i]) })
		requireClient(t, clients, candidates[requireOneWinner(t, errs, oauth2.ErrConflict)])
	}
}

func deleteRemovesOneClient(t testing.TB, clients ClientRegistry) {
	other := fullClient("other")
	require.NoError(t, clients.CreateClient(t.Context(), fullClient("web")))
	require.NoError(t, clients.CreateClient(t.Context(), other))
	for range 2 {
		require.NoError(t, clients.DeleteClient(t.Context(), "web"))
		requireNoClient(t, clients, "web")
	}
	require.ErrorIs(t, clients.UpdateClient(t.Context(), smallClient("web")), oauth2.ErrNotFound)
	requireClient(t, clients, other)
	require.NoError(t, clients.CreateClient(t.Context(), smallClient("web")))
}

func invalidClientIsRefused(t testing.TB, clients ClientRegistry) {
	c := fullClient("web")
	require.NoError(t, clients.CreateClient(t.Context(), c))
	invalid := smallClient("web")
	invalid.RedirectURIs = []string{"javascript://app.example.com/%0aalert(1)"}
	require.EqualError(t, clients.UpdateClient(t.Context(), invalid), invalid.Validate().Error())
	requireClient(t, clients, c)

	invalid.ID = "new"
	require.EqualError(t, clients.CreateClient(t.Context(), invalid), invalid.Validate().Error())
	requireNoClient(t, clients, "new")
	require.Error(t, clients.CreateClient(t.Context(), smallClient("")))
}

func clientHandedOverIsNotShared(t testing.TB, clients ClientRegistry) {
	c := fullClient("web")
	stored := c.Clone()
	require.NoError(t, clients.CreateClient(t.Context(), c))
	scramble(c)
	requireClient(t, clients, stored)

	next := stored.Clone()
	require.NoError(t, clients.UpdateClient(t.Context(), next))
	scramble(next)
	requireClient(t, clients, stored)
}

func clientDoneContext(t testing.TB, clients ClientRegistry) {
	c := fullClient("web")
	require.NoError(t, clients.CreateClient(t.Context(), c))
	for name, ctx := range doneContexts(t) {
		for call, err := range map[string]error{
			"Client":        onlyError(clients.Client(ctx, "web")),
			"CreateClient":  clients.CreateClient(ctx, smallClient("new")),
			"UpdateClient":  clients.UpdateClient(ctx, smallClient("web")),
			"ReplaceClient": clients.ReplaceClient(ctx, c, smallClient("web")),
			"DeleteClient":  clients.DeleteClient(ctx, "web"),
		} {
			require.ErrorIs(t, err, ctx.Err(), "%s, %s", call, name)
		}
		requireClient(t, clients, c)
		requireNoClient(t, clients, "new")
	}
}
