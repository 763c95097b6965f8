package columns

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed5f5fedc6/oauth2/bench"
)

// The paths of the columns that choose their own.
const (
	tokenPath      = "/token"
	authorizePath  = "/authorize"
	introspectPath = "/introspect"
)

// Floor is the least that any server could do: parse the form, draw the random bytes, and write an
// answer of the same size with encoding/json. It checks nothing and keeps nothing but its first tokens.
//
// Its check in process is the least for a store that keeps digests and must tell whose token it is:
// SHA-256 of the token, a look into a map behind a lock, and a copy of the claims that the caller may
// keep. It decodes no token and compares no time.
var Floor = bench.Column{Name: "floor", Baseline: true, Build: func() (*bench.Target, error) {
	return newFloor(func() string { return draw("at_") })
}, Signing: map[string]func() (*bench.Target, error){
	bench.ES256: func() (*bench.Target, error) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		return newFloor(signed(func(digest [sha256.Size]byte) []byte {
			signature, _ := ecdsa.SignASN1(rand.Reader, key, digest[:]) // by a key that is good
			return signature
		}), err)
	},
	bench.EdDSA: func() (*bench.Target, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return newFloor(signed(func(digest [sha256.Size]byte) []byte { return ed25519.Sign(key, digest[:]) }), err)
	},
}}

// signed makes a token of the size of ours, with one signature and 16 random bytes.
func signed(sign func([sha256.Size]byte) []byte) func() string {
	claims := strings.Repeat("c", jwtChars)
	return func() string {
		var id [16]byte
		_, _ = rand.Read(id[:]) // crypto/rand never fails
		text := claims + base64.RawURLEncoding.EncodeToString(id[:])
		return text + "." + base64.RawURLEncoding.EncodeToString(sign(sha256.Sum256([]byte(text))))
	}
}

// jwtChars is about what header and claims of our tokens take.
const jwtChars = 420

func newFloor(draw func() string, err ...error) (*bench.Target, error) {
	f := &floor{issued: map[[sha256.Size]byte]claims{}, access: draw}
	mux := http.NewServeMux()
	mux.HandleFunc(tokenPath, f.token)
	mux.HandleFunc(authorizePath, f.authorize)
	mux.HandleFunc(introspectPath, f.introspect)
	return &bench.Target{
		Handler: mux, TokenPath: tokenPath, AuthorizePath: authorizePath, IntrospectPath: introspectPath,
		Check: func(_ context.Context, token string) error {
			_, err := f.check(token)
			return err
		},
	}, errors.Join(err...)
}

// remembered is how many tokens the floor keeps: those that its callers begin with, for its check.
const remembered = 256

type floor struct {
	access func() string // makes an access token
	mu     sync.RWMutex
	issued map[[sha256.Size]byte]claims
	drawn  atomic.Int64
}

type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// draw makes a token of 48 random bytes: 64 characters after the prefix, as ours are.
func draw(prefix string) string {
	var b [48]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

func (f *floor) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "form", http.StatusBadRequest)
		return
	}
	answer := tokenAnswer{AccessToken: f.access(), TokenType: "Bearer", ExpiresIn: 3600, Scope: bench.MachineScope}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		answer.RefreshToken, answer.Scope = draw("rt_"), bench.WebScope
		if f.drawn.Add(1) <= remembered {
			f.remember(answer.AccessToken)
		}
	}
	writeJSON(w, answer)
}

func (f *floor) authorize(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "form", http.StatusBadRequest)
		return
	}
	query := url.Values{"code": {draw("ac_")}, "state": {r.Form.Get("state")}}
	w.Header().Set("Location", bench.RedirectURI+"?"+query.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

type introspectionAnswer struct {
	Active    bool   `json:"active"`
	ClientID  string `json:"client_id"`
	ExpiresAt int64  `json:"exp"`
	IssuedAt  int64  `json:"iat"`
	Issuer    string `json:"iss"`
	Scope     string `json:"scope"`
	Subject   string `json:"sub"`
	TokenType string `json:"token_type"`
}

func (f *floor) introspect(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "form", http.StatusBadRequest)
		return
	}
	writeJSON(w, introspectionAnswer{
		Active: true, ClientID: bench.Web, ExpiresAt: 1800003600, IssuedAt: 1800000000, Issuer: bench.Issuer,
		Scope: bench.WebScope, Subject: bench.Subject, TokenType: "Bearer",
	})
}

func writeJSON(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(answer) // a client that went away
}

// claims are what a check tells of a token.
type claims struct {
	Subject, ClientID, Issuer string
	Scope                     []string
	IssuedAt, ExpiresAt       time.Time
}

func (f *floor) remember(token string) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.issued[digestOf(token)] = claims{
		Subject: bench.Subject, ClientID: bench.Web, Issuer: bench.Issuer, Scope: []string{bench.WebScope},
		IssuedAt: now, ExpiresAt: now.Add(time.Hour),
	}
}

// digestOf copies the token on the stack: converted to a slice it would cost an allocation.
func digestOf(token string) [sha256.Size]byte {
	var text [128]byte
	return sha256.Sum256(append(text[:0], token...))
}

var errUnknownToken = errors.New("columns: the token is unknown")

// check returns claims that share nothing with what is kept. It is not inlined, or the copy would not
// leave the stack.
//
//go:noinline
func (f *floor) check(token string) (*claims, error) {
	digest := digestOf(token)
	f.mu.RLock()
	defer f.mu.RUnlock()
	kept, ok := f.issued[digest]
	if !ok {
		return nil, errUnknownToken
	}
	kept.Scope = slices.Clone(kept.Scope)
	return &kept, nil
}
