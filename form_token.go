package oauth2

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
	"time"
)

// FormTokenField is the name of the hidden field that carries [AuthorizationRequest.FormToken].
const FormTokenField = "form_token"

// formTokenLifetime is how long a page can be answered.
const formTokenLifetime = 10 * time.Minute

// A form token is base64url(r || HMAC-SHA256(cookie, r || request)), where r is the time and 16
// random bytes. It needs no server key and no state: only the browser that has the cookie can be
// shown a page whose token it can answer, and only for the request that the page was shown for.
const (
	formNonceBytes  = 8 + 16
	formTokenBytes  = formNonceBytes + sha256.Size
	formCookieBytes = 32
)

var (
	errFormForeign = &Error{Code: ErrInvalidRequest.Code, Status: http.StatusForbidden, Description: "This answer came from another site."}
	errFormInvalid = &Error{Code: ErrInvalidRequest.Code, Status: http.StatusForbidden, Description: "This answer does not belong to a page that was shown in this browser. Go back to the application and start again."}
	errFormExpired = &Error{Code: ErrInvalidRequest.Code, Status: http.StatusForbidden, Description: "The page was open for too long. Go back to the application and start again."}
)

// newFormToken makes the token of the page that is about to be shown, and gives the browser its
// cookie if it has none. All pages of a browser share the cookie, so parallel requests can each be
// finished.
func (s *Server) newFormToken(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest) error {
	key, ok := s.formKey(r)
	if !ok {
		key = make([]byte, formCookieBytes)
		if err := req.entropy.draw(s, key); err != nil {
			return err
		}
		cookie := s.formCookie
		var value [digestChars]byte // as long as a key
		base64.RawURLEncoding.Encode(value[:], key)
		cookie.Value = string(value[:])
		http.SetCookie(w, &cookie)
	}
	var token [formTokenBytes]byte
	if err := req.entropy.draw(s, token[8:formNonceBytes]); err != nil {
		return err
	}
	binary.BigEndian.PutUint64(token[:], uint64(s.now().Unix()))
	mac := s.formMAC(key, token[:formNonceBytes], req)
	copy(token[formNonceBytes:], mac[:])
	var text [(formTokenBytes*8 + 5) / 6]byte
	base64.RawURLEncoding.Encode(text[:], token[:])
	req.FormToken = string(text[:])
	return nil
}

// verifyFormToken proves that this browser was shown the page of this request a short while ago.
func (s *Server) verifyFormToken(r *http.Request, req *AuthorizationRequest) error {
	key, ok := s.formKey(r)
	if !ok {
		return errFormInvalid
	}
	token, err := strictBase64.DecodeString(req.spent)
	if err != nil || len(token) != formTokenBytes || len(req.spent) != base64.RawURLEncoding.EncodedLen(formTokenBytes) {
		return errFormInvalid
	}
	mac := s.formMAC(key, token[:formNonceBytes], req)
	if subtle.ConstantTimeCompare(token[formNonceBytes:], mac[:]) != 1 {
		return errFormInvalid
	}
	shown := time.Unix(int64(binary.BigEndian.Uint64(token)), 0)
	if s.now().Sub(shown) > formTokenLifetime {
		return errFormExpired
	}
	req.formKey = key
	return nil
}

// answerCore derives the core of the code or access token that an answer leads to, so that every answer
// to one page leads to the same. It takes the browser's key and the page's token: the store has neither.
// What is told of the one tells nothing of the other.
func answerCore(key []byte, kind tokenKind, formToken string) tokenCore {
	label := "code"
	if kind != kindCode {
		label = "token"
	}
	sum := hmacSHA256(key, []byte(label), []byte(formToken))
	return tokenCore(sum[:])
}

// formKey is the browser's own key.
func (s *Server) formKey(r *http.Request) ([]byte, bool) {
	cookie, err := r.Cookie(s.formCookie.Name)
	if err != nil {
		return nil, false
	}
	key, err := strictBase64.DecodeString(cookie.Value)
	return key, err == nil && len(key) == formCookieBytes
}

// formMAC covers every parameter of the request, however the browser spells them.
func (s *Server) formMAC(key, nonce []byte, req *AuthorizationRequest) [sha256.Size]byte {
	var room [16]parameter // as many as nearly every request has
	sorted := append(append(room[:0], req.form...), req.sent...)
	slices.SortStableFunc(sorted, func(a, b parameter) int { return strings.Compare(a.name, b.name) })
	var buf [1024]byte
	request := appendPart(buf[:0], s.cfg.Issuer)
	for _, p := range sorted {
		request = appendPart(appendPart(request, p.name), p.value)
	}
	sum := sha256.Sum256(request)
	return hmacSHA256(key, nonce, sum[:])
}
