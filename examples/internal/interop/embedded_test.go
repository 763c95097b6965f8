package interop

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmailtest"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// RFC 9449 section 8: who is asked for a nonce takes it from the answer, and tries again. A page can
// only do so if the server lets it read the header.
func TestClientLibrariesBringTheNoncesThatAServerWants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		library string
		drive   func(t *testing.T, s *site)
	}{
		{"openid-client", func(t *testing.T, s *site) { driveFeatures(t, s, "openid-client", "DPoP", "all of these at once") }},
		{"oidc-client-ts", func(t *testing.T, s *site) {
			requirePackages(t)
			(&visitor{newTab(t), s}).dpop()
		}},
	} {
		t.Run(c.library, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			c.drive(t, newEmbedded(t, func(cfg *oauth2.ServerConfig) {
				cfg.DPoP.NonceKey = []byte(oauth2.NewSecret())
				cfg.OnEvent = func(_ context.Context, e oauth2.Event) {
					if errors.Is(e.Err, oauth2.ErrUseDPoPNonce) {
						asked.Add(1)
					}
				}
			}))
			require.Positive(t, asked.Load(), "no client was asked for a nonce")
		})
	}
}

// The example server signs with ES256 alone.
func TestClientLibrariesVerifyWhatIsSignedByEachAlgorithm(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []oauth2.SignatureAlgorithm{oauth2.ES256, oauth2.EdDSA, oauth2.Ed25519, oauth2.RS256, oauth2.PS256} {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			s := newEmbedded(t, func(cfg *oauth2.ServerConfig) { cfg.Keys.Algorithm = algorithm })
			s.Algorithm = algorithm
			for _, library := range []string{"openid-client", "oauth4webapi"} {
				driveFeatures(t, s, library, "signed introspection", "JARM", "JWT access token")
			}
		})
	}
}

func driveFeatures(t *testing.T, s *site, library string, features ...string) {
	t.Helper()
	require.Equal(t, features, node(library, features...)(t, s))
}

var consentPage = template.Must(template.New("").Parse(`<!doctype html><title>Consent</title><form id="consent" method="post">
<input type="hidden" name="form_token" value="{{.FormToken}}"><button name="decision" value="no">No</button><button name="decision" value="yes">Yes</button>
</form>`))

// consent asks a user who is logged in.
func consent(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
	switch {
	case req.Answered && r.PostFormValue("decision") == "yes":
		return &oauth2.Approval{Subject: user}, nil
	case req.Answered:
		return nil, oauth2.ErrAccessDenied
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := consentPage.Execute(w, req); err != nil {
		return nil, err
	}
	return nil, oauth2.ErrAnswered
}

// newEmbedded is a site with a server of the library's own, configured as no example is, and with the API
// for each format of access tokens.
func newEmbedded(t *testing.T, change func(*oauth2.ServerConfig)) *site {
	t.Helper()
	s := emptySite(t)
	clients, err := oauth2.ParseClients(s.registrations(t))
	require.NoError(t, err)
	registry, err := memory.NewClients(clients...)
	require.NoError(t, err)
	opaque, opaqueURL := s.listen(t)
	signed, signedURL := s.listen(t)
	server := xmailtest.Start(t, opaqueURL, redirectURI, func(cfg *oauth2.ServerConfig) {
		cfg.Clients, cfg.Consent = registry, consent
		cfg.Resources = []oauth2.Resource{{URI: opaqueURL}, {URI: signedURL, Format: oauth2.FormatJWT}}
		cfg.DPoP = &oauth2.DPoPConfig{}
		cfg.Keys = &oauth2.SigningKeys{SealingKeys: [][]byte{[]byte(oauth2.NewSecret())[:32]}}
		cfg.AuthMethods = []string{oauth2.AuthMethodPrivateKeyJWT, oauth2.AuthMethodBasic, oauth2.AuthMethodPost, oauth2.AuthMethodNone}
		cfg.Endpoints.PushedAuthorization = "/par"
		cfg.RequestObjects, cfg.SignedResponses = true, true
		change(cfg)
	})
	s.party = party{Issuer: server.Issuer(), Resource: opaqueURL}
	s.JWT = party{Issuer: server.Issuer(), Resource: signedURL}
	s.guard(t, opaque, s.party)
	s.guard(t, signed, s.JWT)
	return s
}
