package oauth2

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	strict "github.com/go-jose/go-jose/v4/json" // which refuses a member that occurs twice, and matches names exactly
)

// What authorization details may weigh: the record keeps them, and a JWT carries them in a header.
const (
	maxDetails      = 20
	maxDetailsBytes = 8 << 10
)

// ErrInvalidAuthorizationDetails is the error of authorization details that are malformed, of a type that is
// not served or not the client's, not what the type allows, or more than was granted (RFC 9396 sections 5,
// 6 and 8).
var ErrInvalidAuthorizationDetails = &Error{Code: "invalid_authorization_details"}

// An AuthorizationDetailsType serves one type of authorization details (RFC 9396 section 2.1): what a scope
// is too coarse for, such as one payment, or three fields of an address book. [DetailsType] is one for a
// Go type of the application's own. Implementations are safe for concurrent use.
type AuthorizationDetailsType interface {
	// Type is the value of the member type. It is compared byte for byte.
	Type() string
	// Check looks at one object that a client asks for and returns it as the resource owner is asked and the
	// resource server is told: a JSON object of the same type. What it does not understand it refuses
	// (section 5). An *Error is the answer, with the code invalid_authorization_details; any other error
	// answers 503. It may do I/O. What it returned, it takes again, and returns as it is.
	Check(ctx context.Context, client *Client, detail json.RawMessage) (json.RawMessage, error)
	// Within reports whether asked gives no more than granted (section 6). Both have passed Check. It is pure.
	// It is asked about an approval too, with what the client asked for as granted: so it also says
	// what the resource owner's answer may add to the request, such as the account (section 7.1).
	Within(asked, granted json.RawMessage) bool
}

// requestedDetails reads the parameter authorization_details; nil when there is none, or no type is served.
// Each object is one that its type has let pass.
func (s *Server) requestedDetails(ctx context.Context, client *Client, parameter string) (json.RawMessage, error) {
	if parameter == "" || len(s.cfg.AuthorizationDetails) == 0 {
		return nil, nil
	}
	if len(parameter) > maxDetailsBytes {
		return nil, ErrInvalidAuthorizationDetails.With("authorization_details is too large.")
	}
	details, err := parseDetails([]byte(parameter))
	switch {
	case err != nil:
		return nil, errDetailsSyntax // the error may quote them
	case len(details) == 0:
		return nil, ErrInvalidAuthorizationDetails.With("authorization_details is empty.")
	case len(details) > maxDetails:
		return nil, ErrInvalidAuthorizationDetails.With("authorization_details has too many objects.")
	}
	for i := range details {
		served := s.cfg.detailsType(details[i].name)
		switch {
		case served == nil:
			return nil, ErrInvalidAuthorizationDetails.With("A type of authorization_details is not served.")
		case !slices.Contains(client.AuthorizationDetailsTypes, details[i].name):
			return nil, ErrInvalidAuthorizationDetails.With("A type of authorization_details is not registered for the client.")
		}
		if details[i], err = details[i].checked(ctx, served, client); err != nil {
			return nil, err
		}
	}
	text := joinDetails(details)
	if len(text) > maxDetailsBytes {
		return nil, ErrServerError.Because(fmt.Errorf("%w: they became too large", errDetailsHook))
	}
	return text, nil
}

var (
	errDetailsSyntax  = ErrInvalidAuthorizationDetails.With("authorization_details is not a JSON array of objects that each have a type.")
	errDetailsGranted = ErrInvalidAuthorizationDetails.With("The authorization details were not granted.")
	errDetailsHook    = fmt.Errorf("oauth2: AuthorizationDetails: the type returned something else than an object of the same type")
	errConsentDetails = fmt.Errorf("oauth2: Consent granted authorization details that were not asked for")
)

// A detail is one object of authorization details.
type detail struct {
	name string // the member type
	text json.RawMessage
}

// parseDetails reads a JSON array of objects that each have a type (RFC 9396 section 2). No member, however
// deep, occurs twice: two readers could take one text for two things.
func parseDetails(text []byte) ([]detail, error) {
	var all []any
	if !isText(string(text)) {
		return nil, errDetailsSyntax
	}
	if err := strict.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	var texts []json.RawMessage
	if err := json.Unmarshal(text, &texts); err != nil {
		return nil, err
	}
	details := make([]detail, len(all))
	for i := range all {
		members, _ := all[i].(map[string]any)
		name, _ := members["type"].(string)
		if name == "" {
			return nil, errDetailsSyntax
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, texts[i]); err != nil {
			return nil, err
		}
		details[i] = detail{name, compact.Bytes()}
	}
	return details, nil
}

// checked is the detail as its type returns it.
func (d detail) checked(ctx context.Context, served AuthorizationDetailsType, client *Client) (detail, error) {
	text, err := served.Check(ctx, client, d.text)
	if err != nil {
		refusal := asError(hookRefusal(err))
		if refusal.status() < 500 {
			refusal = ErrInvalidAuthorizationDetails.With(refusal.Description).Because(refusal.Cause)
		}
		return d, refusal
	}
	out, err := parseDetails(slices.Concat([]byte{'['}, text, []byte{']'}))
	if err != nil || len(out) != 1 || out[0].name != d.name {
		return d, ErrServerError.Because(errDetailsHook)
	}
	return out[0], nil
}

// ownDetails are those of the types that are served and that the client is registered for.
func (cfg *ServerConfig) ownDetails(client *Client, details json.RawMessage) (json.RawMessage, error) {
	if len(details) == 0 {
		return nil, nil
	}
	all, err := parseDetails(details)
	if err != nil {
		return nil, unavailable(err) // a record that is garbled
	}
	gone := func(d detail) bool {
		return !slices.Contains(client.AuthorizationDetailsTypes, d.name) || cfg.detailsType(d.name) == nil
	}
	if !slices.ContainsFunc(all, gone) {
		return details, nil
	}
	own := slices.DeleteFunc(all, gone)
	if len(own) == 0 {
		return nil, nil
	}
	return joinDetails(own), nil
}

func joinDetails(details []detail) json.RawMessage {
	text := []byte{'['}
	for i, d := range details {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, d.text...)
	}
	return append(text, ']')
}

// detailsType is the type with this name; nil: it is not served.
func (cfg *ServerConfig) detailsType(name string) AuthorizationDetailsType {
	for _, served := range cfg.AuthorizationDetails {
		if served != nil && served.Type() == name {
			return served
		}
	}
	return nil
}

// detailsTypes are the names of the types that are served.
func (cfg *ServerConfig) detailsTypes() (names []string) {
	for _, served := range cfg.AuthorizationDetails {
		if served != nil {
			names = append(names, served.Type())
		}
	}
	return names
}

func (cfg *ServerConfig) validateDetails(report func(wrong bool, format string, args ...any)) {
	seen := map[string]bool{}
	for i, served := range cfg.AuthorizationDetails {
		if served == nil || served.Type() == "" || !isText(served.Type()) {
			report(true, "AuthorizationDetails[%d] is nil or has no type", i)
			continue
		}
		report(seen[served.Type()], "AuthorizationDetails has %q twice", served.Type())
		seen[served.Type()] = true
		if v, ok := served.(interface{ validate() error }); ok {
			err := v.validate()
			report(err != nil, "AuthorizationDetails: %q: %v", served.Type(), err)
		}
	}
}

// detailsWithin reports whether asked gives no more than granted. Each object that was granted is good for one
// that is asked for: two payments of half the amount are another thing than one payment.
func (cfg *ServerConfig) detailsWithin(asked, granted json.RawMessage) bool {
	if len(asked) == 0 || bytes.Equal(asked, granted) {
		return true
	}
	wanted, err := parseDetails(asked)
	if err != nil {
		return false
	}
	if len(granted) == 0 {
		return len(wanted) == 0
	}
	had, err := parseDetails(granted)
	if err != nil || len(wanted) > len(had) {
		return false
	}
	covers := make([][]bool, len(wanted))
	for i, w := range wanted {
		served := cfg.detailsType(w.name)
		covers[i] = make([]bool, len(had))
		for j, h := range had {
			covers[i][j] = w.name == h.name && (bytes.Equal(w.text, h.text) || served != nil && served.Within(w.text, h.text))
		}
	}
	return assignable(covers)
}

// assignable reports whether each row has a column of its own among those that are true in it: whether the
// bipartite graph has a matching of all rows.
func assignable(rows [][]bool) bool {
	owner := map[int]int{}
	var assign func(row int, seen map[int]bool) bool
	assign = func(row int, seen map[int]bool) bool {
		for column, fits := range rows[row] {
			if !fits || seen[column] {
				continue
			}
			seen[column] = true
			if other, taken := owner[column]; !taken || assign(other, seen) {
				owner[column] = row
				return true
			}
		}
		return false
	}
	for row := range rows {
		if !assign(row, map[int]bool{}) {
			return false
		}
	}
	return true
}

// grantedDetails are what an approval grants: what it says, or all that was asked for.
func (req *AuthorizationRequest) grantedDetails(approval *Approval) (json.RawMessage, error) {
	if approval.Details == nil {
		return req.Details, nil
	}
	details, err := parseDetails(approval.Details)
	text := joinDetails(details)
	switch {
	case err != nil || len(text) > maxDetailsBytes || !req.server.cfg.detailsWithin(text, req.Details):
		return nil, ErrServerError.Because(errConsentDetails)
	case len(details) == 0:
		return nil, nil
	}
	return text, nil
}

// checkDetails is the rule of the authorization endpoint.
func checkDetails(ctx context.Context, s *Server, req *AuthorizationRequest) (err error) {
	req.server = s
	req.Details, err = s.requestedDetails(ctx, req.Client, req.form.get("authorization_details"))
	return err
}

// checkTokenDetails is that of the token endpoint. Whether they were granted, the exchange asks for every
// grant alike.
func checkTokenDetails(s *Server, req *TokenRequest) (err error) {
	parameter := req.Param("authorization_details")
	if parameter == "" || s.targetsElsewhere(req) {
		return nil
	}
	req.Details, err = s.requestedDetails(req.http.Context(), req.Client, parameter)
	return err
}

func checkDetailsGranted(a *Authorization, req *TokenRequest) error {
	if !req.server.cfg.detailsWithin(req.Details, a.Details) {
		return errDetailsGranted
	}
	return nil
}

// detailsFor are those of the access token: what this request asked for, or all of the authorization's, cut to
// what the client is registered for by now, as its scope is.
func (x *exchange) detailsFor(a *Authorization, scope Scope) (json.RawMessage, error) {
	if x.req.Details != nil {
		return x.req.Details, nil
	}
	own, err := x.server.cfg.ownDetails(x.req.Client, a.Details)
	if err == nil && len(own) == 0 && len(a.Details) > 0 && len(scope) == 0 {
		return nil, ErrInvalidAuthorizationDetails.With("The client is registered for none of the authorization details any more.")
	}
	return own, err
}

// noDetails are the details of a token that has none, while its authorization has some.
const noDetails = "[]"

// narrowDetails gives the token other details than its authorization has.
func (t *AccessToken) narrowDetails(details json.RawMessage) {
	if t.Details = details; len(details) == 0 {
		t.Details = json.RawMessage(noDetails)
	}
}

// detailsIn are the token's authorization details: its own, or all of its authorization's.
func (t *AccessToken) detailsIn(a *Authorization) json.RawMessage {
	switch {
	case t.Details == nil:
		return a.Details
	case string(t.Details) == noDetails:
		return nil
	}
	return t.Details
}

// detailsTypesOf are the types in authorization details that were stored, each once.
func detailsTypesOf(details json.RawMessage) (names []string) {
	if len(details) == 0 {
		return nil
	}
	all, err := parseDetails(details)
	if err != nil {
		return nil // a record that somebody else wrote
	}
	for _, d := range all {
		names = append(names, d.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// details is the member authorization_details; none is left out.
func (o *object) details(details json.RawMessage) *object {
	if len(details) == 0 {
		return o
	}
	return o.raw("authorization_details", details)
}
