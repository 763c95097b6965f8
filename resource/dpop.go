package resource

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/dpop"
	"github.com/seed5f5fedc6/oauth2/internal/lru"
)

// The defaults of DPoPConfig.
const (
	defaultProofLifetime    = time.Minute
	defaultNonceLifetime    = 5 * time.Minute
	defaultRememberedProofs = 100_000
)

// A DPoPConfig makes a Guard accept tokens that are bound to a DPoP key (RFC 9449 section 7). URL is
// required.
type DPoPConfig struct {
	// URL is where clients reach this API: the scheme, the host, and the path that stands before the one
	// the Guard sees, where a proxy or http.StripPrefix takes it away. A proof names the URI that it is
	// for, and no header of a request is believed about that.
	URL string
	// Required refuses every token that is not bound to a DPoP key; so does a Guard whose metadata say so
	// (MetadataConfig.DPoPRequired). The zero value accepts bearer tokens too.
	Required bool
	// ProofLifetime is how old a proof may be, by the client's clock; it may be 10 seconds ahead. 0 means
	// one minute.
	ProofLifetime time.Duration
	// NonceKey, if set, makes the Guard require a nonce of its own in every proof (RFC 9449 section 9). It
	// has at least 32 random bytes, and all replicas of the API share it.
	NonceKey []byte
	// NonceLifetime is how long a nonce is accepted. 0 means five minutes.
	NonceLifetime time.Duration
	// Remember, if set, keeps the proofs that were used where all replicas of the API see it. It is given
	// a digest and the time until which the proof would be accepted again, and reports whether it was
	// unknown; of parallel calls with one digest exactly one must be told so. An error answers 503. nil
	// means the memory of this process: a proof is then good once at each replica.
	Remember func(ctx context.Context, digest [sha256.Size]byte, until time.Time) (bool, error)
	// RememberedProofs is the most proofs that are kept in memory where Remember is nil; the oldest goes
	// first. 0 means 100,000, which take about 20 MB.
	RememberedProofs int
}

func (c *DPoPConfig) validate() error {
	if c == nil {
		return nil
	}
	var errs []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{!secureURL(c.URL) || strings.ContainsAny(c.URL, "?#"), fmt.Sprintf("DPoP: URL %q is not an https URL without query and fragment", c.URL)},
		{c.ProofLifetime < 0, "DPoP: ProofLifetime is negative"},
		{c.NonceLifetime < 0, "DPoP: NonceLifetime is negative"},
		{c.NonceKey != nil && len(c.NonceKey) < dpop.MinNonceKeyBytes, fmt.Sprintf("DPoP: NonceKey has fewer than %d bytes", dpop.MinNonceKeyBytes)},
		{c.RememberedProofs < 0, "DPoP: RememberedProofs is negative"},
	} {
		if rule.broken {
			errs = append(errs, errors.New("resource: "+rule.text))
		}
	}
	return errors.Join(errs...)
}

// proofs is a Guard's side of DPoP.
type proofs struct {
	base     string
	required bool
	verifier *dpop.Verifier
	remember func(ctx context.Context, digest [sha256.Size]byte, until time.Time) (bool, error)
	now      func() time.Time
}

// newProofs is nil where DPoP is not configured.
func newProofs(c *DPoPConfig, metadata *Metadata, now func() time.Time) *proofs {
	if c == nil {
		return nil
	}
	p := &proofs{
		base:     strings.TrimSuffix(c.URL, "/"),
		required: c.Required || metadata != nil && metadata.dpopRequired,
		verifier: &dpop.Verifier{Lifetime: cmp.Or(c.ProofLifetime, defaultProofLifetime)},
		remember: c.Remember, now: now,
	}
	if c.NonceKey != nil {
		p.verifier.Nonces = dpop.NewNonces(c.NonceKey, p.base, cmp.Or(c.NonceLifetime, defaultNonceLifetime))
	}
	if p.remember == nil {
		p.remember = rememberInMemory(cmp.Or(c.RememberedProofs, defaultRememberedProofs), p.now)
	}
	return p
}

// rememberInMemory is Remember within one process.
func rememberInMemory(size int, now func() time.Time) func(context.Context, [sha256.Size]byte, time.Time) (bool, error) {
	var mu sync.Mutex
	seen := lru.New[[sha256.Size]byte, struct{}](size)
	return func(_ context.Context, digest [sha256.Size]byte, until time.Time) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		if _, used := seen.Get(digest, now()); used {
			return false, nil
		}
		seen.Put(digest, struct{}{}, until)
		return true, nil
	}
}

var (
	errProofMissing = proofRefused("The access token is bound to a DPoP key, and the request has no proof of it.")
	errProofUsed    = proofRefused("The DPoP proof was used before.")
	errNotBound     = oauth2.ErrInvalidToken.With("The access token is not bound to a DPoP key.")
)

// proofRefused puts a refusal into the words of RFC 9449 sections 7.1 and 9.
func proofRefused(refusal dpop.ProofError) *oauth2.Error {
	e := *oauth2.ErrInvalidDPoPProof
	if refusal == dpop.ErrNonce {
		e = *oauth2.ErrUseDPoPNonce
	}
	e.Status, e.Description = http.StatusUnauthorized, string(refusal)
	return &e
}

// proveDPoPKey verifies the proof that comes with a token (RFC 9449 section 7.1). It is used up by the
// one whose key the token is bound to alone, so that nobody else can fill the memory of used ones.
func proveDPoPKey(g *Guard, r *http.Request, c credential) (string, error) {
	p := g.proofs
	if p == nil {
		return "", nil
	}
	proof, err := p.verifier.Verify(r, c.token, p.now(), p.base+r.URL.EscapedPath())
	if refusal, ok := errors.AsType[dpop.ProofError](err); ok {
		return "", proofRefused(refusal)
	}
	switch {
	case err != nil:
		return "", unavailable(err)
	case proof == nil:
		return "", errProofMissing
	case proof.JKT != c.key:
		return proof.JKT, nil
	}
	first, err := p.remember(r.Context(), sha256.Sum256([]byte(proof.JKT+"."+proof.JTI)), proof.Until)
	switch {
	case err != nil:
		return "", unavailable(err)
	case !first:
		return "", errProofUsed
	}
	return proof.JKT, nil
}

// refuses reports whether a token that is bound like this is not accepted.
func (p *proofs) refuses(bound *oauth2.Confirmation) bool {
	return p != nil && p.required && (bound == nil || bound.JKT == "")
}

// offerNonce hands out a nonce with the answer (RFC 9449 section 9) to a client that sends proofs. No
// cache is to hand it to the next, unless the handler says otherwise (section 8.2).
func (p *proofs) offerNonce(w http.ResponseWriter, r *http.Request) {
	if p != nil && p.verifier.Nonces != nil && len(r.Header.Values(dpop.Header)) > 0 {
		w.Header().Set(dpop.NonceHeader, p.verifier.Nonces.New(p.now()))
		w.Header().Set("Cache-Control", "no-store")
	}
}

// challenge makes a challenge for bearer tokens one that tells of DPoP too (RFC 9449 sections 7.1 and
// 7.2): the error is told in the scheme that was tried. With metadata, each challenge names them, and the
// scope: a client reads the one whose scheme it knows (RFC 9728 section 5.1).
func (p *proofs) challenge(h http.Header, r *http.Request, realm string, needed requirement, metadata *Metadata) {
	if p == nil {
		return
	}
	algorithms := attribute{"algs", strings.Join(dpop.Algorithms(), " ")}
	found, err := parseCredential(r.Header.Get("Authorization"))
	if parameters, ok := strings.CutPrefix(h.Get("WWW-Authenticate"), schemeBearer); ok && err == nil && found.scheme == schemeDPoP {
		h.Set("WWW-Authenticate", schemeDPoP+parameters+","+attributes(algorithms))
		return
	}
	var scope string
	if metadata != nil {
		scope = needed.told()
	}
	h.Add("WWW-Authenticate", schemeDPoP+attributes(
		attribute{"realm", realm}, attribute{"scope", scope}, attribute{"resource_metadata", metadata.location()}, algorithms,
	))
}
