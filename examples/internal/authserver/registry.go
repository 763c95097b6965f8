package authserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"

	"github.com/seed5f5fedc6/oauth2"
)

// The built-in clients and users are in this very file for everyone to read, so they are served on a
// loopback issuer only.
const demoSecret = "-demo-secret-0123456789"

// builtinClients are those of the demo. Its resource server is told about tokens for resource alone.
func builtinClients(resource string) []*oauth2.Client {
	secret := func(id string) []oauth2.ClientSecret {
		return []oauth2.ClientSecret{{Hash: oauth2.HashSecret(id + demoSecret)}}
	}
	return []*oauth2.Client{
		{
			ID: "spam4All", Name: "spam4All", Secrets: secret("spam4All"),
			RedirectURIs: []string{"http://localhost:8600/process-temp-code"},
			GrantTypes:   []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken},
			Scope:        oauth2.Scope{"contacts.read"},

			AuthorizationDetailsTypes: []string{contactsExports.Name},
		},
		{
			ID: "xmail-contacts", Name: "Xmail contacts", Secrets: secret("xmail-contacts"),
			GrantTypes: []string{}, ResourceServer: true, Resources: []string{resource},
		},
		{
			ID: "xmail-stats", Name: "Xmail statistics", Secrets: secret("xmail-stats"),
			GrantTypes: []string{oauth2.GrantClientCredentials}, Scope: oauth2.Scope{"contacts.stats"},
		},
		{
			ID: "xmail-tv", Name: "Xmail TV", ApplicationType: "native", TokenEndpointAuthMethod: oauth2.AuthMethodNone,
			GrantTypes: []string{oauth2.GrantDeviceCode, oauth2.GrantRefreshToken}, Scope: oauth2.Scope{"contacts.read"},
		},
	}
}

func builtinUsers() map[string]string {
	return map[string]string{"alice": "wonderland", "bob": "builder"}
}

// loadClients returns the clients of the options, of the file, or the built-in ones.
func (o *Options) loadClients() ([]*oauth2.Client, error) {
	switch {
	case o.Clients != nil:
		return o.Clients, nil
	case o.ClientsFile != "":
		data, err := os.ReadFile(o.ClientsFile)
		if err != nil {
			return nil, fmt.Errorf("-clients: %w", err)
		}
		clients, err := oauth2.ParseClients(data)
		if err != nil {
			return nil, fmt.Errorf("-clients %s: %w", o.ClientsFile, err)
		}
		return clients, nil
	case !loopbackIssuer(o.Issuer):
		return nil, fmt.Errorf("-clients is required: the built-in demo clients are not served at %s, which is not on this machine", o.Issuer)
	}
	return builtinClients(o.Resource), nil
}

// loadUsers returns passwords or hashes by user name, in the manner of loadClients.
func (o *Options) loadUsers() (map[string]string, error) {
	switch {
	case o.Users != nil:
		return o.Users, nil
	case o.UsersFile != "":
		data, err := os.ReadFile(o.UsersFile)
		if err != nil {
			return nil, fmt.Errorf("-users: %w", err)
		}
		var users map[string]string
		if err := json.Unmarshal(data, &users); err != nil {
			// The text of a JSON error may quote the file, and the file has passwords.
			return nil, fmt.Errorf("-users %s: %w", o.UsersFile, errUsersFile)
		}
		return users, nil
	case !loopbackIssuer(o.Issuer):
		return nil, fmt.Errorf("-users is required: the built-in demo users are not served at %s, which is not on this machine", o.Issuer)
	}
	return builtinUsers(), nil
}

var errUsersFile = errors.New("not a JSON object of user names to passwords")

// scopesOf is the union of what the clients are registered for.
func scopesOf(clients []*oauth2.Client) oauth2.Scope {
	var scopes oauth2.Scope
	for _, c := range clients {
		for _, token := range c.Scope {
			if !slices.Contains(scopes, token) {
				scopes = append(scopes, token)
			}
		}
	}
	slices.Sort(scopes)
	return scopes
}

func loopbackIssuer(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}
