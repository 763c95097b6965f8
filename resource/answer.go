package resource

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
)

var errNoActive = errors.New("resource: introspection: the answer has no member active")

// read makes a TokenInfo of an answer (RFC 7662 section 2.2).
func (i *Introspector) read(body []byte) (*oauth2.TokenInfo, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, malformed(err)
	}
	if _, ok := members["active"]; !ok {
		return nil, unavailable(errNoActive)
	}
	var active bool
	if err := take(members, "active", &active); err != nil {
		return nil, malformed(err)
	}
	if !active {
		return nil, errTokenInvalid
	}
	tokenType := schemeBearer
	if err := take(members, "token_type", &tokenType); err != nil {
		return nil, malformed(err)
	}
	info, err := readClaims(members)
	if err != nil {
		return nil, malformed(err)
	}
	info.Issuer = cmp.Or(info.Issuer, i.issuer)
	// RFC 9449 section 6.2: the type and the key say the same.
	proven := info.Confirmation != nil && info.Confirmation.JKT != ""
	switch {
	case !strings.EqualFold(tokenType, schemeBearer) && !strings.EqualFold(tokenType, schemeDPoP),
		strings.EqualFold(tokenType, schemeDPoP) && !proven,
		i.issuer != "" && info.Issuer != i.issuer,
		!info.ExpiresAt.IsZero() && !i.now().Before(info.ExpiresAt):
		return nil, errTokenInvalid
	}
	if err := takeRest(members, info); err != nil {
		return nil, malformed(err)
	}
	return info, nil
}

func malformed(err error) error {
	return unavailable(fmt.Errorf("resource: introspection: malformed answer: %w", err))
}
