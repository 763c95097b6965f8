package resource

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/jws"
)

// The defaults of JWTConfig.
const (
	defaultKeysFor       = 5 * time.Minute
	defaultStaleFor      = 24 * time.Hour
	defaultRefreshPause  = 30 * time.Second
	defaultLeeway        = 10 * time.Second
	maxLeeway            = 5 * time.Minute
	maxJWTBytes          = 16 << 10
	typeAccessToken      = "at+jwt"
	typeAccessTokenMedia = "application/at+jwt"
)

// A JWTConfig configures a JWTVerifier. Issuer and Audience are required.
type JWTConfig struct {
	// Issuer is the authorization server: an https URL; http is allowed on loopback addresses and
	// localhost only. A token of any other issuer is refused.
	Issuer string
	// Audience are the resource indicators by which this API is known. A token must be for one of them
	// (RFC 9068 section 4).
	Audience []string
	// JWKSURI is where the keys are read, an https URL as Issuer is. Empty means where the issuer's
	// metadata says (RFC 8414 section 2).
	JWKSURI string
	// Algorithms are the signature algorithms that are accepted, of "ES256", "EdDSA", "Ed25519", "RS256" and
	// "PS256". nil means all five. Naming the one that the server signs with is best
	// (RFC 8725 section 3.1).
	Algorithms []string

	// HTTPClient reads the keys. Redirects are never followed, whatever it says. nil means one of the
	// verifier's own.
	HTTPClient *http.Client
	// Timeout is how long reading the keys may take, the metadata included. 0 means 5 seconds.
	Timeout time.Duration
	// KeysFor is how long the keys are used before they are read again. 0 means 5 minutes.
	KeysFor time.Duration
	// StaleFor is how long the keys are still used when they cannot be read again. After that no token
	// can be checked. 0 means 24 hours; it is not shorter than KeysFor.
	StaleFor time.Duration
	// RefreshPause is the least time between two attempts to read the keys, whatever asks for one: a
	// kid that is unknown, keys that are old, an endpoint that fails. 0 means 30 seconds. As long as no
	// keys are known at all it is a second.
	RefreshPause time.Duration

	// Leeway is how far the clocks of the two servers may differ. 0 means 10 seconds, a negative value
	// none; at most 5 minutes.
	Leeway time.Duration
	// Now is the clock. nil means time.Now.
	Now func() time.Time
}

// A JWTVerifier is a [Checker] that verifies JWT access tokens by itself (RFC 9068 section 4): with the
// issuer's keys, which it reads when they are needed, and without asking about any single token. A
// revocation is therefore not seen: such a token is good until it expires.
//
// It owns no goroutine beyond its calls and is safe for concurrent use.
type JWTVerifier struct {
	issuer     string
	audience   []string
	algorithms []jose.SignatureAlgorithm
	leeway     time.Duration
	now        func() time.Time
	keys       keyring
}

// NewJWTVerifier builds a JWTVerifier. Every misconfiguration is an error here, all of them joined. It
// sends nothing yet, so the API and the authorization server may start in any order.
func NewJWTVerifier(cfg JWTConfig) (*JWTVerifier, error) {
	cfg.KeysFor = cmp.Or(cfg.KeysFor, defaultKeysFor)
	cfg.StaleFor = cmp.Or(cfg.StaleFor, max(defaultStaleFor, cfg.KeysFor))
	cfg.Leeway = cmp.Or(cfg.Leeway, defaultLeeway)
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	v := &JWTVerifier{
		issuer:   cfg.Issuer,
		audience: slices.Clone(cfg.Audience),
		leeway:   max(cfg.Leeway, 0),
		now:      cfg.Now,
	}
	if v.now == nil {
		v.now = time.Now
	}
	for _, known := range algorithms {
		if cfg.Algorithms == nil || slices.Contains(cfg.Algorithms, string(known.name)) {
			v.algorithms = append(v.algorithms, known.name)
		}
	}
	v.keys.issuer, v.keys.uri = cfg.Issuer, cfg.JWKSURI
	v.keys.client, v.keys.timeout = newHTTPClient(cfg.HTTPClient), cmp.Or(cfg.Timeout, defaultTimeout)
	v.keys.keysFor, v.keys.staleFor, v.keys.pause = cfg.KeysFor, cfg.StaleFor, cmp.Or(cfg.RefreshPause, defaultRefreshPause)
	v.keys.now = v.now
	return v, nil
}

func (cfg *JWTConfig) validate() error {
	var errs []error
	report := func(broken bool, format string, args ...any) {
		if broken {
			errs = append(errs, fmt.Errorf("resource: "+format, args...))
		}
	}
	report(!secureURL(cfg.Issuer) || strings.ContainsAny(cfg.Issuer, "?#"), "Issuer %q is not an https URL without query and fragment", cfg.Issuer)
	report(len(cfg.Audience) == 0 || slices.Contains(cfg.Audience, ""), "Audience is required, and none of it is empty")
	report(cfg.JWKSURI != "" && !secureURL(cfg.JWKSURI), "JWKSURI %q is not an https URL", cfg.JWKSURI)
	report(cfg.Algorithms != nil && len(cfg.Algorithms) == 0, "Algorithms is empty: leave it nil for the default")
	for _, name := range cfg.Algorithms {
		known := false
		for _, a := range algorithms {
			known = known || string(a.name) == name
		}
		report(!known, "Algorithms: %q is not among ES256, EdDSA, Ed25519, RS256 and PS256", name)
	}
	report(cfg.Timeout < 0, "Timeout is negative")
	report(cfg.KeysFor < 0, "KeysFor is negative")
	report(cfg.StaleFor < cfg.KeysFor, "StaleFor %v is shorter than KeysFor %v", cfg.StaleFor, cfg.KeysFor)
	report(cfg.RefreshPause < 0, "RefreshPause is negative")
	report(cfg.Leeway > maxLeeway, "Leeway %v is longer than %v", cfg.Leeway, maxLeeway)
	return errors.Join(errs...)
}

// Check implements [Checker]. oauth2.ErrInvalidToken: the token is not a JWT access token of the Issuer
// for this API, or is not good now. oauth2.ErrTemporarilyUnavailable: the keys cannot be read.
//
// In the TokenInfo, Subject is empty where sub is the client itself (RFC 9068 section 2.2), and
// Confirmation has the key of a bound token: whether the sender holds it is for the caller to check, as
// a [Guard] does. ExpiresAt may lie back by less than the Leeway. Members that TokenInfo has no field for,
// jti included, are in Claims.
func (v *JWTVerifier) Check(ctx context.Context, accessToken string) (*oauth2.TokenInfo, error) {
	token, err := v.parse(accessToken)
	if err != nil {
		return nil, errTokenInvalid.Because(err)
	}
	header := token.Signatures[0].Header
	keys, err := v.keys.find(ctx, header.KeyID)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if !fits(key, jose.SignatureAlgorithm(header.Algorithm)) {
			continue
		}
		if payload, err := token.Verify(jws.Key(key.Key, header.Algorithm)); err == nil {
			return v.read(payload)
		}
	}
	return nil, errTokenInvalid.Because(errJWTSignature)
}

var (
	errJWTSize      = errors.New("resource: JWT: the token is too large")
	errJWTHeader    = errors.New("resource: JWT: the header is not that of an access token")
	errJWTSignature = errors.New("resource: JWT: no key of the issuer verifies the signature")
	errJWTClaims    = errors.New("resource: JWT: the payload is not that of an access token")
)

// parse reads the compact serialization, and holds the header to RFC 9068 section 4 and RFC 8725
// section 3.1. Keys that it names or carries, in jwk, jku, x5c or x5u, are never looked at.
func (v *JWTVerifier) parse(text string) (*jose.JSONWebSignature, error) {
	switch {
	case len(text) > maxJWTBytes:
		return nil, errJWTSize
	case !oneSpelling(text):
		return nil, errJWTHeader
	}
	token, err := jose.ParseSignedCompact(text, v.algorithms)
	if err != nil {
		// The library's error may quote the token.
		return nil, errJWTHeader
	}
	header := token.Signatures[0].Protected
	_, critical := header.ExtraHeaders["crit"]
	typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
	if critical || header.KeyID == "" || !isAccessTokenType(typ) {
		return nil, errJWTHeader
	}
	return token, nil
}

// oneSpelling reports whether each part is base64url in the one way in which it is written (RFC 7515
// section 2): decoders skip line breaks and ignore the last bits, which would let many texts be one token.
func oneSpelling(text string) bool {
	for part := range strings.SplitSeq(text, ".") {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || base64.RawURLEncoding.EncodeToString(decoded) != part {
			return false
		}
	}
	return true
}

// isAccessTokenType compares as media types are (RFC 7515 section 4.1.9).
func isAccessTokenType(typ string) bool {
	return strings.EqualFold(typ, typeAccessToken) || strings.EqualFold(typ, typeAccessTokenMedia)
}

// requiredClaims are those of RFC 9068 section 2.2.
var requiredClaims = []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"}

// read holds verified claims to RFC 9068 section 4.
func (v *JWTVerifier) read(payload []byte) (*oauth2.TokenInfo, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(payload, &members); err != nil {
		return nil, errTokenInvalid.Because(errJWTClaims)
	}
	for _, name := range requiredClaims {
		if raw, ok := members[name]; !ok || string(raw) == "null" || string(raw) == `""` {
			return nil, errTokenInvalid.Because(fmt.Errorf("%w: %s is missing", errJWTClaims, name))
		}
	}
	var notBefore time.Time
	err := take(members, "nbf", (*numericDate)(&notBefore))
	if err != nil {
		return nil, errTokenInvalid.Because(errJWTClaims)
	}
	info, err := readClaims(members)
	if err == nil {
		err = takeRest(members, info)
	}
	if err != nil {
		return nil, errTokenInvalid.Because(fmt.Errorf("%w: %w", errJWTClaims, err))
	}
	now := v.now()
	switch {
	case info.Issuer != v.issuer:
		return nil, errTokenInvalid
	case !slices.ContainsFunc(info.Audience, func(uri string) bool { return slices.Contains(v.audience, uri) }):
		return nil, errTokenAudience
	case !now.Before(info.ExpiresAt.Add(v.leeway)), now.Add(v.leeway).Before(notBefore), now.Add(v.leeway).Before(info.IssuedAt):
		return nil, errTokenInvalid
	}
	if info.Subject == info.ClientID {
		info.Subject = ""
	}
	return info, nil
}
