// Package oauth2 is an OAuth 2.1 authorization server to embed in a web application that already
// has its users, sessions, database and router.
//
// A [Server] is built once from a [ServerConfig]: an issuer, a [ClientStore], a [TokenStore] and one
// function, Consent, that asks the user. It is an [http.Handler] for all endpoints, and has a method
// for each of them:
//
//	server, err := oauth2.New(oauth2.ServerConfig{
//		Issuer:  "https://id.example.com",
//		Clients: clients,
//		Tokens:  memory.New(),
//		Consent: askTheUser,
//	})
//	...
//	http.ListenAndServe(":8080", server)
//
// The zero value of every optional field is the secure default: PKCE with S256 for every client,
// exact redirect URIs, single-use codes, rotated refresh tokens, digests instead of tokens in the
// store.
//
// All that follows from one approval is one record, an [Authorization], that changes by
// compare-and-swap alone. Of any number of parallel redemptions exactly one wins, on any number of
// replicas; deleting the record ends everything issued from it.
//
// Package resource protects an API with the tokens issued here. The packages store/memory,
// store/sqlstore and store/redisstore keep the records; package store/storetest proves an adapter of
// your own.
package oauth2

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/seed5f5fedc6/oauth2/internal/dpop"
	"github.com/seed5f5fedc6/oauth2/internal/lru"
)

// A ServerConfig configures a Server. Issuer, Clients and Tokens are required, and Consent where
// there is an authorization endpoint or the device grant is served.
type ServerConfig struct {
	// Issuer is the issuer identifier: an https URL without query or fragment (RFC 8414 section 2).
	// A path is allowed. http is allowed on 127.0.0.1, [::1] and localhost only.
	Issuer string
	// Clients looks up the registered clients.
	Clients ClientStore
	// Tokens keeps the authorizations. Servers of several issuers may share one store.
	Tokens TokenStore
	// Grants are served at the token endpoint. nil means CodeGrant, RefreshGrant and
	// ClientCredentialsGrant.
	Grants []GrantHandler
	// ResponseTypes are served at the authorization endpoint. nil means CodeResponse alone, where the
	// authorization code grant is served.
	ResponseTypes []ResponseTypeHandler

	// Consent decides an authorization request, that of a device included; see [Approval]. It is called with a GET to ask, and
	// with a POST once the user has answered, and may be called in parallel.
	//
	// It returns an Approval, ErrAccessDenied, or ErrAnswered after writing a page. The page's form
	// has the method POST, no action (it goes to the very URL it came from) and a hidden field named
	// [FormTokenField] with the value req.FormToken. When req.Answered is true, that token has been
	// verified: this browser was shown the page of this very request. Only then may a decision be
	// read from r.PostFormValue. A double click answers a page twice and calls Consent twice: the same
	// Approval leads to the same code.
	//
	// With prompt=none a page is suppressed: Consent returns an Approval, ErrLoginRequired or
	// ErrConsentRequired. Any other error is a fault and answers 500; nil, nil is one too.
	Consent func(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest) (*Approval, error)
	// ErrorPage writes the page for a request that cannot be answered with a redirect. The status
	// is e's; the security headers are set already, the status is not written yet. nil means a plain
	// page in English.
	ErrorPage func(w http.ResponseWriter, r *http.Request, e *Error, status int)

	// Keys sign JWTs: access tokens for a [Resource] with FormatJWT (RFC 9068), and introspection answers
	// (RFC 9701). nil: no JWT is issued, and no JWKS is served.
	Keys *SigningKeys

	// AuthMethods are the ways in which clients may authenticate, in the order in which they are
	// advertised (RFC 7591 section 2). nil means client_secret_basic, client_secret_post and none. Add
	// private_key_jwt for clients that sign, and tls_client_auth or self_signed_tls_client_auth for those
	// that show a certificate; FAPI 2.0 wants no others.
	AuthMethods []string
	// MutualTLS, if set, believes certificates of clients and binds tokens to them (RFC 8705): see
	// [MutualTLSConfig]. nil: certificates are not looked at.
	MutualTLS *MutualTLSConfig
	// HTTPClient fetches what clients registered by its URL, such as jwks_uri, which is https, small and
	// answered without a redirect. nil means one that reaches public addresses alone, looked at once the
	// name is resolved, and uses no proxy, so that nobody can make the server call into its own network.
	// One of your own takes the place of that guard: it reaches whatever its transport reaches, and is used
	// for clients that registered themselves too (see Registration).
	HTTPClient *http.Client

	// Endpoints are the paths of the endpoints. The zero value means /authorize, /token,
	// /introspect and /revoke, below the issuer's path.
	Endpoints Endpoints
	// Resources are the protected resources that tokens can be requested for (RFC 8707). The only
	// one is the default of every request. nil means that tokens name no audience.
	Resources []Resource
	// Scopes are advertised as scopes_supported, and every other scope is refused. nil means that
	// what the clients are registered for is served, and nothing is advertised.
	Scopes Scope
	// AuthorizationDetails are the types of authorization details that clients may ask for (RFC 9396): what a scope
	// is too coarse for. A client may ask for those of its own Client.AuthorizationDetailsTypes alone.
	// nil: none are served, and the parameter is ignored.
	AuthorizationDetails []AuthorizationDetailsType
	// ACRValues are the authentication context class references that Consent can reach, advertised as
	// acr_values_supported (RFC 9470 section 7). Where there are any, a request with acr_values gets a
	// code for an Approval with one of them alone, and unmet_authentication_requirements otherwise
	// (section 5). nil: nothing is advertised, and acr_values are wishes that Consent may fulfil.
	ACRValues []string

	// PushedRequestLifetime is how long a browser may take to come with the request_uri of a pushed
	// request (RFC 9126 section 2.2). Once it came, the resource owner has twenty minutes to log in and
	// to decide. 0 means 90 seconds; at least one minute, at most ten.
	PushedRequestLifetime time.Duration
	// RequirePushedAuthorizationRequests refuses authorization requests that were not pushed (RFC 9126
	// section 5). A client can be held to it singly by its own member of the same name.
	RequirePushedAuthorizationRequests bool
	// RequestObjects serves signed request objects (RFC 9101) by value, and by reference for the clients
	// that registered request_uris. The client's keys are those of its jwks or jwks_uri.
	RequestObjects bool
	// SignedResponses serves the response modes jwt, query.jwt and form_post.jwt (JARM), and needs Keys.
	SignedResponses bool

	// Registration, if set, lets clients register themselves (RFC 7591) and manage their registration
	// (RFC 7592): see [RegistrationConfig]. Clients has to be a [ClientRegistry] then, and Tokens a [Lister].
	// nil: only the application registers clients.
	Registration *RegistrationConfig

	// CodeLifetime is how long a code can be redeemed. 0 means one minute; at most ten.
	CodeLifetime time.Duration
	// AccessLifetime is how long an access token is good for. 0 means one hour.
	AccessLifetime time.Duration
	// RefreshLifetime is how long a refresh token is good for since its last use. 0 means 30 days.
	RefreshLifetime time.Duration
	// AuthorizationLifetime is when an authorization ends, however often it was refreshed. 0 means
	// one year.
	AuthorizationLifetime time.Duration
	// RefreshGrace is how long a replaced refresh token is forgiven, so that a lost answer, a double
	// click or a second tab logs nobody out. 0 means 30 seconds; a negative value means none: any
	// replaced token that is presented ends the authorization.
	RefreshGrace time.Duration

	// DPoP, if set, serves DPoP (RFC 9449): see [DPoPConfig]. nil: proofs are ignored, and tokens are not
	// bound to keys by them.
	DPoP *DPoPConfig

	// RequireSenderConstrainedTokens refuses every token request that proves no key, by DPoP or by a certificate,
	// so that no bearer token is issued (FAPI 2.0 section 5.3.2.1 item 4). A client can be held to it singly by
	// its own members.
	RequireSenderConstrainedTokens bool
	// Profile is what New holds the configuration to: each finding of Lint about it that weighs LevelMust is a
	// misconfiguration. A client that registers itself, or has a document, is refused where one about it does.
	// "" means none. See [FAPI2Security].
	Profile Profile

	// Prefixes let secret scanners find leaked tokens. The zero value means ac_, at_, rt_ and dc_.
	// Changing a prefix makes the tokens issued before unknown.
	Prefixes TokenPrefixes
	// Pepper, if set, enters the derivation of refresh tokens, so that a reader of the database who
	// also holds a replaced token cannot compute the current one; and the IDs of device authorization
	// requests, so that the same reader cannot find their user codes by trying. All replicas share it.
	// Changing it ends the grace of the last rotations and the user codes that wait, and nothing else.
	Pepper []byte

	// FailureLimiter counts failed client authentications and the like, and slows down who fails too
	// often. nil means one in the memory of this process, see [NewMemoryLimiter].
	FailureLimiter FailureLimiter
	// TrustedProxies are the networks of the reverse proxies in front of the server: of those alone is
	// X-Forwarded-For believed, see [Server.RemoteAddr]. nil means that there are none. Behind a proxy
	// that is not named here, all clients have one address and one budget of failures.
	TrustedProxies []netip.Prefix

	// SubjectActive, if set, is asked before every token that is issued, at every refresh too, whether the
	// subject may still be served: a locked user stops refreshing at once. An error answers 503.
	SubjectActive func(ctx context.Context, subject string) (bool, error)
	// SubjectActiveOnCheck asks SubjectActive at every token check too.
	SubjectActiveOnCheck bool
	// Claims, if set, adds members to what a token check tells the resource server. The names of
	// RFC 7662 section 2.2 cannot be replaced. An error answers 503.
	Claims func(ctx context.Context, a *Authorization) (map[string]any, error)
	// Adopt, if set, is asked about tokens that do not begin with one of Prefixes: those of the server
	// that this one takes over from.
	Adopt Adopter
	// OnEvent, if set, is told what happens, in the request's goroutine: it must be quick.
	OnEvent func(ctx context.Context, e Event)

	// Now is the clock. nil means time.Now.
	Now func() time.Time
	// Rand reads random bytes that nobody can guess. nil means crypto/rand.
	Rand io.Reader
}

// Endpoints are paths, each beginning with a slash, below the path of the issuer. The empty string
// means the default.
type Endpoints struct {
	Authorization string // "/authorize"
	Token         string // "/token"
	Introspection string // "/introspect"
	Revocation    string // "/revoke"
	JWKS          string // "/jwks", where Keys are configured
	// PushedAuthorization, such as "/par", serves pushed authorization requests (RFC 9126). The empty
	// string: they are not served.
	PushedAuthorization string
	// The two of the device grant (RFC 8628), where [DeviceGrant] is served: the one that devices call,
	// and the page on which users enter what a device shows.
	DeviceAuthorization string // "/device_authorization"
	Device              string // "/device"
	Registration        string // "/register", where ServerConfig.Registration is set
}

// TokenPrefixes begin the tokens of each kind. They have letters, digits, "-" and "_", and none is
// the beginning of another. Every code, device code, access token and refresh token is its prefix and 64 more
// characters of base64url, 67 in all with the defaults (RFC 6749 sections 4.1.2 and 5.1 ask servers to
// document the size).
type TokenPrefixes struct {
	Code    string // "ac_"
	Access  string // "at_"
	Refresh string // "rt_"
	Device  string // "dc_"
}

// A Server is one authorization server (RFC 6749 section 1.1). It owns no goroutine and is safe for
// concurrent use. It keeps nothing but a short memory of failures and of slow secrets, on which no
// answer but 429 and 503 depends: any number of Servers over one store behave as one.
type Server struct {
	cfg      ServerConfig
	grants   map[string]GrantHandler
	routes   map[string]http.HandlerFunc
	paths    []string
	metadata []byte
	// responses are the response types, by their names in the order of the alphabet.
	responses map[string]*responseType
	// authorizePath is where an authorization request by POST is sent on to.
	authorizePath string
	formCookie    http.Cookie
	crossOrigin   *http.CrossOriginProtection
	// registry is nil where clients do not register themselves.
	registry ClientRegistry
	// keys is nil where nothing is signed.
	keys *keyring
	// lister is nil when the store cannot list.
	lister Lister
	// sleep is waited with between attempts.
	sleep func(context.Context, time.Duration) error
	// unknownClient is verified in the place of a client that does not exist, in the time that a secret
	// made by NewSecret takes.
	unknownClient *Client
	// nobody is the hash of a user who does not exist.
	nobody func() string
	// devicePath is where users enter what a device shows.
	devicePath string
	// device is nil where the device grant is not served, and has no zero values otherwise.
	device *DeviceGrant
	// dpop is nil where DPoP is not served.
	dpop *dpop.Verifier
	// documents is nil where no client_id is fetched.
	documents *ClientIDMetadata
	// keySets are what the jwks_uris of clients led to.
	keySets *keySets
	// hashes let slow hashes through. remembered are the digests, under rememberKey, of client secrets
	// that need none for a while.
	hashes      *hashLanes
	remembered  *lru.Cache[[sha256.Size]byte, struct{}]
	rememberKey [32]byte
	turns       turnTable
}

// ServeHTTP answers every path that [Server.Paths] names, and 404 elsewhere.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler, ok := s.routes[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	handler(w, r)
}

// Paths lists every path that ServeHTTP answers, for a router that wants them one by one. The
// metadata's path lies outside the issuer's path (RFC 8414 section 3.1).
func (s *Server) Paths() []string { return append([]string(nil), s.paths...) }

// Issuer returns the issuer identifier.
func (s *Server) Issuer() string { return s.cfg.Issuer }

func (s *Server) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

// get reads a record of this issuer. ErrNotFound: there is none; a record of another issuer is
// unknown here.
func (s *Server) get(ctx context.Context, id string) (*Authorization, error) {
	a, err := s.cfg.Tokens.Get(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, ErrNotFound
	case err != nil:
		return nil, unavailable(err)
	case a.Format > recordFormat:
		return nil, unavailable(errNewerFormat)
	case a.ID != id:
		return nil, unavailable(errOtherRecord)
	case a.Issuer != s.cfg.Issuer:
		return nil, ErrNotFound
	}
	return a, nil
}

var (
	errNewerFormat = errors.New("oauth2: the record was written by a newer version")
	errOtherRecord = errors.New("oauth2: the store returned a record with another ID than was asked for")
)
