package oauth2

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A shelf is a store that has one record, whatever is asked for, and knows every client.
type shelf struct{ record *Authorization }

func (s *shelf) Create(context.Context, *Authorization) error        { return ErrExists }
func (s *shelf) Get(context.Context, string) (*Authorization, error) { return s.record.Clone(), nil }
func (s *shelf) Update(context.Context, *Authorization) error        { return nil }
func (s *shelf) Delete(context.Context, string) error                { return nil }

func (s *shelf) Client(_ context.Context, id string) (*Client, error) {
	return &Client{ID: id, GrantTypes: []string{GrantAuthorizationCode, GrantRefreshToken}, Scope: s.record.Scope}, nil
}

func (s *shelf) server(t testing.TB) *Server {
	server, err := New(ServerConfig{
		Issuer: "https://id.example.com", Clients: s, Tokens: s, Now: func() time.Time { return noon },
		Consent: func(http.ResponseWriter, *http.Request, *AuthorizationRequest) (*Approval, error) {
			return nil, ErrAccessDenied
		},
	})
	require.NoError(t, err)
	return server
}

// post is the status of an endpoint's answer to the record's own client.
func (s *shelf) post(t testing.TB, endpoint http.HandlerFunc, pairs ...string) int {
	body := url.Values{"client_id": {s.record.ClientID}}
	for i := 0; i < len(pairs); i += 2 {
		body.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	endpoint(w, r)
	return w.Code
}

// A record that the store garbled is refused or a fault, and is never good for what it does not say.
func FuzzGarbledRecord(f *testing.F) {
	for _, seed := range recordSeeds(f) {
		f.Add(seed, uint16(0xffff))
		f.Add(seed, uint16(0))
	}
	f.Fuzz(func(t *testing.T, document []byte, places uint16) {
		a := decoded(document)
		if a == nil {
			return
		}
		tokens := tokensInto(a, places)
		s := &shelf{a}
		server := s.server(t)
		usable := a.ID == tokens.access.id() && a.Issuer == server.Issuer() && a.Format <= recordFormat

		_, err := server.Check(t.Context(), tokens.access.text("at_"))
		_, live := a.findAccess(tokens.access, noon)
		require.True(t, err != nil || live && usable)
		require.True(t, err == nil || errors.Is(err, ErrInvalidToken) || errors.Is(err, ErrTemporarilyUnavailable))

		var redirectURI string
		if a.Code != nil {
			redirectURI = a.Code.RedirectURI
		}
		allowed := []int{http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusServiceUnavailable}
		redeemed := s.post(t, server.Token, "grant_type", "authorization_code", "code", tokens.code.text("ac_"), "redirect_uri", redirectURI)
		require.Contains(t, allowed, redeemed)
		require.True(t, redeemed != http.StatusOK || usable && a.Code.Digest == tokens.code.digest() && a.Code.CodeChallenge == "")

		refreshed := s.post(t, server.Token, "grant_type", "refresh_token", "refresh_token", tokens.refresh.text("rt_"))
		require.Contains(t, allowed, refreshed)
		known := a.Refresh != nil && (a.Refresh.Digest == tokens.refresh.digest() || slices.ContainsFunc(a.Refresh.Rotations, func(r Rotation) bool {
			return r.Digest == tokens.refresh.digest()
		}))
		require.True(t, refreshed != http.StatusOK || usable && known)
		require.Contains(t, allowed, s.post(t, server.Revoke, "token", tokens.refresh.text("rt_")))
	})
}
