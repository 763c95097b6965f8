package resource

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// readClaims makes a TokenInfo of the members that introspection and JWTs have in common (RFC 7662
// section 2.2, RFC 9068 section 2.2), and takes them out of members. Members are told apart by case,
// unlike by encoding/json's own matching: "Sub" is not "sub".
func readClaims(members map[string]json.RawMessage) (*oauth2.TokenInfo, error) {
	info := &oauth2.TokenInfo{}
	var bound confirmation
	for _, member := range []struct {
		name string
		into any
	}{
		{"iss", &info.Issuer},
		{"sub", &info.Subject},
		{"client_id", &info.ClientID},
		{"scope", &info.Scope},
		{"aud", (*audience)(&info.Audience)},
		{"iat", (*numericDate)(&info.IssuedAt)},
		{"exp", (*numericDate)(&info.ExpiresAt)},
		{"auth_time", (*numericDate)(&info.AuthTime)},
		{"acr", &info.ACR},
		{"amr", &info.AMR},
		{"cnf", &bound},
		{"act", &info.Actor},
		{"authorization_details", &info.Details},
	} {
		if err := take(members, member.name, member.into); err != nil {
			return nil, err
		}
	}
	info.Confirmation = bound.confirmation
	return info, nil
}

// take moves one member into a value. A member that is not there leaves the value alone.
func take(members map[string]json.RawMessage, name string, into any) error {
	raw, ok := members[name]
	if !ok {
		return nil
	}
	delete(members, name)
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
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

// A confirmation is the member cnf (RFC 7800 section 3.1). Whatever is in it besides what can be
// checked here leaves a Confirmation without a key, which no request can prove.
type confirmation struct{ confirmation *oauth2.Confirmation }

func (c *confirmation) UnmarshalJSON(data []byte) error {
	c.confirmation = &oauth2.Confirmation{}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	var known oauth2.Confirmation
	for name, into := range map[string]*string{"jkt": &known.JKT, "x5t#S256": &known.X5T} {
		if err := take(members, name, into); err != nil {
			return err
		}
	}
	if len(members) == 0 {
		c.confirmation = &known
	}
	return nil
}
