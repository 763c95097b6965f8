package oauth2

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Profile is what a configuration is held against.
type Profile string

// The profiles.
const (
	// ProfileOAuth21 is OAuth 2.1 (draft-ietf-oauth-v2-1-16) with the best current practice for
	// security that it builds on (RFC 9700).
	ProfileOAuth21 Profile = "OAuth 2.1"
	// ProfileFAPI2 is the FAPI 2.0 Security Profile, in its final version of 2025.
	ProfileFAPI2 Profile = "FAPI 2.0"
)

// A Level is how much a finding weighs, in the words of RFC 2119.
type Level string

// The levels.
const (
	LevelMust   Level = "must"
	LevelShould Level = "should"
	// LevelNote: nothing is asked for, but an operator should know.
	LevelNote Level = "note"
)

// A Finding is where a configuration falls short.
type Finding struct {
	Profile Profile
	// Section is where it is asked for, such as "RFC 9700 section 2.1.1". It is empty for a note of
	// this library's own.
	Section string
	Level   Level
	// Subject is a field of ServerConfig, "client" and its ID, or "server" for what this library does
	// not serve.
	Subject string
	// Text says what is wrong and what mends it. It holds no secret.
	Text string
}

// String is the finding on one line.
func (f Finding) String() string {
	return string(f.Level) + ": " + f.Subject + ": " + f.Text + " (" + cmp.Or(f.Section, "advice") + ")"
}

// Lint reports where a configuration, and the clients that are registered with it, fall short of a
// profile, in the order of its sections. No finding means that it asks for nothing that can be seen in
// a configuration; the application's own part, its login, its pages and its TLS, cannot be.
//
// Lint changes nothing, calls none of the functions in cfg and asks no store. That cfg is valid is for
// [New] to find out.
func Lint(profile Profile, cfg ServerConfig, clients ...*Client) []Finding {
	in := &lintInput{cfg: cfg.withDefaults()}
	for _, c := range clients {
		if c != nil {
			in.clients = append(in.clients, c)
		}
	}
	var findings []Finding
	for _, rule := range lintRules {
		if rule.profile != profile {
			continue
		}
		for _, subject := range rule.subjects(in) {
			findings = append(findings, Finding{Profile: profile, Section: rule.section, Level: rule.level, Subject: subject, Text: rule.text})
		}
	}
	return findings
}

type lintInput struct {
	cfg     ServerConfig // with its defaults
	clients []*Client
}

// A lintRule is one thing that a profile asks for.
type lintRule struct {
	profile  Profile
	section  string
	level    Level
	text     string
	subjects func(*lintInput) []string // those that fall short
}

// field is a rule about a field of ServerConfig.
func field(name string, falls func(*ServerConfig) bool) func(*lintInput) []string {
	return func(in *lintInput) []string {
		if falls(&in.cfg) {
			return []string{name}
		}
		return nil
	}
}

// notServed is a rule about what this library does not do, where it would have to.
func notServed(needed func(*ServerConfig) bool) func(*lintInput) []string {
	return field("server", needed)
}

// subjectClient is what a finding about a client has in front of its ID.
const subjectClient = "client "

// eachClient is a rule about every client.
func eachClient(falls func(*ServerConfig, *Client) bool) func(*lintInput) []string {
	return func(in *lintInput) (subjects []string) {
		for _, c := range in.clients {
			if falls(&in.cfg, c) {
				subjects = append(subjects, subjectClient+c.ID)
			}
		}
		return subjects
	}
}

// eachRedirect is a rule about every redirect URI.
func eachRedirect(falls func(c *Client, uri string, u *url.URL) bool) func(*lintInput) []string {
	return func(in *lintInput) (subjects []string) {
		for _, c := range in.clients {
			for _, uri := range c.RedirectURIs {
				u, err := url.Parse(uri)
				if err != nil {
					u = &url.URL{}
				}
				if falls(c, uri, u) {
					subjects = append(subjects, subjectClient+c.ID+", redirect URI "+uri)
				}
			}
		}
		return subjects
	}
}

// eachDocumentField is a rule about fields of ClientIDMetadataConfig, where documents are served.
func eachDocumentField(falls map[string]func(*ClientIDMetadataConfig) bool) func(*lintInput) []string {
	return func(in *lintInput) (subjects []string) {
		m := in.cfg.clientIDMetadata()
		for _, name := range slices.Sorted(maps.Keys(falls)) {
			if m != nil && falls[name](&m.cfg) {
				subjects = append(subjects, "ClientIDMetadata."+name)
			}
		}
		return subjects
	}
}

// either is a rule with two kinds of subjects.
func either(a, b func(*lintInput) []string) func(*lintInput) []string {
	return func(in *lintInput) []string { return append(a(in), b(in)...) }
}

// grantNamed finds the grant, and the clients registered for it, that a profile rules out.
func grantNamed(grantType string) func(*lintInput) []string {
	return either(
		field("Grants", serves(grantType)),
		eachClient(func(_ *ServerConfig, c *Client) bool { return slices.Contains(c.GrantTypes, grantType) }),
	)
}

func serves(grantType string) func(*ServerConfig) bool {
	return func(cfg *ServerConfig) bool { return cfg.serves(grantType) }
}

// longer finds a lifetime beyond what is asked for, the server's or a client's own.
func longer(name string, server func(*ServerConfig) time.Duration, client func(*Client) time.Duration, most func(*ServerConfig) time.Duration) func(*lintInput) []string {
	return either(
		field(name, func(cfg *ServerConfig) bool { return server(cfg) > most(cfg) }),
		eachClient(func(cfg *ServerConfig, c *Client) bool { return client(c) > most(cfg) }),
	)
}

func atMost(d time.Duration) func(*ServerConfig) time.Duration {
	return func(*ServerConfig) time.Duration { return d }
}

// insecureRedirect finds http, but on the loopback interface of a native client.
func insecureRedirect(c *Client, _ string, u *url.URL) bool {
	return u.Scheme == "http" && (!c.native() || !loopbackHost(u.Hostname()))
}

// chosenSecret finds a secret that was kept as the passwords of people are.
func chosenSecret(_ *ServerConfig, c *Client) bool {
	return slices.ContainsFunc(c.Secrets, func(s ClientSecret) bool {
		return IsHash(s.Hash) && !strings.HasPrefix(s.Hash, prefixSHA256)
	})
}

// unreadableSecret finds a secret that is no hash, and so perhaps the secret itself.
func unreadableSecret(_ *ServerConfig, c *Client) bool {
	return slices.ContainsFunc(c.Secrets, func(s ClientSecret) bool { return !IsHash(s.Hash) })
}

// uncertainRotation finds a public client whose refresh tokens are another grant's than RefreshGrant.
func uncertainRotation(cfg *ServerConfig, c *Client) bool {
	return c.Public() && c.MayUse(GrantRefreshToken) && slices.ContainsFunc(cfg.Grants, func(g GrantHandler) bool {
		_, rotates := g.(RefreshGrant)
		return g != nil && g.GrantType() == GrantRefreshToken && !rotates
	})
}
