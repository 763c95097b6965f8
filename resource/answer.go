package resource

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

var errNoActive = errors.New("resource: introspection: the answer has no member active")

// read makes a TokenInfo of an answer (RFC 7662 section 2.2). Members are told apart by case, unlike
// by encoding/json's own matching: "Active" is not "active".
func (i *Introspector) read(body []byte) (*oauth2.TokenInfo, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, malformed("", err)
	}
	if _, ok := members["active"]; !ok {
		return nil, unavailable(errNoActive)
	}
	var active bool
	if err := take(members, "active", &active); err != nil || !active {
		return nil, orInvalid(err)
	}
	info := &oauth2.TokenInfo{Issuer: i.issuer}
	tokenType := "Bearer"
	for _, member := range []struct {
		name string
		into any
	}{
		{"iss", &info.Issuer},
		{"sub", &info.Subject},
		{"client_id", &info.ClientID},
		{"scope", &info.Scope},
		{"token_type", &tokenType},
		{"aud", (*audience)(&info.Audience)},
		{"iat", (*numericDate)(&info.IssuedAt)},
		{"exp", (*numericDate)(&info.ExpiresAt)},
		{"auth_time", (*numericDate)(&info.AuthTime)},
		{"acr", &info.ACR},
		{"amr", &info.AMR},
	} {
		if err := take(members, member.name, member.into); err != nil {
			return nil, err
		}
	}
	_, bound := members["cnf"]
	switch {
	case bound,
		!strings.EqualFold(tokenType, "Bearer"),
		i.issuer != "" && info.Issuer != i.issuer,
		!info.ExpiresAt.IsZero() && !i.now().Before(info.ExpiresAt):
		return nil, errTokenInvalid
	}
	return info, takeRest(members, info)
}

// take moves one member into a value. A member that is not there leaves the value alone.
func take(members map[string]json.RawMessage, name string, into any) error {
	raw, ok := members[name]
	if !ok {
		return nil
	}
	delete(members, name)
	if err := json.Unmarshal(raw, into); err != nil {
		return malformed(name, err)
	}
	return nil
}

// takeRest keeps what TokenInfo has no field for.
func takeRest(members map[string]json.RawMessage, info *oauth2.TokenInfo) error {
	if len(members) == 0 {
		return nil
	}
	info.Claims = make(map[string]any, len(members))
	for name := range members {
		var value any
		if err := take(members, name, &value); err != nil {
			return err
		}
		info.Claims[name] = value
	}
	return nil
}

func malformed(member string, err error) error {
	return unavailable(fmt.Errorf("resource: introspection: malformed answer: %s: %w", member, err))
}

func orInvalid(err error) error {
	if err != nil {
		return err
	}
	return errTokenInvalid
}

// An audience is one string or several (RFC 7519 section 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

// A numericDate is a number of seconds since 1970 (RFC 7519 section 2).
type numericDate time.Time

var errDate = errors.New("not a date")

// maxDate is the end of the year 9999, the last that time.Time can write.
const maxDate = 253402300799

func (d *numericDate) UnmarshalJSON(data []byte) error {
	var seconds float64
	if err := json.Unmarshal(data, &seconds); err != nil {
		return err
	}
	if seconds < 0 || seconds > maxDate {
		return errDate
	}
	*d = numericDate(time.Unix(int64(seconds), 0).UTC())
	return nil
}
