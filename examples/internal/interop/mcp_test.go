package interop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/testserver"
)

// mcpClients are the packages of the Model Context Protocol, with what each shows.
var mcpClients = []struct {
	library, script string
	features        []string
}{
	{"@modelcontextprotocol/sdk", "mcp-sdk", mcpFeatures},
	{"@modelcontextprotocol/client", "mcp-client", mcpFeatures},
}

var mcpFeatures = []string{"code and PKCE, known by document", "code and PKCE, known by registration", "refresh", "more scopes when a tool needs them"}

// A client is given the URL of examples/mcp, and finds out the rest.
func TestClientsOfTheModelContextProtocolFindTheirWay(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "mcp")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../mcp").CombinedOutput()
	require.NoError(t, err, string(output))
	for _, p := range places {
		if p.https || p.name == "PostgreSQL" {
			continue // it speaks plain http, and one database of the network is enough
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := emptySite(t)
			s.certify(t)
			s.describe(t)
			address := testserver.Address(t)
			s.party = party{Issuer: "http://" + address, Resource: "http://" + address + "/mcp"}
			store := p.start(t)
			testserver.Program(t, func() *exec.Cmd {
				server := exec.Command(program, "-addr", address, "-store", store)
				server.Env = append(os.Environ(), "SSL_CERT_FILE="+s.Certificates)
				return server
			}, s.mcpReady)
			for _, c := range mcpClients {
				t.Run(c.library, func(t *testing.T) { require.Equal(t, c.features, node(c.script)(t, s)) })
			}
		})
	}
}

// describe serves the documents of clients, which differ in whether they refresh.
func (s *site) describe(t *testing.T) {
	ln, base := s.listen(t)
	s.Document = base + "/client.json"
	s.serve(t, ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		grants := []string{"authorization_code"}
		if base+r.URL.Path == s.Document {
			grants = append(grants, "refresh_token")
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"client_id": base + r.URL.Path, "client_name": "Notepad", "redirect_uris": []string{redirectURI},
			"grant_types": grants, "token_endpoint_auth_method": "none",
		})
	}))
}

func (s *site) mcpReady() error {
	answer, err := http.Get(s.Issuer + "/healthz")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("/healthz answers %d", answer.StatusCode)
	}
	return nil
}
