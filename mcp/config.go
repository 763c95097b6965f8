package mcp

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/dpop"
	"github.com/seed5f5fedc6/oauth2/resource"
)

const defaultMaxMessageBytes = 4 << 20

func (cfg *Config) maxMessageBytes() int64 {
	return cmp.Or(cfg.MaxMessageBytes, defaultMaxMessageBytes)
}

// build makes the authorization server, and the metadata of the resource.
func (cfg *Config) build() (*oauth2.Server, *resource.Metadata, error) {
	invalid := cfg.validate()
	server, err := oauth2.New(cfg.serverConfig())
	basic := cfg.BasicScopes
	if basic == nil {
		basic = cfg.Scopes
	}
	var algorithms []string
	if cfg.Server.DPoP != nil {
		algorithms = dpop.Algorithms()
	}
	metadata, errMetadata := resource.NewMetadata(resource.MetadataConfig{
		Resource:             cfg.Resource,
		AuthorizationServers: []string{cfg.Issuer},
		Scopes:               basic,
		Name:                 cfg.Name,
		DPoPAlgorithms:       algorithms,
		CertificateBound:     cfg.Server.MutualTLS != nil,
	})
	return server, metadata, errors.Join(invalid, err, errMetadata)
}

// serverConfig is the configuration of the authorization server.
func (cfg *Config) serverConfig() oauth2.ServerConfig {
	c := cfg.Server
	c.Issuer, c.Tokens = cfg.Issuer, cfg.Tokens
	if cfg.Clients != nil {
		c.Clients = clients{cfg.documents()}
	}
	if cfg.Consent != nil {
		c.Consent = cfg.asking
	}
	c.Grants, c.Registration = cfg.grants(), cfg.registration()
	c.Scopes = append(slices.Clip(cfg.Scopes), ScopeOfflineAccess)
	mcpServer := oauth2.Resource{URI: cfg.Resource, Scopes: c.Scopes, Lenient: true}
	c.Resources = append([]oauth2.Resource{mcpServer}, c.Resources...)
	if c.AuthMethods == nil {
		c.AuthMethods = []string{oauth2.AuthMethodNone, oauth2.AuthMethodPrivateKeyJWT, oauth2.AuthMethodBasic, oauth2.AuthMethodPost}
	}
	return c
}

// documents is the store of clients, in front of which documents make clients too.
func (cfg *Config) documents() oauth2.ClientStore {
	for store := cfg.Clients; store != nil; {
		if _, there := store.(*oauth2.ClientIDMetadata); there {
			return cfg.Clients
		}
		wrapper, _ := store.(interface{ Unwrap() oauth2.ClientStore })
		if wrapper == nil {
			break
		}
		store = wrapper.Unwrap()
	}
	d, s := cfg.ClientIDMetadata, &cfg.Server
	if d.Scope == nil {
		d.Scope = cfg.Scopes
	}
	if d.FailureLimiter == nil {
		d.FailureLimiter = s.FailureLimiter
	}
	if d.OnEvent == nil {
		d.OnEvent = s.OnEvent
	}
	if d.Now == nil {
		d.Now = s.Now
	}
	d.Accept = named(d.Accept)
	return oauth2.NewClientIDMetadata(cfg.Clients, d)
}

// guardConfig is that of the MCP server's guard, which asks the authorization server of this process.
func (cfg *Config) guardConfig(server *oauth2.Server, metadata *resource.Metadata) resource.GuardConfig {
	c := resource.GuardConfig{
		Checker:  server,
		Audience: cfg.Resource,
		Metadata: metadata,
		Implied:  cfg.ImpliedScopes,
		OnFault:  cfg.OnFault,
		Now:      cfg.Server.Now,
	}
	if cfg.Server.DPoP != nil {
		c.DPoP = &resource.DPoPConfig{URL: originOf(cfg.Resource)}
	}
	if tls := cfg.Server.MutualTLS; tls != nil && tls.Header != "" {
		c.ClientCertificate = resource.CertificateHeader(tls.Header, cfg.Server.TrustedProxies...)
	}
	return c
}

// validate reports what this package asks for; the rest is for those that it configures.
func (cfg *Config) validate() error {
	var errs []error
	report := func(broken bool, format string, args ...any) {
		if broken {
			errs = append(errs, fmt.Errorf("mcp: "+format, args...))
		}
	}
	s := &cfg.Server
	report(s.Issuer != "" || s.Clients != nil || s.Tokens != nil || s.Consent != nil || s.Scopes != nil,
		"Server has an Issuer, Clients, Tokens, Consent or Scopes: those are fields of Config")
	origin := originOf(cfg.Resource)
	report(origin == "" || !strings.HasPrefix(cfg.Resource, strings.ToLower(origin)), "Resource %q is no URL with its scheme and host in small letters", cfg.Resource)
	report(cfg.Scopes.Has(ScopeOfflineAccess), "Scopes: %q is no scope of the MCP server, and is told without being here", ScopeOfflineAccess)
	report(!cfg.Scopes.Includes(cfg.BasicScopes), "BasicScopes: %q is not among Scopes", cfg.BasicScopes)
	for broader, narrower := range cfg.ImpliedScopes {
		report(!cfg.Scopes.Has(broader) || !cfg.Scopes.Includes(narrower), "ImpliedScopes: %q or what it implies is not among Scopes", broader)
	}
	report(cfg.MaxMessageBytes < 0, "MaxMessageBytes is negative")
	for _, origin := range cfg.Origins {
		report(origin != anyOrigin && (origin != webOrigin(origin) || strings.Contains(origin, anyOrigin)),
			"Origins: %q is neither %q nor an origin as browsers write it", origin, anyOrigin)
	}
	return errors.Join(errs...)
}

// originOf is the origin of a URL (RFC 6454 section 6.2), "" where it has none.
func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
