package oauth2

import (
	"slices"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4/json" // which refuses a member that occurs twice, and matches names exactly
	"github.com/go-jose/go-jose/v4/jwt"
)

// A requestObject is what is left of a request object that was verified: what makes it one-time.
type requestObject struct {
	verified  bool
	id        string // jti; empty: it has none
	expiresAt time.Time
}

// requestClaims are what a request object says about itself.
type requestClaims struct {
	Issuer    string           `json:"iss"`
	ClientID  string           `json:"client_id"`
	Subject   string           `json:"sub"`
	Audience  jwt.Audience     `json:"aud"`
	ID        string           `json:"jti"`
	Expiry    *jwt.NumericDate `json:"exp"`
	NotBefore *jwt.NumericDate `json:"nbf"`
	IssuedAt  *jwt.NumericDate `json:"iat"`
}

// notParameters are the claims of the JWT itself, and what an object must not hold (RFC 9101 section 4).
var (
	jwtClaims     = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}
	notParameters = []string{"request", "request_uri"}
)

var (
	errObjectClaims    = ErrInvalidRequestObject.With("The claims of the request object cannot be read.")
	errObjectParameter = ErrInvalidRequestObject.With("A claim of the request object is not what a parameter can be.")
	errObjectNested    = ErrInvalidRequestObject.With("The request object holds request or request_uri.")
)

// readRequestObject reads the payload of a request object: the claims, and the others as parameters.
func readRequestObject(payload []byte) (*requestClaims, form, error) {
	claims := &requestClaims{}
	var members map[string]json.RawMessage
	// JSON is UTF-8 (RFC 8259 section 8.1). A parameter that is JSON itself is passed on as it stands.
	if !isText(string(payload)) || json.Unmarshal(payload, claims) != nil || json.Unmarshal(payload, &members) != nil {
		return nil, nil, errObjectClaims // the error may quote the object
	}
	var inner form
	for name, raw := range members {
		switch {
		case slices.Contains(notParameters, name):
			return nil, nil, errObjectNested
		case slices.Contains(jwtClaims, name):
			continue
		}
		values, ok := parameterValues(name, raw)
		if !ok || !isText(name) {
			return nil, nil, errObjectParameter
		}
		for _, value := range values {
			inner = append(inner, parameter{name, value})
		}
	}
	if len(inner) > maxParameters {
		return nil, nil, ErrInvalidRequestObject.With("The request object has too many parameters.")
	}
	return claims, inner, nil
}

// parameterValues are a claim as the parameter that it stands for (RFC 9101 section 4): a text as it
// is, a number in digits, the list of a parameter that may repeat one by one, and JSON where the
// parameter is JSON.
func parameterValues(name string, raw json.RawMessage) ([]string, bool) {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return nil, false
	}
	switch value := value.(type) {
	case string:
		return []string{value}, isText(value)
	case float64:
		return []string{strconv.FormatFloat(value, 'f', -1, 64)}, true
	case bool:
		return []string{strconv.FormatBool(value)}, true
	case []any:
		if name == "resource" || name == "audience" {
			return texts(value)
		}
		return []string{string(raw)}, true
	case map[string]any:
		return []string{string(raw)}, true
	}
	return nil, true // null is no parameter
}

func texts(list []any) ([]string, bool) {
	values := make([]string, 0, len(list))
	for _, item := range list {
		value, ok := item.(string)
		if !ok || !isText(value) {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}
