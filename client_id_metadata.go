package oauth2

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/seed5f5fedc6/oauth2/internal/fetch"
	"github.com/seed5f5fedc6/oauth2/internal/lru"
)

const (
	// defaultDocumentFor is how long a document is used that does not tell.
	defaultDocumentFor    = 5 * time.Minute
	defaultMinDocumentAge = time.Minute
	defaultMaxDocumentAge = 24 * time.Hour
	defaultDocuments      = 1000
	// maxDocumentBytes is what CIMD section 8.7 recommends to read at most.
	maxDocumentBytes = 5 << 10
)

// documentMediaTypes are those of a document (CIMD section 4): JSON, and whatever is built on it.
var documentMediaTypes = []string{"application/json", "+json"}

// A ClientIDMetadataConfig configures a [ClientIDMetadata]. The zero value is the secure default.
type ClientIDMetadataConfig struct {
	// Scope is all that the clients may ask for, and their default. A document that names a scope gets no
	// more than that of it. nil: they get tokens without a scope.
	Scope Scope
	// AuthorizationDetailsTypes are all types of authorization details that the clients may ask for (RFC 9396
	// section 10), if their documents name them. nil: none.
	AuthorizationDetailsTypes []string
	// GrantTypes are all that the clients may use; those that a document names beyond it are left out. nil
	// means authorization_code and refresh_token.
	GrantTypes []string

	// AllowHost, if set, is asked whether a document may be fetched from a host, in lower case and with its
	// port if there is one, such as "app.example.com" or "app.example.com:8443" (CIMD section 8.9). It is
	// asked at every look-up, of what is kept too, so a host that is ruled out is so at once. nil means any.
	AllowHost func(host string) bool
	// Accept, if set, is asked at every look-up whether a client is taken, once its document was read and
	// found valid: for rules about its redirect URIs or its name (CIMD section 8.1). The Client is not to be
	// modified. An error answers 503. nil means that every valid one is.
	Accept func(ctx context.Context, c *Client) (bool, error)

	// MinAge and MaxAge bound for how long a document is used, whatever its HTTP headers say (CIMD section
	// 5.2). One that does not say is used for five minutes. MaxAge also ends one that could not be fetched
	// anew because its host is down. 0 means one minute, and 24 hours.
	MinAge, MaxAge time.Duration
	// Documents is how many are kept; the one unused for longest goes first. 0 means 1000.
	Documents int

	// AllowLoopback takes http and https URLs on 127.0.0.1, [::1] and localhost, and connects to loopback
	// addresses for them. It is for development: New refuses it for an issuer that is not on a loopback address
	// itself (CIMD section 8.6).
	AllowLoopback bool
	// HTTPClient fetches the documents and what is behind their jwks_uri. nil means one that reaches public
	// addresses alone, looked at once the name is resolved, and uses no proxy. One of your own takes the
	// place of that guard, which CIMD section 8.6 demands: it reaches whatever its transport reaches.
	HTTPClient *http.Client
	// FailureLimiter bounds how often strangers make the server fetch: [AttemptClientMetadata] is counted by
	// their address and by the host they name. nil means one in the memory of this process, see
	// [NewMemoryLimiter].
	FailureLimiter FailureLimiter
	// OnEvent, if set, is told of documents that were fetched or refused; use the function that is
	// ServerConfig.OnEvent. It has to be quick.
	OnEvent func(ctx context.Context, e Event)
	// Now is the clock. nil means time.Now.
	Now func() time.Time
}

// ClientIDMetadata is a [ClientStore] for clients that nobody registered: their client_id is the https URL
// of a JSON document that describes them (OAuth Client ID Metadata Document,
// draft-ietf-oauth-client-id-metadata-document-02; CIMD for short). It asks another store first, and fetches
// only what that one does not know. A [Server] finds it behind other decorators and advertises it.
//
// A document is at most 5 KB, comes without a redirect and says that its client_id is its very URL. The
// client it makes is public or authenticates by private_key_jwt, and has [Client.Dynamic] set. It is kept
// for as long as its HTTP headers say, within bounds; errors never are. Requests for one URL at the same time
// are one fetch. A document that changes or goes changes or ends the client with the next fetch; what was
// issued before lives on until it is used at an endpoint that asks for the client, or expires.
//
// It is safe for concurrent use, and owns no goroutine beyond its fetches. Each replica keeps documents of
// its own.
type ClientIDMetadata struct {
	next            ClientStore
	cfg             ClientIDMetadataConfig
	public, private *fetch.Fetcher // private: on this very machine
	keySets         *keySets
	kept            *lru.Cache[string, clientDocument]
	calls           singleflight.Group
}

// A clientDocument is a client as a document described it.
type clientDocument struct {
	client  *Client
	fetched time.Time
	// until is when the document is to be asked for again.
	until time.Time
}

// NewClientIDMetadata returns a ClientIDMetadata in front of another store. [New] reports what is wrong with
// its configuration.
func NewClientIDMetadata(next ClientStore, cfg ClientIDMetadataConfig) *ClientIDMetadata {
	cfg.MinAge, cfg.MaxAge = cmp.Or(cfg.MinAge, defaultMinDocumentAge), cmp.Or(cfg.MaxAge, defaultMaxDocumentAge)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.FailureLimiter == nil {
		cfg.FailureLimiter = NewMemoryLimiter(MemoryLimiterConfig{Now: cfg.Now})
	}
	return &ClientIDMetadata{
		next: next, cfg: cfg,
		public:  fetch.New(fetch.Config{Client: cfg.HTTPClient, MaxBytes: maxDocumentBytes}),
		private: fetch.New(fetch.Config{Client: cfg.HTTPClient, MaxBytes: maxDocumentBytes, Loopback: true}),
		keySets: newKeySets(fetch.New(fetch.Config{Client: cfg.HTTPClient})),
		kept:    lru.New[string, clientDocument](max(0, cmp.Or(cfg.Documents, defaultDocuments))),
	}
}

// Unwrap returns the store that is asked first.
func (m *ClientIDMetadata) Unwrap() ClientStore { return m.next }

// Client implements [ClientStore]. What the other store says counts, unless that is ErrNotFound. The Client is
// shared, and must not be modified. An *[Error] tells the client's developer what is wrong: it wraps
// ErrNotFound where the URL or its document is no good, and has the code temporarily_unavailable where the
// document could not be fetched, or too many were.
func (m *ClientIDMetadata) Client(ctx context.Context, id string) (*Client, error) {
	client, err := m.next.Client(ctx, id)
	if !errors.Is(err, ErrNotFound) || !namesDocument(id) {
		return client, err
	}
	u, err := m.documentURL(id)
	if err != nil {
		return nil, err
	}
	if m.cfg.AllowHost != nil && !m.cfg.AllowHost(u.Host) {
		return nil, noSuchClient("Clients of this host are not accepted here.", nil)
	}
	if client, err = m.look(ctx, id, u); err != nil || m.cfg.Accept == nil {
		return client, err
	}
	switch accepted, err := m.cfg.Accept(ctx, client); {
	case err != nil:
		return nil, unavailable(err)
	case !accepted:
		return nil, noSuchClient("The client is not accepted here.", nil)
	}
	return client, nil
}

// validateClientIDMetadata checks the configuration of a ClientIDMetadata among the stores of clients.
func (cfg *ServerConfig) validateClientIDMetadata(report func(wrong bool, format string, args ...any)) {
	m := cfg.clientIDMetadata()
	if m == nil {
		return
	}
	report(m.next == nil, "ClientIDMetadata: no store is asked first")
	for _, token := range m.cfg.Scope {
		report(!validScopeToken(token), "ClientIDMetadata: Scope: %q is malformed", token)
	}
	for _, name := range m.cfg.AuthorizationDetailsTypes {
		report(cfg.detailsType(name) == nil, "ClientIDMetadata: AuthorizationDetailsTypes: %q is not served", name)
	}
	for _, grantType := range m.cfg.GrantTypes {
		report(!cfg.serves(grantType), "ClientIDMetadata: GrantTypes: %q is not served", grantType)
	}
	report(m.cfg.MinAge < 0 || m.cfg.MinAge > m.cfg.MaxAge, "ClientIDMetadata: MinAge %v is negative or longer than MaxAge %v", m.cfg.MinAge, m.cfg.MaxAge)
	report(m.cfg.Documents < 0, "ClientIDMetadata: Documents is negative")
	report(!slices.ContainsFunc(documentAuthMethods, cfg.authenticatesBy), "ClientIDMetadata: AuthMethods has neither none nor private_key_jwt")
	issuer, err := url.Parse(cfg.Issuer)
	report(m.cfg.AllowLoopback && (err != nil || !onLoopback(issuer.Hostname())), "ClientIDMetadata: AllowLoopback is for an issuer on a loopback address or localhost")
}

func onLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return loopbackHost(host) || err == nil && addr.IsLoopback()
}

// clientIDMetadata is nil where no documents are fetched.
func (cfg *ServerConfig) clientIDMetadata() *ClientIDMetadata {
	m, _ := clientStoreAs[*ClientIDMetadata](cfg.Clients)
	return m
}
