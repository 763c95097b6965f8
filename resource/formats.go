package resource

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
)

// Formats is a [Checker] for an API that is sent access tokens of both formats: JWTs go to one Checker,
// such as a *[JWTVerifier], and all others to the other, such as an *[Introspector]. nil refuses the
// tokens of that format. It is safe for concurrent use if both are.
//
// The header tells what is a JWT access token: three parts, of which the first has the typ of RFC 9068
// section 2.1. A token that pretends to be one gains nothing: either Checker refuses what it does not
// know.
type Formats struct {
	JWT    Checker
	Opaque Checker
}

// Check implements [Checker].
func (f Formats) Check(ctx context.Context, accessToken string) (*oauth2.TokenInfo, error) {
	checker := f.Opaque
	if looksLikeJWT(accessToken) {
		checker = f.JWT
	}
	if checker == nil {
		return nil, errTokenInvalid
	}
	return checker.Check(ctx, accessToken)
}

func looksLikeJWT(token string) bool {
	encoded, rest, _ := strings.Cut(token, ".")
	if len(token) > maxJWTBytes || strings.Count(rest, ".") != 1 {
		return false
	}
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	var header struct {
		Type string `json:"typ"`
	}
	return err == nil && json.Unmarshal(text, &header) == nil && isAccessTokenType(header.Type)
}
