package attack

import (
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	logging.Disable() // go-redis tells of every server that a test ends
	os.Exit(m.Run())
}

// An attack is one thing that is tried, named by what holds nevertheless.
type attack struct {
	name string
	// source is the section that demands it, or where it went through.
	source string
	// only restricts the attack to one kind of server. The zero value is both.
	only kind
	run  func(t *testing.T, s *site)
}

// A kind of server under attack.
type kind int

const (
	embedded kind = iota + 1 // an application of these tests, whose configuration and clock they set
	example                  // the program examples/authserver
	signing                  // any that issues JWTs, or can be configured to
	overTLS                  // the program, where it serves https by itself
)

// among reports whether an attack on some kind of server is for this one.
func (s *site) among(only kind) bool {
	return only == 0 || only == s.kind || only == signing && (s.jwts || s.kind == embedded) || only == overTLS && s.roots != nil
}

type area struct {
	name    string
	attacks []attack
}

// areas returns every attack, in the order of the protocol.
func areas() []area {
	return []area{
		{"redirect", redirectAttacks},
		{"authorize", authorizeAttacks},
		{"pkce", pkceAttacks},
		{"pushed requests", parAttacks},
		{"request objects", jarAttacks},
		{"authorization details", detailsAttacks},
		{"consent", consentAttacks},
		{"login", loginAttacks},
		{"code", codeAttacks},
		{"refresh", refreshAttacks},
		{"device", deviceAttacks},
		{"registration", registrationAttacks},
		{"metadata documents", documentAttacks},
		{"token", tokenAttacks},
		{"wire", wireAttacks},
		{"client credentials", clientCredentialsAttacks},
		{"implicit", implicitAttacks},
		{"password", passwordAttacks},
		{"introspection", introspectionAttacks},
		{"jwt", jwtAttacks},
		{"revocation", revocationAttacks},
		{"metadata", metadataAttacks},
		{"resource", resourceAttacks},
		{"offline", offlineAttacks},
		{"dpop", dpopAttacks},
		{"client keys", clientKeyAttacks},
		{"mcp", mcpAttacks},
		{"token exchange", exchangeAttacks},
		{"bearer assertions", bearerAttacks},
	}
}

func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, k := range []keeper{inMemory, inSQLite, inRedis} {
		t.Run(k.name, func(t *testing.T) {
			attackAll(t, startApp(t, newTarget(t, k)))
		})
	}
}

func TestAttacksOnTheExampleServer(t *testing.T) {
	t.Parallel()
	program := buildExample(t)
	for _, target := range []struct {
		keeper
		https, jwts bool
	}{{keeper: inMemory}, {keeper: inSQLite}, {keeper: inRedis}, {keeper: inMemory, https: true}, {keeper: inSQLite, https: true, jwts: true}} {
		name := target.name
		if target.https {
			name += " over TLS"
		}
		if target.jwts {
			name += " with JWTs"
		}
		t.Run(name, func(t *testing.T) {
			attackAll(t, startExample(t, newTarget(t, target.keeper), program, target.https, target.jwts))
		})
	}
}

// attackAll runs every attack on a server, and then looks for what it gave away.
func attackAll(t *testing.T, s *site) {
	for _, area := range areas() {
		t.Run(area.name, func(t *testing.T) {
			for _, a := range area.attacks {
				if !s.among(a.only) {
					continue
				}
				t.Run(a.name, func(t *testing.T) {
					t.Parallel()
					t.Cleanup(func() {
						if t.Failed() {
							t.Log("see " + a.source)
						}
					})
					a.run(t, s.in(t))
				})
			}
		})
	}
	t.Run("secrecy", func(t *testing.T) { givesNothingAway(t, s.in(t)) })
}

func TestEveryAttackHasANameOfItsOwnAndASource(t *testing.T) {
	t.Parallel()
	for _, area := range areas() {
		require.NotEmpty(t, area.attacks, area.name)
		seen := map[string]bool{}
		for _, a := range area.attacks {
			require.NotEmpty(t, a.name)
			require.NotEmpty(t, a.source, a.name)
			require.False(t, seen[a.name], a.name)
			seen[a.name] = true
		}
	}
}
