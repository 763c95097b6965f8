package oauth2

import (
	"net/url"
	"time"
)

// lintRules are what each profile asks for, in the order of its sections.
var lintRules = []lintRule{
	{
		ProfileOAuth21, "OAuth 2.1 section 1.5", LevelMust, "the issuer is http, which is for this machine alone",
		field("Issuer", plainHTTP),
	},
	{
		ProfileOAuth21, "OAuth 2.1 section 2.4", LevelMust, "a secret is no hash that can be verified, and perhaps the secret itself: use HashSecret",
		eachClient(unreadableSecret),
	},
	{
		ProfileOAuth21, "OAuth 2.1 section 7.1.3.5", LevelShould, "access tokens are bearer tokens and live longer than an hour",
		longer("AccessLifetime",
			func(cfg *ServerConfig) time.Duration { return cfg.AccessLifetime },
			func(c *Client) time.Duration { return c.AccessLifetime }, atMost(time.Hour)),
	},
	{
		ProfileOAuth21, "OAuth 2.1 section 7.7", LevelShould, "a secret was kept as a password that a person chose, and may be guessed: use NewSecret",
		eachClient(chosenSecret),
	},
	{
		ProfileOAuth21, "OAuth 2.1 section 8.4.1", LevelNote, "any app can claim a private-use scheme: where the platform allows it, a claimed https URI is safer",
		eachRedirect(func(c *Client, uri string, u *url.URL) bool {
			return u.Scheme != "https" && u.Scheme != "http" && ValidateRedirectURI(uri, c.native()) == nil
		}),
	},
	{
		ProfileOAuth21, "RFC 8252 section 8.3", LevelShould, "localhost may be another machine or interface: use 127.0.0.1 or [::1]",
		eachRedirect(func(c *Client, _ string, u *url.URL) bool {
			return c.native() && u.Scheme == "http" && u.Hostname() == "localhost"
		}),
	},
	{
		ProfileOAuth21, "RFC 9700 section 2.1", LevelMust, "the redirect URI is not a complete URI that can be compared as it is: see ValidateRedirectURI",
		eachRedirect(func(c *Client, uri string, u *url.URL) bool {
			return !insecureRedirect(c, uri, u) && ValidateRedirectURI(uri, c.native()) != nil
		}),
	},
	{
		ProfileOAuth21, "RFC 9700 section 2.1.1", LevelMust, "PKCE is not required of the client, and nothing else here prevents code injection",
		eachClient(codeWithoutPKCE),
	},
	{
		ProfileOAuth21, "RFC 9700 section 2.1.2", LevelShould, "the implicit grant shows access tokens in URLs: use the authorization code grant",
		grantNamed("implicit"),
	},
	{
		ProfileOAuth21, "RFC 9700 section 2.2.1", LevelShould, "access tokens are not sender-constrained: neither mutual TLS nor DPoP is served",
		notServed(bindsNoTokens),
	},
	{
		ProfileOAuth21, "RFC 9449 section 5.2", LevelMust, "the client gets no token: all of them have to be bound by DPoP, which is not served",
		eachClient(func(cfg *ServerConfig, c *Client) bool { return c.DPoPBoundAccessTokens && cfg.DPoP == nil }),
	},
	{
		ProfileOAuth21, "RFC 9700 section 2.2.2", LevelMust, "whether the refresh tokens of a public client are rotated is up to a grant of the application's own",
		eachClient(uncertainRotation),
	},
	{
		ProfileOAuth21, "RFC 9700 section 2.3", LevelShould, "access tokens name no audience: configure the protected resources",
		field("Resources", func(cfg *ServerConfig) bool { return len(cfg.Resources) == 0 }),
	},
	{
		ProfileOAuth21, "RFC 9700 section 2.3", LevelShould, "the client has no scope, so nothing limits what its tokens are good for",
		eachClient(withoutScope),
	},
	{
		ProfileOAuth21, "RFC 9700 section 2.3", LevelShould, "the resource server is told about tokens for the resources of others: set Client.Resources",
		eachClient(func(cfg *ServerConfig, c *Client) bool {
			return c.ResourceServer && len(c.Resources) == 0 && len(cfg.Resources) > 1
		}),
	},
	{
		ProfileOAuth21, "RFC 9700 section 2.4", LevelMust, "the password grant gives the resource owner's password to the client",
		grantNamed("password"),
	},
	{
		ProfileOAuth21, "RFC 9700 section 2.5", LevelShould, "clients authenticate by secrets that both sides keep: neither private_key_jwt nor mutual TLS is served",
		notServed(authenticatesBySecrets),
	},
	{
		ProfileOAuth21, "RFC 9700 section 2.6", LevelMust, "the redirect URI is http, which only a native client may use, and on the loopback interface alone",
		eachRedirect(insecureRedirect),
	},
	{
		ProfileOAuth21, "RFC 9700 section 4.14.2", LevelShould, "a replaced refresh token is forgiven for more than a minute, to a thief as well",
		field("RefreshGrace", func(cfg *ServerConfig) bool { return cfg.RefreshGrace > time.Minute }),
	},
	{
		ProfileOAuth21, "RFC 9700 section 4.14.2", LevelShould, "a refresh token that nobody uses lives as long as its authorization",
		either(
			field("RefreshLifetime", func(cfg *ServerConfig) bool { return cfg.RefreshLifetime >= cfg.AuthorizationLifetime }),
			eachClient(func(cfg *ServerConfig, c *Client) bool { return c.RefreshLifetime >= cfg.AuthorizationLifetime }),
		),
	},
	{
		ProfileOAuth21, "RFC 9700 section 4.14.2", LevelNote, "a user who is locked keeps refreshing until ExpireSubject is called",
		field("SubjectActive", func(cfg *ServerConfig) bool { return cfg.SubjectActive == nil && cfg.serves(GrantRefreshToken) }),
	},
	{
		ProfileOAuth21, "", LevelNote, "nobody is told about replays, reuse and refusals: package audit keeps them",
		field("OnEvent", func(cfg *ServerConfig) bool { return cfg.OnEvent == nil }),
	},
	{
		ProfileOAuth21, "", LevelNote, "a reader of the database who holds a token that was just replaced can compute the current one",
		field("Pepper", func(cfg *ServerConfig) bool {
			return len(cfg.Pepper) == 0 && cfg.RefreshGrace > 0 && cfg.serves(GrantRefreshToken)
		}),
	},

	{
		ProfileOAuth21, "RFC 9126 section 6", LevelMust, "the client's requests are all refused: it has to push them, which is not served",
		eachClient(func(cfg *ServerConfig, c *Client) bool {
			return c.RequirePushedAuthorizationRequests && !cfg.servesPushes()
		}),
	},
	{
		ProfileOAuth21, "RFC 9101 section 10.5", LevelMust, "the client's requests are all refused: it has to sign them, which is not served",
		eachClient(func(cfg *ServerConfig, c *Client) bool { return c.RequireSignedRequestObject && !cfg.RequestObjects }),
	},

	{
		ProfileFAPI2, "FAPI 2.0 section 5.2.1", LevelMust, "the issuer is http",
		field("Issuer", plainHTTP),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 2", LevelMust, "the password grant is refused",
		grantNamed("password"),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 3", LevelMust, "the client is public",
		eachClient(func(_ *ServerConfig, c *Client) bool { return c.Public() }),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 4", LevelMust, "access tokens are not sender-constrained: neither mutual TLS nor DPoP is served",
		notServed(bindsNoTokens),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 4", LevelMust, "the client gets bearer tokens where it proves no key: set DPoPBoundAccessTokens or TLSClientCertificateBoundAccessTokens",
		eachClient(func(cfg *ServerConfig, c *Client) bool {
			return !bindsNoTokens(cfg) && mayGetTokens(c) && !c.DPoPBoundAccessTokens && !c.TLSClientCertificateBoundAccessTokens && !c.showsCertificate()
		}),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 6", LevelMust, "clients authenticate by secrets: neither private_key_jwt nor mutual TLS is served",
		notServed(authenticatesBySecrets),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 6", LevelMust, "the client authenticates by a secret: register it for private_key_jwt or mutual TLS",
		eachClient(func(cfg *ServerConfig, c *Client) bool {
			return !authenticatesBySecrets(cfg) && !c.Public() && c.TokenEndpointAuthMethod != AuthMethodPrivateKeyJWT && !c.showsCertificate()
		}),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 9", LevelMust, "refresh tokens are rotated, which is for extraordinary circumstances alone",
		field("Grants", serves(GrantRefreshToken)),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 11", LevelMust, "codes live longer than 60 seconds",
		longer("CodeLifetime",
			func(cfg *ServerConfig) time.Duration { return cfg.CodeLifetime },
			func(c *Client) time.Duration { return c.CodeLifetime }, atMost(time.Minute)),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 14", LevelShould, "access tokens name no audience: configure the protected resources",
		field("Resources", func(cfg *ServerConfig) bool { return len(cfg.Resources) == 0 }),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 14", LevelShould, "the client has no scope, so nothing limits what its tokens are good for",
		eachClient(withoutScope),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.2 item 2", LevelMust, "pushed authorization requests are not served",
		notServed(func(cfg *ServerConfig) bool { return cfg.serves(GrantAuthorizationCode) && !cfg.servesPushes() }),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.2 item 3", LevelMust, "authorization requests that were not pushed are answered",
		notServed(func(cfg *ServerConfig) bool {
			return cfg.serves(GrantAuthorizationCode) && !cfg.RequirePushedAuthorizationRequests
		}),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.2 item 5", LevelMust, "PKCE is not required of the client",
		eachClient(codeWithoutPKCE),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.2 item 8", LevelMust, "the redirect URI is http, which only a native client may use, and on the loopback interface alone",
		eachRedirect(insecureRedirect),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.4.1 item 4", LevelMust, "a secret was kept as a password that a person chose, and may have less than 128 bits: use NewSecret",
		eachClient(chosenSecret),
	},
}

func plainHTTP(cfg *ServerConfig) bool {
	u, err := url.Parse(cfg.Issuer)
	return err == nil && u.Scheme == "http"
}

func codeWithoutPKCE(_ *ServerConfig, c *Client) bool {
	return c.PKCEOptional && !c.Public() && c.MayUse(GrantAuthorizationCode)
}

func withoutScope(_ *ServerConfig, c *Client) bool { return len(c.Scope) == 0 && mayGetTokens(c) }

// mayGetTokens: it may use a grant.
func mayGetTokens(c *Client) bool { return c.GrantTypes == nil || len(c.GrantTypes) > 0 }

// bindsNoTokens: no client can prove a key (RFC 9700 section 2.2.1).
// authenticatesBySecrets: no method is served that is asymmetric.
func authenticatesBySecrets(cfg *ServerConfig) bool {
	return !cfg.authenticatesBy(AuthMethodPrivateKeyJWT) && !cfg.authenticatesBy(AuthMethodTLS) && !cfg.authenticatesBy(AuthMethodSelfSignedTLS)
}

func bindsNoTokens(cfg *ServerConfig) bool { return cfg.DPoP == nil && cfg.MutualTLS == nil }
