package resource

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/seed5f5fedc6/oauth2"
)

// The defaults of IntrospectorConfig.
const (
	defaultTimeout   = 5 * time.Second
	defaultCacheSize = 10_000
)

// An IntrospectorConfig configures an Introspector. ClientID and ClientSecret are required, and one
// of Issuer and Endpoint, or both.
type IntrospectorConfig struct {
	// Issuer is the authorization server. Where Endpoint is empty, the endpoint is found in the
	// issuer's metadata (RFC 8414), at the first check, so the two may start in any order. A token
	// of any other issuer is refused; where Issuer is empty, that is left to the endpoint.
	//
	// Both are https URLs; http is allowed on loopback addresses and localhost only.
	Issuer string
	// Endpoint is the introspection endpoint. Empty means the one that the metadata names.
	Endpoint string
	// ClientID and ClientSecret authenticate this resource server with HTTP Basic (RFC 6749
	// section 2.3.1). They are never printed.
	ClientID, ClientSecret string

	// HTTPClient sends the requests. Redirects are never followed, whatever it says. nil means one
	// of the Introspector's own, with pooled connections.
	HTTPClient *http.Client
	// Timeout is how long one call to the authorization server may take. 0 means 5 seconds.
	Timeout time.Duration

	// CacheFor is how long an answer may be used again: a revocation is seen at most that much later.
	// An answer is never used past the token's expiry. 0 means no cache: every check asks, and sees
	// every revocation that was acknowledged before.
	//
	// With a cache, concurrent checks of one token are one call. Only good tokens are kept, so made-up
	// ones cannot push them out, and neither refusals nor faults are ever repeated from memory.
	CacheFor time.Duration
	// CacheSize is the most tokens that are kept; the one unused for longest goes first. 0 means
	// 10,000. The keys are SHA-256 digests: no token stays in memory.
	CacheSize int

	// Now is the clock. nil means time.Now.
	Now func() time.Time
}

// An Introspector is a [Checker] that asks the authorization server (RFC 7662). It owns no goroutine
// beyond its calls and is safe for concurrent use.
type Introspector struct {
	issuer  string
	client  *http.Client
	timeout time.Duration
	now     func() time.Time
	// sign adds the credentials. They live in the closure alone, where no %+v finds them.
	sign func(r *http.Request)

	// endpoint is nil until it was discovered.
	endpoint    atomic.Pointer[string]
	discoveries singleflight.Group
	// cache is nil where there is none.
	cache   *cache
	lookups singleflight.Group
}

// NewIntrospector builds an Introspector. Every misconfiguration is an error here, all of them
// joined. It sends nothing yet.
func NewIntrospector(cfg IntrospectorConfig) (*Introspector, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	// RFC 6749 section 2.3.1 and appendix B: form-encoded first, so that either may have a colon.
	id, secret := url.QueryEscape(cfg.ClientID), url.QueryEscape(cfg.ClientSecret)
	i := &Introspector{
		issuer:  cfg.Issuer,
		client:  newHTTPClient(cfg.HTTPClient),
		timeout: cmp.Or(cfg.Timeout, defaultTimeout),
		now:     cfg.Now,
		sign:    func(r *http.Request) { r.SetBasicAuth(id, secret) },
	}
	if i.now == nil {
		i.now = time.Now
	}
	if cfg.Endpoint != "" {
		i.endpoint.Store(&cfg.Endpoint)
	}
	if cfg.CacheFor > 0 {
		i.cache = newCache(cfg.CacheFor, cmp.Or(cfg.CacheSize, defaultCacheSize))
	}
	return i, nil
}

func (cfg *IntrospectorConfig) validate() error {
	var errs []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{cfg.Issuer == "" && cfg.Endpoint == "", "Issuer or Endpoint is required"},
		{cfg.Issuer != "" && (!secureURL(cfg.Issuer) || strings.ContainsAny(cfg.Issuer, "?#")), fmt.Sprintf("Issuer %q is not an https URL without query and fragment", cfg.Issuer)},
		{cfg.Endpoint != "" && !secureURL(cfg.Endpoint), fmt.Sprintf("Endpoint %q is not an https URL", cfg.Endpoint)},
		{cfg.ClientID == "", "ClientID is required"},
		{cfg.ClientSecret == "", "ClientSecret is required"},
		{cfg.Timeout < 0, "Timeout is negative"},
		{cfg.CacheFor < 0, "CacheFor is negative"},
		{cfg.CacheSize < 0, "CacheSize is negative"},
	} {
		if rule.broken {
			errs = append(errs, errors.New("resource: "+rule.text))
		}
	}
	return errors.Join(errs...)
}

// Check implements [Checker]. oauth2.ErrInvalidToken: the authorization server says that the token is
// not active, or what it says does not make a bearer token of the Issuer. oauth2.ErrTemporarilyUnavailable:
// it cannot be asked, does not accept the credentials, or its answer is malformed; the cause tells.
//
// The TokenInfo has what the answer tells: ExpiresAt is zero where it names none, and members that
// TokenInfo has no field for are in Claims. A token that is bound to a key (RFC 7800 section 3.1) has
// it in Confirmation: whether the sender holds that key is for the caller to check, as a [Guard] does.
func (i *Introspector) Check(ctx context.Context, accessToken string) (*oauth2.TokenInfo, error) {
	if accessToken == "" {
		return nil, errTokenInvalid
	}
	if i.cache == nil {
		return i.ask(ctx, accessToken)
	}
	key := sha256.Sum256([]byte(accessToken))
	if kept, ok := i.cache.get(key, i.now()); ok {
		return clone(kept.info), nil
	}
	found, err := once(ctx, &i.lookups, string(key[:]), i.timeout, func(ctx context.Context) (entry, error) {
		asked := i.now()
		if kept, ok := i.cache.get(key, asked); ok {
			return kept, nil // another call has just ended
		}
		info, err := i.ask(ctx, accessToken)
		if err != nil {
			return entry{}, err
		}
		return i.cache.put(key, asked, info), nil
	})
	switch {
	case err != nil:
		return nil, err
	case !found.good(i.now()):
		// The call that this one joined had begun too long ago.
		return i.ask(ctx, accessToken)
	}
	return clone(found.info), nil
}

// ask sends the introspection request (RFC 7662 section 2.1).
func (i *Introspector) ask(ctx context.Context, accessToken string) (*oauth2.TokenInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, i.timeout)
	defer cancel()
	endpoint, err := i.discover(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	form := url.Values{"token": {accessToken}, "token_type_hint": {"access_token"}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form))
	if err != nil {
		return nil, unavailable(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	i.sign(r)
	body, err := fetch(i.client, r, typeJSON)
	if err != nil {
		return nil, unavailable(fmt.Errorf("resource: introspection: %w", err))
	}
	return i.read(body)
}
