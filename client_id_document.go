package oauth2

import (
	"net/url"
	"slices"
	"strings"

	"github.com/seed5f5fedc6/oauth2/internal/fetch"
)

// What a Client ID Metadata Document may be, and where.

// documentAuthMethods are those that need no secret which both sides know (CIMD section 4.1).
var documentAuthMethods = []string{AuthMethodNone, AuthMethodPrivateKeyJWT}

// A documentReading is a document, and the client that it makes.
type documentReading struct {
	url     string
	members clientMetadata
	client  *Client
}

// documentRules are what a document has to hold.
var documentRules = []struct {
	rule, source string
	holds        func(*documentReading) bool
}{
	{"client_id is the URL of the document, to the letter", "CIMD section 4", documentNamesItself},
	{"there is no client secret", "CIMD section 4.1", documentWithoutSecret},
	{"token_endpoint_auth_method is none or private_key_jwt", "CIMD section 4.1", documentAuthenticates},
	{"texts are short, and can be shown", "RFC 7591 section 5", documentAsRegistered(checkMetadataTexts)},
	{"grant_types has one that is served to such clients", "RFC 7591 section 2", documentGrants},
	{"response_types has code where codes are used", "RFC 7591 section 2.1", documentResponds},
	{"redirect_uris are there where codes are used", "CIMD section 4.2", documentRedirects},
	{"redirect_uris may be registered, and fit the application_type", "RFC 7591 section 5", documentAsRegistered(checkMetadataRedirects)},
	{"keys are public, and can be used", "CIMD section 4.1", documentValid},
}

// read makes a client of a document (CIMD section 4). What is refused is told by rules alone: who follows a
// stranger's link does not read the stranger's words here.
func (m *ClientIDMetadata) read(id string, text []byte) (*Client, error) {
	d := &documentReading{url: id}
	var err error
	if d.members, err = readMetadata(text); err != nil {
		return nil, noSuchClient("The client's metadata document is not one JSON object.", err)
	}
	if d.client, err = d.members.client(); err != nil {
		return nil, noSuchClient("The client's metadata document has a member of another type than RFC 7591 says.", err)
	}
	if err := d.members.read("client_id", &d.client.ID); err != nil {
		return nil, noSuchClient("The client_id in the client's metadata document is no text.", err)
	}
	m.restrict(d.client)
	for _, check := range documentRules {
		if !check.holds(d) {
			return nil, noSuchClient("Of the client's metadata document it does not hold that "+check.rule+".", nil)
		}
	}
	return d.client, nil
}

// restrict cuts a client to what the configuration lets such clients have.
func (m *ClientIDMetadata) restrict(c *Client) {
	c.Dynamic = true
	if c.TokenEndpointAuthMethod == "" {
		c.TokenEndpointAuthMethod = AuthMethodNone // RFC 7591's default is a secret, which there cannot be
	}
	grants := m.cfg.GrantTypes
	if grants == nil {
		grants = []string{GrantAuthorizationCode, GrantRefreshToken}
	}
	if c.GrantTypes == nil {
		c.GrantTypes = []string{GrantAuthorizationCode}
	}
	c.GrantTypes = slices.DeleteFunc(c.GrantTypes, func(grantType string) bool { return !slices.Contains(grants, grantType) })
	if c.Scope == nil {
		c.Scope = slices.Clone(m.cfg.Scope)
	}
	c.Scope = slices.DeleteFunc(c.Scope, func(token string) bool { return !m.cfg.Scope.Has(token) })
	c.AuthorizationDetailsTypes = slices.DeleteFunc(c.AuthorizationDetailsTypes, func(name string) bool {
		return !slices.Contains(m.cfg.AuthorizationDetailsTypes, name)
	})
	for _, shown := range []*string{&c.ClientURI, &c.LogoURI, &c.PolicyURI, &c.TosURI} {
		if !m.linkable(*shown) {
			*shown = ""
		}
	}
}

// linkable reports whether a page may link to a URI of a stranger's: no javascript:, for instance (CIMD section
// 8.6).
func (m *ClientIDMetadata) linkable(uri string) bool {
	return fetch.ValidURL(uri) || m.cfg.AllowLoopback && fetch.ValidLoopbackURL(uri)
}

func documentNamesItself(d *documentReading) bool { return d.client.ID == d.url }

func documentWithoutSecret(d *documentReading) bool {
	_, secret := d.members["client_secret"]
	_, expiry := d.members["client_secret_expires_at"]
	return !secret && !expiry
}

func documentAuthenticates(d *documentReading) bool {
	return slices.Contains(documentAuthMethods, d.client.TokenEndpointAuthMethod)
}

// documentAsRegistered holds a document to a rule that clients are held to that register themselves.
func documentAsRegistered(verify func(*Server, *registration) error) func(*documentReading) bool {
	return func(d *documentReading) bool { return verify(nil, &registration{client: d.client}) == nil }
}

func documentGrants(d *documentReading) bool { return len(d.client.GrantTypes) > 0 }

func documentResponds(d *documentReading) bool {
	_, told := d.members["response_types"]
	var types []string
	return !told || !d.client.MayUse(GrantAuthorizationCode) || d.members.read("response_types", &types) == nil && slices.Contains(types, "code")
}

func documentRedirects(d *documentReading) bool {
	return len(d.client.RedirectURIs) > 0 || !d.client.MayUse(GrantAuthorizationCode)
}

func documentValid(d *documentReading) bool { return d.client.Validate() == nil }

// namesDocument reports whether a client_id looks like the URL of a document.
func namesDocument(id string) bool {
	return strings.HasPrefix(id, "https://") || strings.HasPrefix(id, "http://")
}

// documentURLRules are what the URL of a document has to hold.
var documentURLRules = []struct {
	rule, source string
	holds        func(m *ClientIDMetadata, id string, u *url.URL) bool
}{
	{"uses https", "CIMD section 3", func(m *ClientIDMetadata, id string, u *url.URL) bool {
		return u.Scheme == "https" || m.cfg.AllowLoopback && fetch.ValidLoopbackURL(id)
	}},
	{"has no user information and no fragment, and is not too long", "CIMD section 3", func(m *ClientIDMetadata, id string, _ *url.URL) bool {
		return fetch.ValidURL(id) || m.cfg.AllowLoopback && fetch.ValidLoopbackURL(id)
	}},
	{"is written as a URI is", "RFC 3986 section 2", func(_ *ClientIDMetadata, id string, u *url.URL) bool { return uriCharacters(id) && u.String() == id }},
	// Another way to write a host would pass by AllowHost.
	{"has a plain host in lower case", "CIMD section 8.9", func(_ *ClientIDMetadata, _ string, u *url.URL) bool {
		return plainHost(u.Host) && u.Host == strings.ToLower(u.Host) && !strings.HasSuffix(u.Hostname(), ".") && !strings.HasSuffix(u.Host, ":")
	}},
	{"has a path", "CIMD section 3", func(_ *ClientIDMetadata, _ string, u *url.URL) bool { return u.Path != "" }},
	{"has no dot segments in its path", "CIMD section 3", func(_ *ClientIDMetadata, _ string, u *url.URL) bool {
		return !slices.ContainsFunc(strings.Split(u.Path, "/"), func(segment string) bool { return segment == "." || segment == ".." })
	}},
}

// documentURL reads a client_id as the URL of a document (CIMD section 3).
func (m *ClientIDMetadata) documentURL(id string) (*url.URL, error) {
	u, err := url.Parse(id)
	if err != nil {
		return nil, noSuchClient("The client_id is not a URL.", nil)
	}
	for _, check := range documentURLRules {
		if !check.holds(m, id, u) {
			return nil, noSuchClient("Of the client_id, a URL, it does not hold that it "+check.rule+".", nil)
		}
	}
	return u, nil
}

// DocumentHost is the host of the metadata document that describes the client, with its port if there is
// one, and empty for a client that was registered. A consent page shows it (CIMD section 8.5): the name that
// a document gives its client is anybody's choice, the host is not.
func (c *Client) DocumentHost() string {
	if !c.hasDocument() {
		return ""
	}
	u, err := url.Parse(c.ID)
	if err != nil {
		return ""
	}
	return u.Host
}

// hasDocument reports whether the client's metadata are what the URL that is its ID leads to. A client that
// registered itself has an ID of the server's making.
func (c *Client) hasDocument() bool { return c.Dynamic && namesDocument(c.ID) }
