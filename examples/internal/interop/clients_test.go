package interop

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A client is a library that others wrote, and a program that drives the server with it.
type client struct {
	library  string
	runsIn   string
	version  string // where no file of this module pins it
	drive    func(t *testing.T, s *site) (shown []string)
	features []string // all that it shows, in this order
	overTLS  []string // and what it shows there alone
}

var clients = []client{
	{"openid-client", "Node.js", "", node("openid-client"), []string{
		"metadata", "code and PKCE", "form post", "refusal", "API", "refresh", "introspection", "signed introspection",
		"revocation", "client credentials", "PAR", "DPoP", "private_key_jwt", "JAR", "JARM", "all of these at once", "JWT access token",
	}, []string{"mutual TLS"}},
	{"oauth4webapi", "Node.js", "", node("oauth4webapi"), []string{
		"metadata", "protected resource metadata", "code and PKCE", "form post", "refusal", "API", "refresh", "introspection",
		"signed introspection", "revocation", "client credentials", "PAR", "DPoP", "private_key_jwt", "JAR", "JARM", "JWT access token",
	}, nil},
	{"oidc-client-ts", "Chromium", "", driveOIDCClientTS, []string{
		"metadata", "code and PKCE", "refusal", "API", "refresh", "revocation", "DPoP",
	}, nil},
	{"golang.org/x/oauth2", "Go", "", driveXOAuth2, []string{"code and PKCE", "refusal", "API", "refresh", "client credentials"}, nil},
	{"requests-oauthlib", "Python", "Debian's; 1.3.0 in Debian 12", python("requests_oauthlib"), []string{
		"code and PKCE", "refusal", "API", "refresh", "revocation", "client credentials",
	}, nil},
	{"Authlib", "Python", "Debian's; 1.2.0 in Debian 12", python("authlib"), []string{
		"code and PKCE", "refusal", "API", "refresh", "introspection", "revocation", "client credentials", "private_key_jwt", "JWT access token",
	}, nil},
}

// Every library can do all that it is written for, wherever the records live.
func TestClientLibrariesDriveTheExampleServer(t *testing.T) {
	t.Parallel()
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, p)
			for _, c := range clients {
				t.Run(c.library, func(t *testing.T) {
					want := c.features
					if p.https {
						want = append(slices.Clip(want), c.overTLS...)
					}
					require.Equal(t, want, c.drive(t, s))
				})
			}
		})
	}
}

// node drives with a library for JavaScript, by the script of its name: the features, or all of them.
func node(library string, features ...string) func(*testing.T, *site) []string {
	return func(t *testing.T, s *site) []string {
		t.Helper()
		requirePackages(t)
		program := interpreter(t, "npm", "node", "install Node.js 20 or newer")
		return s.run(t, program, append([]string{filepath.Join(packages, library+".mjs")}, features...)...)
	}
}

// python drives with a library for Python, by the script of its name.
func python(module string) func(*testing.T, *site) []string {
	return func(t *testing.T, s *site) []string {
		t.Helper()
		// Debian's own, because the libraries are Debian's packages.
		program := interpreter(t, "python", "/usr/bin/python3", "install Debian's package python3")
		if err := exec.CommandContext(t.Context(), program, "-c", "import "+module).Run(); err != nil {
			missing(t, "python", "%s is missing: install Debian's package python3-%s", module, strings.ReplaceAll(module, "_", "-"))
		}
		return s.run(t, program, "-B", filepath.Join("testdata", "python", "drive_"+module+".py"))
	}
}

// packages is the folder of the npm packages and of the scripts.
const packages = "testdata/npm"

// A manifest is a package.json.
type manifest struct {
	Version      string            `json:"version"`
	Dependencies map[string]string `json:"dependencies"`
}

func readManifest(path string) (m manifest, err error) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	return m, err
}

// requirePackages ends the test unless every package is installed in the very version that is asked for.
func requirePackages(t *testing.T) {
	t.Helper()
	interpreter(t, "npm", "npm", "install Node.js 20 or newer, with npm")
	node := exec.CommandContext(t.Context(), interpreter(t, "npm", "node", "install Node.js 20 or newer"), "--version")
	version, err := node.Output()
	require.NoError(t, err)
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if number, err := strconv.Atoi(major); err != nil || number < 20 {
		missing(t, "npm", "Node.js %s is older than 20: install Node.js 20 or newer", version)
	}
	wanted, err := readManifest(filepath.Join(packages, "package.json"))
	require.NoError(t, err)
	for name, version := range wanted.Dependencies {
		installed, err := readManifest(filepath.Join(packages, "node_modules", name, "package.json"))
		if err != nil || installed.Version != version {
			missing(t, "npm", "%s %s is missing: npm ci --ignore-scripts --prefix examples/internal/interop/%s", name, version, packages)
		}
	}
}
