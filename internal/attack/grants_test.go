package attack

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// A grant is a code and what is needed to redeem it.
type grant struct{ client, code, redirect, verifier string }

// An attempt is an authorization request.
type attempt struct {
	url.Values
	verifier string
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// request is a good authorization request, of web unless pairs say otherwise, changed by pairs.
func (s *site) request(pairs ...string) attempt {
	client := web
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == "client_id" && redirects[pairs[i+1]] != "" {
			client = pairs[i+1]
		}
	}
	a := attempt{verifier: oauth2.NewSecret()}
	a.Values = change(values("response_type", "code", "client_id", client, "redirect_uri", redirects[client], "scope", scopeRead,
		"state", "a state", "code_challenge", challengeOf(a.verifier), "code_challenge_method", "S256"), pairs...)
	return a
}

// code is a code that alice approved.
func (s *site) code(pairs ...string) grant {
	s.t.Helper()
	return s.alice().approve(s.request(pairs...))
}

// redeem redeems a code, with pairs changing the form.
func (s *site) redeem(g grant, pairs ...string) answer {
	s.t.Helper()
	return s.redeemAs(g.client, g, pairs...)
}

func (s *site) redeemAs(client string, g grant, pairs ...string) answer {
	s.t.Helper()
	form := change(values("grant_type", "authorization_code", "code", g.code, "redirect_uri", g.redirect, "code_verifier", g.verifier), pairs...)
	return s.token(client, flat(form)...)
}

// tokens are what a client got by an approval of alice.
func (s *site) tokens(pairs ...string) (access, refresh string) {
	s.t.Helper()
	got := s.redeem(s.code(pairs...))
	require.Equal(s.t, http.StatusOK, got.status, got.body)
	return got.str("access_token"), got.str("refresh_token")
}

func (s *site) refresh(client, token string, pairs ...string) answer {
	s.t.Helper()
	return s.token(client, append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
}

// flip changes one character to another of the same alphabet.
func flip(text string, at int) string {
	with := byte('A')
	if text[at] == with {
		with = 'B'
	}
	return text[:at] + string(with) + text[at+1:]
}

// signedPart is a token without its signature, which differs each time that the same JWT is signed.
func signedPart(token string) string {
	if at := strings.LastIndexByte(token, '.'); at >= 0 {
		return token[:at]
	}
	return token
}

// forgeries are a token with every single character changed, cut, lengthened and spelt otherwise.
func forgeries(token string) []string {
	all := []string{token[:len(token)-1], token[:len(token)/2], token[1:], token + "A", token + "=", token + "\n", " " + token, token + " ", token + token, strings.ToLower(token), strings.ToUpper(token),
		token[3:], token[:3] + strings.Repeat("A", 64), token[:23] + strings.Repeat("A", 44), token[:58] + strings.Repeat("A", 9), token[:23] + token[23+24:] + token[23:23+24]}
	for i := range token {
		all = append(all, flip(token, i))
	}
	return all
}
