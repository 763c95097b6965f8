package oauth2

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// A Scope is a set of scope tokens (RFC 6749 section 3.3), in the order in which they were named.
// In JSON it is one string, the tokens separated by blanks. The zero value is the empty scope.
type Scope []string

// maxScopeTokens bounds the work of comparing them with each other.
const maxScopeTokens = 1000

var errScopeSyntax = errors.New("oauth2: malformed scope")

// ParseScope reads a scope parameter: tokens of the characters %x21 / %x23-5B / %x5D-7E, separated
// by single blanks (RFC 6749 section 3.3), at most 1,000 of them. A token named twice counts once. The
// empty string is the empty scope.
func ParseScope(s string) (Scope, error) {
	if s == "" {
		return nil, nil
	}
	blanks := strings.Count(s, " ")
	if blanks >= maxScopeTokens {
		return nil, errScopeSyntax
	}
	scope := make(Scope, 0, blanks+1)
	for token := range strings.SplitSeq(s, " ") {
		if !validScopeToken(token) {
			return nil, errScopeSyntax
		}
		if !slices.Contains(scope, token) {
			scope = append(scope, token)
		}
	}
	return scope, nil
}

func validScopeToken(token string) bool {
	for i := range len(token) {
		if c := token[i]; c <= ' ' || c == '"' || c == '\\' || c > '~' {
			return false
		}
	}
	return token != ""
}

// String is the scope as a parameter: the tokens separated by blanks.
func (s Scope) String() string { return strings.Join(s, " ") }

// Has reports whether token is in the scope.
func (s Scope) Has(token string) bool { return slices.Contains(s, token) }

// Includes reports whether every token of other is in s.
func (s Scope) Includes(other Scope) bool {
	for _, token := range other {
		if !s.Has(token) {
			return false
		}
	}
	return true
}

// equal reports whether both name the same tokens, in any order.
func (s Scope) equal(other Scope) bool { return s.Includes(other) && other.Includes(s) }

// MarshalJSON writes the scope as one string.
func (s Scope) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalJSON reads the scope from one string. The empty string is an empty scope, not nil.
func (s *Scope) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	scope, err := ParseScope(text)
	if err != nil {
		return err
	}
	if scope == nil {
		scope = Scope{}
	}
	*s = scope
	return nil
}
