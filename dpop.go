package oauth2

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/seed5f5fedc6/oauth2/internal/dpop"
)

// The errors of DPoP (RFC 9449 sections 5 and 8). They are refusals of the token endpoint, and with the
// status 401 those of a protected resource.
var (
	ErrInvalidDPoPProof = &Error{Code: "invalid_dpop_proof"}
	ErrUseDPoPNonce     = &Error{Code: "use_dpop_nonce"}
)

// The defaults of DPoPConfig, and the most that it takes.
const (
	defaultProofLifetime = time.Minute
	maxProofLifetime     = 10 * time.Minute
	defaultNonceLifetime = 5 * time.Minute
	maxNonceLifetime     = time.Hour
)

// A DPoPConfig makes a Server serve DPoP (RFC 9449): a client that proves a key with its token request
// gets tokens that are good with that key alone. The zero value is ready to use.
//
// A proof is signed with ES256, EdDSA, Ed25519, PS256 or RS256, and is good once, at any replica: for as long as
// it would be accepted again, the store keeps a small record of it. Where the server is behind a proxy,
// htu is compared with the URLs that the metadata names, whatever the proxy calls them.
type DPoPConfig struct {
	// ProofLifetime is how old a proof may be, by the client's clock; it may be 10 seconds ahead. 0 means
	// one minute; at most ten.
	ProofLifetime time.Duration
	// WithoutRS256 refuses proofs that are signed with RS256 (FAPI 2.0 section 5.4.1).
	WithoutRS256 bool
	// NonceKey, if set, makes the server require a nonce of its own in every proof (section 8), so that
	// none can be made in advance, and the client's clock does not matter. It has at least 32 random
	// bytes, and all replicas share it. Changing it costs each client one more request.
	NonceKey []byte
	// NonceLifetime is how long a nonce is accepted. 0 means five minutes; at most an hour.
	NonceLifetime time.Duration
}

func (c *DPoPConfig) validate(report func(wrong bool, format string, args ...any)) {
	if c == nil {
		return
	}
	report(c.ProofLifetime < 0 || c.ProofLifetime > maxProofLifetime, "DPoP: ProofLifetime %v is negative or longer than %v", c.ProofLifetime, maxProofLifetime)
	report(c.NonceLifetime < 0 || c.NonceLifetime > maxNonceLifetime, "DPoP: NonceLifetime %v is negative or longer than %v", c.NonceLifetime, maxNonceLifetime)
	report(c.NonceKey != nil && len(c.NonceKey) < dpop.MinNonceKeyBytes, "DPoP: NonceKey has fewer than %d bytes", dpop.MinNonceKeyBytes)
}

// verifier is nil where DPoP is not served.
func (c *DPoPConfig) verifier(issuer string) *dpop.Verifier {
	if c == nil {
		return nil
	}
	v := &dpop.Verifier{Lifetime: cmp.Or(c.ProofLifetime, defaultProofLifetime), WithoutRS256: c.WithoutRS256}
	if c.NonceKey != nil {
		v.Nonces = dpop.NewNonces(c.NonceKey, issuer, cmp.Or(c.NonceLifetime, defaultNonceLifetime))
	}
	return v
}

// algorithms is the metadata's member (RFC 9449 section 5.1).
func (c *DPoPConfig) algorithms() []string {
	if c == nil {
		return nil
	}
	return (&dpop.Verifier{WithoutRS256: c.WithoutRS256}).Algorithms()
}

var (
	errProofMissing = ErrInvalidDPoPProof.With("The client's tokens are bound to a DPoP key, and the request has no proof of one.")
	errProofUsed    = ErrInvalidDPoPProof.With("The DPoP proof was used before.")
	errPushedKeys   = ErrInvalidRequest.With("dpop_jkt is not the thumbprint of the DPoP proof's key.")
)

// proveDPoPKey is the row of senderKeys: the key of the request's proof (RFC 9449 section 5).
func proveDPoPKey(s *Server, r *http.Request, req *TokenRequest) (*Confirmation, error) {
	proof, err := s.verifyProof(r, s.cfg.Endpoints.Token)
	switch {
	case err != nil:
		return nil, err
	case proof == nil && req.Client.DPoPBoundAccessTokens:
		return nil, errProofMissing
	case proof == nil:
		return nil, nil
	}
	req.proof = proof
	return &Confirmation{JKT: proof.JKT}, nil
}

// verifyProof verifies the proof of a request to an endpoint. It is nil where there is none, or DPoP is
// not served. It is yet unspent.
func (s *Server) verifyProof(r *http.Request, endpoint string) (*dpop.Proof, error) {
	if s.dpop == nil {
		return nil, nil
	}
	proof, err := s.dpop.Verify(r, "", s.now(), s.cfg.url(endpoint), s.cfg.aliasOf(endpoint))
	if refusal, ok := errors.AsType[dpop.ProofError](err); ok {
		return nil, proofRefused(refusal)
	}
	return proof, err
}

// proofRefused puts a refusal into the words of RFC 9449 sections 5 and 8.
func proofRefused(refusal dpop.ProofError) *Error {
	if refusal == dpop.ErrNonce {
		return ErrUseDPoPNonce.With(string(refusal))
	}
	return ErrInvalidDPoPProof.With(string(refusal))
}

// spendProof uses a proof up (RFC 9449 section 11.1); nil is none. The jti is unique for its key, so the
// two are one value, whoever the client is that sends it.
func (s *Server) spendProof(ctx context.Context, proof *dpop.Proof) error {
	if proof == nil {
		return nil
	}
	err := s.once(ctx, "dpop", "", proof.JKT+"."+proof.JTI, proof.Until)
	if errors.Is(err, errUsedBefore) {
		return errProofUsed
	}
	return err
}

// offerNonce hands out a nonce with the answer, whatever it is (RFC 9449 section 8.2), to a client that
// sends proofs. A page in a browser may read it.
func (s *Server) offerNonce(w http.ResponseWriter, r *http.Request) {
	if s.dpop == nil || s.dpop.Nonces == nil || len(r.Header.Values(dpop.Header)) == 0 {
		return
	}
	w.Header().Set(dpop.NonceHeader, s.dpop.Nonces.New(s.now()))
	w.Header().Set("Access-Control-Expose-Headers", dpop.NonceHeader)
}

// checkDPoPKey reads the key that the code is bound to (RFC 9449 section 10).
func checkDPoPKey(_ context.Context, s *Server, req *AuthorizationRequest) error {
	switch jkt := req.form.get("dpop_jkt"); {
	case s.dpop == nil || jkt == "":
	case !dpop.IsThumbprint(jkt):
		return ErrInvalidRequest.With("dpop_jkt is not a SHA-256 thumbprint in base64url.")
	default:
		req.dpopKey = jkt
	}
	return nil
}

// bindPushedRequest lets the proof of a pushed request stand for dpop_jkt (RFC 9449 section 10.1).
func (s *Server) bindPushedRequest(r *http.Request, req *AuthorizationRequest) error {
	proof, err := s.verifyProof(r, s.cfg.Endpoints.PushedAuthorization)
	switch {
	case proof == nil || err != nil:
		return err
	case req.dpopKey == "":
		req.dpopKey, req.form = proof.JKT, append(slices.Clip(req.form), parameter{"dpop_jkt", proof.JKT})
	case req.dpopKey != proof.JKT:
		return errPushedKeys
	}
	return s.spendProof(r.Context(), proof)
}
