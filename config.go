package oauth2

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed5f5fedc6/oauth2/internal/fetch"
	"github.com/seed5f5fedc6/oauth2/internal/lru"
)

// The defaults of ServerConfig.
const (
	defaultCodeLifetime          = time.Minute
	defaultAccessLifetime        = time.Hour
	defaultRefreshLifetime       = 30 * 24 * time.Hour
	defaultAuthorizationLifetime = 365 * 24 * time.Hour
	defaultRefreshGrace          = 30 * time.Second
	// maxCodeLifetime is what RFC 6749 section 4.1.2 recommends as the most.
	maxCodeLifetime = 10 * time.Minute
	// maxRefreshGrace keeps a stolen refresh token from being forgiven for long.
	maxRefreshGrace = 10 * time.Minute
)

// New builds a Server. Every misconfiguration is an error here, all of them joined; none shows up at
// run time.
func New(cfg ServerConfig) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, grants: make(map[string]GrantHandler, len(cfg.Grants)), sleep: sleep}
	for _, g := range cfg.Grants {
		s.grants[g.GrantType()] = g
	}
	s.responses = newResponseTypes(cfg.ResponseTypes)
	s.device = cfg.device()
	s.lister, _ = storeAs[Lister](cfg.Tokens)
	if cfg.Registration != nil {
		s.registry, _ = clientStoreAs[ClientRegistry](cfg.Clients)
	}
	s.documents = cfg.clientIDMetadata()
	s.unknownClient = &Client{Secrets: []ClientSecret{{Hash: HashSecret(NewSecret())}}}
	s.nobody = sync.OnceValue(func() string { return HashPassword(NewSecret()) })
	s.dpop = cfg.DPoP.verifier(cfg.Issuer)
	s.keySets = newKeySets(fetch.New(fetch.Config{Client: cfg.HTTPClient}))
	s.hashes = slowHashes
	s.remembered = lru.New[[sha256.Size]byte, struct{}](rememberedSecrets)
	_, _ = rand.Read(s.rememberKey[:]) // crypto/rand never fails
	s.turns.seed = maphash.MakeSeed()
	s.formCookie = newFormCookie(cfg.Issuer)
	s.crossOrigin = http.NewCrossOriginProtection()
	if err := s.crossOrigin.AddTrustedOrigin(originOf(cfg.Issuer)); err != nil {
		return nil, fmt.Errorf("oauth2: Issuer: %w", err)
	}
	s.route()
	if cfg.Keys != nil {
		var err error
		if s.keys, err = newKeyring(s); err != nil {
			return nil, err
		}
	}
	var err error
	s.metadata, err = newMetadata(&s.cfg)
	return s, err
}

func (cfg ServerConfig) withDefaults() ServerConfig {
	if cfg.Grants == nil {
		cfg.Grants = []GrantHandler{CodeGrant{}, RefreshGrant{}, ClientCredentialsGrant{}}
	}
	if cfg.ResponseTypes == nil && cfg.serves(GrantAuthorizationCode) {
		cfg.ResponseTypes = []ResponseTypeHandler{CodeResponse{}}
	}
	if cfg.AuthMethods == nil {
		cfg.AuthMethods = []string{AuthMethodBasic, AuthMethodPost, AuthMethodNone}
	}
	jwks := cfg.Endpoints.JWKS
	cfg.Endpoints = Endpoints{
		Authorization: cmp.Or(cfg.Endpoints.Authorization, "/authorize"),
		Token:         cmp.Or(cfg.Endpoints.Token, "/token"),
		Introspection: cmp.Or(cfg.Endpoints.Introspection, "/introspect"),
		Revocation:    cmp.Or(cfg.Endpoints.Revocation, "/revoke"),

		PushedAuthorization: cfg.Endpoints.PushedAuthorization,
		DeviceAuthorization: cmp.Or(cfg.Endpoints.DeviceAuthorization, "/device_authorization"),
		Device:              cmp.Or(cfg.Endpoints.Device, "/device"),
		Registration:        cmp.Or(cfg.Endpoints.Registration, "/register"),
	}
	if cfg.Keys = cfg.Keys.withDefaults(); cfg.Keys != nil {
		cfg.Endpoints.JWKS = cmp.Or(jwks, "/jwks")
	}
	cfg.Prefixes = TokenPrefixes{
		Code:    cmp.Or(cfg.Prefixes.Code, "ac_"),
		Access:  cmp.Or(cfg.Prefixes.Access, "at_"),
		Refresh: cmp.Or(cfg.Prefixes.Refresh, "rt_"),
		Device:  cmp.Or(cfg.Prefixes.Device, "dc_"),
	}
	cfg.PushedRequestLifetime = cmp.Or(cfg.PushedRequestLifetime, defaultPushedRequestLifetime)
	cfg.CodeLifetime = cmp.Or(cfg.CodeLifetime, defaultCodeLifetime)
	cfg.AccessLifetime = cmp.Or(cfg.AccessLifetime, defaultAccessLifetime)
	cfg.RefreshLifetime = cmp.Or(cfg.RefreshLifetime, defaultRefreshLifetime)
	cfg.AuthorizationLifetime = cmp.Or(cfg.AuthorizationLifetime, defaultAuthorizationLifetime)
	cfg.RefreshGrace = cmp.Or(cfg.RefreshGrace, defaultRefreshGrace)
	if cfg.ErrorPage == nil {
		cfg.ErrorPage = defaultErrorPage
	}
	cfg.Registration = cfg.Registration.withDefaults(&cfg)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.FailureLimiter == nil {
		cfg.FailureLimiter = NewMemoryLimiter(MemoryLimiterConfig{Now: cfg.Now})
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	return cfg
}

// validate reports every misconfiguration at once.
func (cfg *ServerConfig) validate() error {
	var errs []error
	report := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("oauth2: "+format, args...))
		}
	}
	if err := validateIssuer(cfg.Issuer); err != nil {
		errs = append(errs, err)
	}
	report(cfg.Clients == nil, "Clients is required")
	report(cfg.Tokens == nil, "Tokens is required")
	report(len(cfg.Grants) == 0, "Grants is empty: leave it nil for the default")
	report(cfg.Consent == nil && cfg.servesAuthorization(), "Consent is required by the authorization endpoint")
	seen := map[string]bool{}
	for i, g := range cfg.Grants {
		if g == nil || g.GrantType() == "" {
			report(true, "Grants[%d] is nil or has no grant type", i)
			continue
		}
		report(seen[g.GrantType()], "Grants has %q twice", g.GrantType())
		seen[g.GrantType()] = true
		if g, ok := g.(configuredGrant); ok {
			g.validate(cfg, report)
		}
		if v, ok := g.(interface{ Validate() error }); ok {
			if err := v.Validate(); err != nil {
				errs = append(errs, fmt.Errorf("oauth2: Grants: %w", err))
			}
		}
	}
	cfg.validateResponseTypes(report)
	paths := []string{cfg.Endpoints.Authorization, cfg.Endpoints.Token, cfg.Endpoints.Introspection, cfg.Endpoints.Revocation}
	if cfg.Keys != nil {
		paths = append(paths, cfg.Endpoints.JWKS)
	}
	if cfg.Endpoints.PushedAuthorization != "" {
		paths = append(paths, cfg.Endpoints.PushedAuthorization)
	}
	if cfg.device() != nil {
		paths = append(paths, cfg.Endpoints.DeviceAuthorization, cfg.Endpoints.Device)
	}
	if cfg.Registration != nil {
		paths = append(paths, cfg.Endpoints.Registration)
	}
	for i, path := range paths {
		u, err := url.Parse(path)
		report(err != nil || !strings.HasPrefix(path, "/") || u.Path != path, "Endpoints: %q is not a plain path", path)
		report(slices.Contains(paths[:i], path), "Endpoints: %q occurs twice", path)
	}
	cfg.validateResources(report)
	cfg.validateKeys(report)
	cfg.DPoP.validate(report)
	cfg.validateAuthMethods(report)
	for _, value := range cfg.ACRValues {
		report(value == "" || !isText(value) || strings.ContainsAny(value, " \t\r\n"), "ACRValues: %q is empty or has a blank", value)
	}
	for _, token := range cfg.Scopes {
		report(!validScopeToken(token), "Scopes: %q is malformed", token)
	}
	cfg.validateRequests(report)
	cfg.validateDetails(report)
	cfg.validateProfile(report)
	cfg.validateClientIDMetadata(report)
	cfg.validateDevice(report)
	cfg.Registration.validate(cfg, report)
	report(cfg.CodeLifetime < 0 || cfg.CodeLifetime > maxCodeLifetime, "CodeLifetime %v is negative or longer than %v", cfg.CodeLifetime, maxCodeLifetime)
	report(cfg.AccessLifetime < time.Second, "AccessLifetime %v is shorter than a second", cfg.AccessLifetime)
	report(cfg.RefreshLifetime < time.Second, "RefreshLifetime %v is shorter than a second", cfg.RefreshLifetime)
	report(cfg.AuthorizationLifetime < time.Second, "AuthorizationLifetime %v is shorter than a second", cfg.AuthorizationLifetime)
	report(cfg.RefreshGrace > maxRefreshGrace, "RefreshGrace %v is longer than %v", cfg.RefreshGrace, maxRefreshGrace)
	report(cfg.SubjectActiveOnCheck && cfg.SubjectActive == nil, "SubjectActiveOnCheck needs SubjectActive")
	for _, p := range cfg.TrustedProxies {
		report(!p.IsValid() || p.Bits() == 0, "TrustedProxies: %v is no network, or everyone's", p)
	}
	errs = append(errs, cfg.Prefixes.validate())
	return errors.Join(errs...)
}

// validateIssuer checks RFC 8414 section 2.
func validateIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case issuer == "":
		return errors.New("oauth2: Issuer is required")
	case err != nil || u.Hostname() == "" || u.User != nil || u.Opaque != "":
		return fmt.Errorf("oauth2: Issuer %q is not an absolute URL with a host", issuer)
	case !strings.HasPrefix(issuer, u.Scheme+"://") || !plainHost(u.Host):
		// Clients compare the issuer as a string, which JSON must leave as it is.
		return fmt.Errorf("oauth2: Issuer %q has a scheme in capitals, or a host that is not plain ASCII", issuer)
	case strings.ContainsAny(issuer, "?#"):
		return fmt.Errorf("oauth2: Issuer %q has a query or a fragment", issuer)
	case u.EscapedPath() != u.Path:
		return fmt.Errorf("oauth2: Issuer %q has an escaped path", issuer)
	case u.Scheme != "https" && (u.Scheme != "http" || !loopbackHost(u.Hostname())):
		return fmt.Errorf("oauth2: Issuer %q is not https; http is allowed on 127.0.0.1, [::1] and localhost only", issuer)
	}
	return nil
}

// originOf is the origin of a validated issuer.
func originOf(issuer string) string {
	u, _ := url.Parse(issuer)
	return webOrigin(u)
}

func (p TokenPrefixes) validate() error {
	all := []string{p.Code, p.Access, p.Refresh, p.Device}
	for i, a := range all {
		if strings.ContainsFunc(a, func(r rune) bool { return r > 0x7f || !unreserved(byte(r)) || r == '.' || r == '~' }) {
			return fmt.Errorf("oauth2: Prefixes: %q has other characters than letters, digits, '-' and '_'", a)
		}
		for j, b := range all {
			if i != j && strings.HasPrefix(b, a) {
				return fmt.Errorf("oauth2: Prefixes: %q begins with %q", b, a)
			}
		}
	}
	return nil
}

func (cfg *ServerConfig) serves(grantType string) bool {
	return slices.ContainsFunc(cfg.Grants, func(g GrantHandler) bool { return g != nil && g.GrantType() == grantType })
}

// url is the URL of an endpoint below the issuer.
func (cfg *ServerConfig) url(path string) string { return strings.TrimSuffix(cfg.Issuer, "/") + path }

// route mounts each endpoint below the issuer's path, and the metadata before it.
func (s *Server) route() {
	s.routes = map[string]http.HandlerFunc{}
	mount := func(path string, handler http.HandlerFunc) {
		s.routes[path] = handler
		s.paths = append(s.paths, path)
	}
	u, _ := url.Parse(s.cfg.Issuer) // validated
	base := strings.TrimSuffix(u.Path, "/")
	if s.cfg.servesAuthorization() {
		s.authorizePath = base + s.cfg.Endpoints.Authorization
		mount(s.authorizePath, s.Authorize)
		if s.cfg.servesPushes() {
			mount(base+s.cfg.Endpoints.PushedAuthorization, s.PushAuthorizationRequest)
		}
	}
	if s.device != nil {
		s.devicePath = base + s.cfg.Endpoints.Device
		mount(base+s.cfg.Endpoints.DeviceAuthorization, s.DeviceAuthorization)
		mount(s.devicePath, s.Device)
	}
	mount(base+s.cfg.Endpoints.Token, s.Token)
	mount(base+s.cfg.Endpoints.Introspection, s.Introspect)
	mount(base+s.cfg.Endpoints.Revocation, s.Revoke)
	if s.cfg.Keys != nil {
		mount(base+s.cfg.Endpoints.JWKS, s.JWKS)
	}
	if s.cfg.Registration != nil {
		mount(base+s.cfg.Endpoints.Registration, s.Register)
	}
	mount(metadataPath+base, s.Metadata)
}

// newFormCookie is the cookie that binds a page to a browser. It has its own name per issuer, and
// the __Host- prefix wherever browsers accept it, so that no other host can plant it.
func newFormCookie(issuer string) http.Cookie {
	sum := sha256.Sum256([]byte(issuer))
	c := http.Cookie{
		Name:     "oauth2_form_" + base64.RawURLEncoding.EncodeToString(sum[:6]),
		Path:     "/",
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
	if strings.HasPrefix(issuer, "https:") {
		c.Name, c.Secure = "__Host-"+c.Name, true
	}
	return c
}
