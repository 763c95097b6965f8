package oauth2

import (
	"net/url"
	"slices"
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
		ProfileOAuth21, "OAuth 2.1 section 10.1", LevelMust, "the implicit grant, which shows access tokens in URLs, is no part of OAuth 2.1 (see RFC 9700 section 2.1.2): use the authorization code grant",
		either(field("ResponseTypes", answersWithTokens), grantNamed("implicit")),
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
		ProfileOAuth21, "RFC 8628 section 5.2", LevelShould, "the codes of devices live longer than a quarter of an hour, and each one that waits can be guessed",
		field("Grants", func(cfg *ServerConfig) bool { g := cfg.device(); return g != nil && g.Lifetime > 15*time.Minute }),
	},
	{
		ProfileOAuth21, "RFC 8628 section 5.4", LevelNote, "users can be led to enter the code of somebody else's device: serve the device grant only to clients that have no browser",
		eachClient(func(cfg *ServerConfig, c *Client) bool {
			return cfg.device() != nil && c.MayUse(GrantDeviceCode) && c.MayUse(GrantAuthorizationCode)
		}),
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
		ProfileOAuth21, "CIMD section 8.6", LevelMust, "metadata documents of strangers are fetched by a client that may reach into the own network",
		eachDocumentField(map[string]func(*ClientIDMetadataConfig) bool{
			"AllowLoopback": func(cfg *ClientIDMetadataConfig) bool { return cfg.AllowLoopback },
			"HTTPClient":    func(cfg *ClientIDMetadataConfig) bool { return cfg.HTTPClient != nil },
		}),
	},
	{
		ProfileOAuth21, "CIMD section 8.9", LevelNote, "whoever has a web page may be a client: AllowHost and Accept say who is one",
		eachDocumentField(map[string]func(*ClientIDMetadataConfig) bool{
			"AllowHost": func(cfg *ClientIDMetadataConfig) bool { return cfg.AllowHost == nil && cfg.Accept == nil },
		}),
	},
	{
		ProfileOAuth21, "RFC 8693 section 2.1", LevelMust, "the client cannot authenticate, so each of its exchanges is refused",
		eachClient(func(_ *ServerConfig, c *Client) bool { return c.Public() && c.MayUse(GrantTokenExchange) }),
	},
	{
		ProfileOAuth21, "RFC 7523 section 2.1", LevelShould, "whoever holds an assertion can use it: JWTBearerGrant serves clients that cannot authenticate",
		field("Grants", func(cfg *ServerConfig) bool { g := grantOf[JWTBearerGrant](cfg); return g != nil && g.PublicClients }),
	},
	{
		ProfileOAuth21, "RFC 9396 section 10", LevelShould, "the client is registered for authorization details of a type that is not served, and is refused them",
		eachClient(func(cfg *ServerConfig, c *Client) bool {
			return slices.ContainsFunc(c.AuthorizationDetailsTypes, func(name string) bool { return cfg.detailsType(name) == nil })
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
		ProfileOAuth21, "RFC 7591 section 5", LevelNote, "anybody may register a client by any name: have the consent page tell Client.Dynamic, or require an initial access token",
		field("Registration", func(cfg *ServerConfig) bool { return cfg.Registration != nil && cfg.Registration.Open }),
	},
	{
		ProfileOAuth21, "RFC 7591 section 5", LevelShould, "anybody may register a client that gets tokens without any resource owner: leave client_credentials out of Policy.GrantTypes",
		field("Registration", func(cfg *ServerConfig) bool {
			return cfg.Registration != nil && cfg.Registration.Open && slices.Contains(cfg.Registration.Policy.GrantTypes, GrantClientCredentials)
		}),
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
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 3", LevelMust, "a client that nobody registered may be public: leave none out of AuthMethods",
		field("AuthMethods", func(cfg *ServerConfig) bool {
			return cfg.clientIDMetadata() != nil && cfg.authenticatesBy(AuthMethodNone)
		}),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 4", LevelMust, "access tokens are not sender-constrained: neither mutual TLS nor DPoP is served",
		notServed(bindsNoTokens),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 4", LevelMust, "the client gets bearer tokens where it proves no key: set DPoPBoundAccessTokens or TLSClientCertificateBoundAccessTokens",
		eachClient(func(cfg *ServerConfig, c *Client) bool {
			return !bindsNoTokens(cfg) && !cfg.RequireSenderConstrainedTokens && mayGetTokens(c) && !c.DPoPBoundAccessTokens && !c.TLSClientCertificateBoundAccessTokens && !c.showsCertificate()
		}),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 4", LevelMust, "the implicit grant issues access tokens that are bound to no sender",
		either(field("ResponseTypes", answersWithTokens), grantNamed("implicit")),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 6", LevelMust, "clients authenticate by secrets: neither private_key_jwt nor mutual TLS is served",
		notServed(authenticatesBySecrets),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 6", LevelMust, "clients may be public or authenticate by a secret too: leave private_key_jwt and mutual TLS alone in AuthMethods",
		field("AuthMethods", alsoBySecrets),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 6", LevelMust, "the client authenticates by a secret: register it for private_key_jwt or mutual TLS",
		eachClient(func(cfg *ServerConfig, c *Client) bool {
			return !authenticatesBySecrets(cfg) && !c.Public() && c.TokenEndpointAuthMethod != AuthMethodPrivateKeyJWT && !c.showsCertificate()
		}),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 6", LevelMust, "clients may register that are public or authenticate by a secret: set Policy.AuthMethods",
		field("Registration", registersSecrets),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.1 item 9", LevelMust, "refresh tokens are rotated, which is for extraordinary circumstances alone: set RefreshGrant.KeepConfidential",
		field("Grants", rotatesConfidential),
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
		unpushed,
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
		ProfileFAPI2, "FAPI 2.0 section 5.3.2.2 item 12", LevelMust, "a request_uri lives for ten minutes, and has to live for less",
		field("PushedRequestLifetime", func(cfg *ServerConfig) bool {
			return cfg.servesPushes() && cfg.PushedRequestLifetime >= 10*time.Minute
		}),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.4.1 item 1", LevelMust, "assertions of a trusted issuer may be signed with RS256",
		field("Grants", trustsRS256),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.4.1 item 1", LevelMust, "software statements may be signed with RS256",
		field("Registration", statesByRS256),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.4.1 item 1", LevelMust, "the server signs with RS256: use PS256, ES256 or EdDSA",
		field("Keys", signsRS256),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.4.1 item 1", LevelMust, "DPoP proofs may be signed with RS256: set WithoutRS256",
		field("DPoP", provesRS256),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.4.1 item 1", LevelMust, "the client is registered for RS256: use PS256, ES256 or EdDSA",
		eachClient(registeredForRS256),
	},
	{
		ProfileFAPI2, "FAPI 2.0 section 5.4.1 item 4", LevelMust, "a secret was kept as a password that a person chose, and may have less than 128 bits: use NewSecret",
		eachClient(chosenSecret),
	},
}

// registersSecrets: a client may register itself without a key.
func registersSecrets(cfg *ServerConfig) bool {
	return cfg.Registration != nil && slices.ContainsFunc(cfg.Registration.Policy.AuthMethods, func(method string) bool {
		return method == AuthMethodNone || method == AuthMethodBasic || method == AuthMethodPost
	})
}

// answersWithTokens: access tokens are issued from the authorization endpoint.
func answersWithTokens(cfg *ServerConfig) bool {
	return cfg.responds(func(r *ResponseRules) bool { return r.AccessToken })
}

func plainHTTP(cfg *ServerConfig) bool {
	u, err := url.Parse(cfg.Issuer)
	return err == nil && u.Scheme == "http"
}

// unpushed finds the clients that may send their requests through the browser, where others must push
// theirs; where none has to, it is the server's to demand.
func unpushed(in *lintInput) (subjects []string) {
	if !in.cfg.serves(GrantAuthorizationCode) || in.cfg.RequirePushedAuthorizationRequests {
		return nil
	}
	strict := false
	for _, c := range in.clients {
		switch {
		case !c.MayUse(GrantAuthorizationCode):
		case c.RequirePushedAuthorizationRequests:
			strict = true
		default:
			subjects = append(subjects, subjectClient+c.ID)
		}
	}
	if !strict {
		return []string{"server"}
	}
	return subjects
}

func codeWithoutPKCE(_ *ServerConfig, c *Client) bool {
	return c.PKCEOptional && !c.Public() && c.MayUse(GrantAuthorizationCode)
}

func withoutScope(_ *ServerConfig, c *Client) bool { return len(c.Scope) == 0 && mayGetTokens(c) }

// mayGetTokens: it may use a grant.
func mayGetTokens(c *Client) bool { return c.GrantTypes == nil || len(c.GrantTypes) > 0 }

// authenticatesBySecrets: no method is served that is asymmetric.
func authenticatesBySecrets(cfg *ServerConfig) bool {
	return !cfg.authenticatesBy(AuthMethodPrivateKeyJWT) && !cfg.authenticatesBy(AuthMethodTLS) && !cfg.authenticatesBy(AuthMethodSelfSignedTLS)
}

// bindsNoTokens: no client can prove a key (RFC 9700 section 2.2.1).
func bindsNoTokens(cfg *ServerConfig) bool { return cfg.DPoP == nil && cfg.MutualTLS == nil }
