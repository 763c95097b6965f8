// Package authserver is Xmail's authorization server: the library's endpoints, and around them what
// an application brings along. It logs users in with go-session, asks them on a page, and shows them
// which apps they connected.
package authserver

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/audit"
	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
	"github.com/seed5f5fedc6/oauth2/examples/internal/logins"
	"github.com/seed5f5fedc6/oauth2/examples/internal/stores"
)

// The defaults of Options.
const (
	defaultAddr     = "localhost:8620"
	defaultResource = "http://localhost:8640"
)

// Options configure an [App]. The zero value is what `go run ./examples/authserver` starts.
type Options struct {
	// Addr is the address to listen on, by whoever serves the App. "" means localhost:8620.
	Addr string
	// Issuer is the issuer identifier. "" means http://ADDR, or https://ADDR with a certificate.
	Issuer string
	// Store is "memory", "sqlite:FILE", "postgres://...", "mysql://..." or "redis://...". "" means a
	// SQLite file in the user's cache folder. Login sessions live there too. Replicas may share all but
	// memory.
	Store string
	// ClientsFile is a JSON array for [oauth2.ParseClients]. "" means the built-in clients.
	ClientsFile string
	// UsersFile is a JSON object: user name to password or to its PHC hash. "" means the built-in
	// users.
	UsersFile string
	// IssuersFile is a JSON array of other authorization servers whose assertions are believed, and to which
	// this one vouches for its users: issuer, jwks or jwks_uri, and id_jag. "" means none.
	IssuersFile string
	// Resource is the API that tokens are issued for (RFC 8707). "" means http://localhost:8640.
	Resource string
	// JWT makes the access tokens for Resource JWTs (RFC 9068). false means opaque ones.
	JWT bool
	// DPoPNonces wants a nonce of this server in every DPoP proof (RFC 9449 section 8). false means that a
	// proof's time is enough.
	DPoPNonces bool
	// Grace, CodeLifetime, AccessLifetime and RefreshLifetime are those of [oauth2.ServerConfig]. 0
	// means its default. A negative Grace is strict rotation.
	Grace           time.Duration
	CodeLifetime    time.Duration
	AccessLifetime  time.Duration
	RefreshLifetime time.Duration
	// TLSCert and TLSKey are the files of a certificate and its key: both or neither.
	TLSCert, TLSKey string
	// ClientCA is a file of certification authorities, in PEM, that vouch for the certificates of clients
	// (tls_client_auth). "" means none: clients may still show certificates that they registered.
	ClientCA string
	// TrustedProxies are the networks of the reverse proxies in front, as in [oauth2.ServerConfig].
	TrustedProxies []netip.Prefix
	// CookieKey signs the session cookie: 32 bytes or more in standard base64. Replicas share it. Who
	// changes it logs everybody out, and names the old one in SealingKeys, unless those are others. ""
	// means a random key, which is kept in the database if there is one.
	CookieKey string
	// SealingKeys seal the signing keys in the store: each 32 bytes or more in standard base64, separated
	// by commas. The first one seals, the others open what was sealed before. Without the key that
	// sealed them the signing keys cannot be read, and nothing is signed any more. Replicas share them.
	// "" means the CookieKey.
	SealingKeys string
	// AuditFile is where the audit log is written. "" means none. AuditKey makes its hashes HMAC-SHA256:
	// 32 bytes or more in standard base64. "" means plain SHA-256.
	AuditFile, AuditKey string
	// VerifyAudit is an audit log to verify, and AuditHeads are checkpoints that must be in it.
	VerifyAudit string
	AuditHeads  []audit.Checkpoint
	// LegacyImplicit and LegacyPassword serve the two grants of OAuth 2.0 that OAuth 2.1 has left out, to
	// the clients that are registered for them, on a loopback issuer alone.
	LegacyImplicit, LegacyPassword bool
	// RegistrationToken is the initial access token with which clients register themselves (RFC 7591), at
	// least 16 characters. "" means that anybody may on a loopback issuer, and nobody elsewhere.
	RegistrationToken string
	// Lint asks for the findings of the configuration linter.
	Lint bool

	// Clients and Users are used instead of the files and the built-ins, if they are not nil.
	Clients []*oauth2.Client
	Users   map[string]string
	// Log is told what happens, without any secret. nil means slog.Default().
	Log *slog.Logger
	// Now is the clock. nil means time.Now.
	Now func() time.Time
}

// Flags registers a flag for each option that has one.
func (o *Options) Flags(fs *flag.FlagSet) {
	fs.StringVar(&o.Addr, "addr", defaultAddr, "`address` to listen on")
	fs.StringVar(&o.Issuer, "issuer", "", "issuer `URL` (default http://ADDR, or https with a certificate)")
	fs.StringVar(&o.Store, "store", "", stores.Usage)
	fs.StringVar(&o.ClientsFile, "clients", "", "JSON `file` of clients, in RFC 7591's member names (default built-in demo clients)")
	fs.StringVar(&o.UsersFile, "users", "", "JSON `file` of users: an object of name to password or PHC hash (default alice/wonderland and bob/builder)")
	fs.StringVar(&o.IssuersFile, "issuers", "", "JSON `file` of other issuers whose assertions are believed: an array of issuer, jwks or jwks_uri, and id_jag (default none)")
	fs.StringVar(&o.Resource, "resource", defaultResource, "`URL` of the API that tokens are issued for")
	fs.BoolVar(&o.JWT, "jwt", false, "access tokens for the API are JWTs")
	fs.BoolVar(&o.DPoPNonces, "dpop-nonces", false, "want a nonce of this server in every DPoP proof")
	fs.Var((*graceFlag)(&o.Grace), "grace", "how long a replaced refresh token is forgiven: seconds or a `duration`, 0 is strict (default 30s)")
	fs.Var((*durationFlag)(&o.CodeLifetime), "code-lifetime", "lifetime of an authorization code: seconds or a `duration` (default 60s)")
	fs.Var((*durationFlag)(&o.AccessLifetime), "access-lifetime", "lifetime of an access token: seconds or a `duration` (default 1h)")
	fs.Var((*durationFlag)(&o.RefreshLifetime), "refresh-lifetime", "lifetime of a refresh token since its last use: seconds or a `duration` (default 720h)")
	fs.StringVar(&o.TLSCert, "tls-cert", "", "certificate `file`, for https")
	fs.StringVar(&o.TLSKey, "tls-key", "", "key `file` of the certificate")
	fs.StringVar(&o.ClientCA, "client-ca", "", "`file` of the authorities that vouch for certificates of clients (default none)")
	fs.Func("trusted-proxies", "`networks` of the reverse proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8,fd00::/8 (default none)", func(text string) (err error) {
		o.TrustedProxies, err = parseNetworks(text)
		return err
	})
	// A key is no default that -help may show, and package flag quotes what its value refuses: New does.
	fs.Func("cookie-key", "`key` that signs session cookies, and, without -sealing-keys, seals the signing keys, which then are lost with it: 32 bytes or more in base64 (default random, kept in the store)", func(text string) error {
		o.CookieKey = text
		return nil
	})
	fs.Func("sealing-keys", "`keys` that seal the signing keys, separated by commas: the first seals, all open; each 32 bytes or more in base64 (default the cookie key)", func(text string) error {
		o.SealingKeys = text
		return nil
	})
	fs.StringVar(&o.AuditFile, "audit", "", "audit log: a `file` that is appended to (default none)")
	fs.Func("audit-key", "`key` of the audit log's hashes: 32 bytes or more in base64 (default none, plain SHA-256)", func(text string) error {
		o.AuditKey = text
		return nil
	})
	fs.StringVar(&o.VerifyAudit, "verify-audit", "", "verify an audit log `file`, and exit")
	fs.Func("audit-head", "`checkpoint` REPLICA:SEQ:HASH that must be in the log, for -verify-audit; may be repeated", func(text string) error {
		head, err := audit.ParseCheckpoint(text)
		o.AuditHeads = append(o.AuditHeads, head)
		return err
	})
	fs.BoolVar(&o.LegacyImplicit, "legacy-implicit", false, "serve the implicit grant, which OAuth 2.1 has left out")
	fs.BoolVar(&o.LegacyPassword, "legacy-password", false, "serve the resource owner password grant, which OAuth 2.1 has left out")
	fs.Func("registration-token", "initial access `token` that clients register themselves with (default none: anybody may on a loopback issuer, nobody elsewhere)", func(text string) error {
		o.RegistrationToken = text
		return checkRegistrationToken(text)
	})
	fs.BoolVar(&o.Lint, "lint", false, "print where the configuration falls short of OAuth 2.1 and FAPI 2.0, and exit")
}

func (o Options) withDefaults() Options {
	o.Addr = cmp.Or(o.Addr, defaultAddr)
	o.Issuer = cmp.Or(o.Issuer, o.defaultIssuer())
	o.Resource = cmp.Or(o.Resource, defaultResource)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// format is the format of access tokens for the API.
func (o *Options) format() oauth2.TokenFormat {
	if o.JWT {
		return oauth2.FormatJWT
	}
	return oauth2.FormatOpaque
}

func (o *Options) defaultIssuer() string {
	if o.TLSCert != "" {
		return launch.URL("https", o.Addr)
	}
	return launch.URL("http", o.Addr)
}

func (o *Options) validate() error {
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return errors.New("-tls-cert and -tls-key need each other")
	}
	if _, err := logins.ParseKey(o.CookieKey); err != nil && o.CookieKey != "" {
		return fmt.Errorf("-cookie-key: %w", err)
	}
	if _, err := parseSealingKeys(o.SealingKeys); err != nil && o.SealingKeys != "" {
		return fmt.Errorf("-sealing-keys: %w", err)
	}
	if _, err := parseAuditKey(o.AuditKey); err != nil {
		return fmt.Errorf("-audit-key: %w", err)
	}
	return nil
}

// parseNetworks reads networks separated by commas; an address alone is a network of one.
func parseNetworks(text string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for field := range strings.SplitSeq(text, ",") {
		field = strings.TrimSpace(field)
		if addr, err := netip.ParseAddr(field); err == nil {
			networks = append(networks, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(field)
		if err != nil {
			return nil, err
		}
		networks = append(networks, network)
	}
	return networks, nil
}

var errDuration = errors.New("neither seconds nor a duration such as 90s or 24h, or negative")

// parseDuration reads plain seconds or a Go duration.
func parseDuration(text string) (time.Duration, error) {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, errDuration
	}
	return d, nil
}

// A durationFlag is a lifetime, which cannot be nothing.
type durationFlag time.Duration

func (f *durationFlag) String() string { return flagText(time.Duration(*f)) }

// Set implements [flag.Value].
func (f *durationFlag) Set(text string) error {
	d, err := parseDuration(text)
	if err == nil && d == 0 {
		err = fmt.Errorf("a lifetime of nothing: %w", errDuration)
	}
	if err == nil {
		*f = durationFlag(d)
	}
	return err
}

// A graceFlag is a grace, where 0 asks for none at all. ServerConfig says that by a negative value,
// because its zero value is the default.
type graceFlag time.Duration

func (f *graceFlag) String() string { return flagText(max(0, time.Duration(*f))) }

// Set implements [flag.Value].
func (f *graceFlag) Set(text string) error {
	d, err := parseDuration(text)
	switch {
	case err != nil:
		return err
	case d == 0:
		d = -1
	}
	*f = graceFlag(d)
	return nil
}

// flagText is empty for the default, so that -help does not add a second one.
func flagText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
