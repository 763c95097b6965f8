package oauth2

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	strict "github.com/go-jose/go-jose/v4/json" // which matches names exactly
)

// A DetailsType is an [AuthorizationDetailsType] whose objects are values of a Go type: T has the members
// besides type, with JSON tags. A member that T does not have is refused, and so is one that is spelt with
// other capitals.
//
//	var exports = oauth2.DetailsType[Export]{Name: "contacts_export", Accept: acceptExport}
//
// The application reads details with All, on its consent page and in its API, and writes them with Encode.
type DetailsType[T any] struct {
	// Name is the value of the member type. It is required.
	Name string
	// Accept looks at what a client asks for and returns it with its defaults filled in. An *Error, such as
	// ErrInvalidAuthorizationDetails.With("limit is negative."), is the answer. Required: without it a client
	// could ask for anything.
	Accept func(ctx context.Context, client *Client, asked T) (T, error)
	// NoMore reports whether asked gives no more than granted: see [AuthorizationDetailsType]. nil: only what
	// is equal.
	NoMore func(asked, granted T) bool
}

// Type returns Name.
func (d DetailsType[T]) Type() string { return d.Name }

// Check reads the object strictly and asks Accept.
func (d DetailsType[T]) Check(ctx context.Context, client *Client, detail json.RawMessage) (json.RawMessage, error) {
	asked, err := d.read(detail)
	if err != nil {
		// The error names a member or a type, and may quote what a stranger sent.
		return nil, ErrInvalidAuthorizationDetails.With("An object of authorization_details has a member that its type does not have, or one that is malformed.")
	}
	accepted, err := d.Accept(ctx, client, asked)
	if err != nil {
		return nil, err
	}
	return d.write(accepted)
}

// Within asks NoMore.
func (d DetailsType[T]) Within(asked, granted json.RawMessage) bool {
	a, err := d.read(asked)
	if err != nil {
		return false
	}
	g, err := d.read(granted)
	switch {
	case err != nil:
		return false
	case d.NoMore == nil:
		return reflect.DeepEqual(a, g)
	}
	return d.NoMore(a, g)
}

// All returns the objects of this type among authorization details, such as those of
// [AuthorizationRequest], [TokenInfo] or a token answer, in their order. Other types are left out. An error is
// that of details that are not what this type has.
func (d DetailsType[T]) All(details json.RawMessage) ([]T, error) {
	if len(details) == 0 {
		return nil, nil
	}
	objects, err := parseDetails(details)
	if err != nil {
		return nil, fmt.Errorf("oauth2: authorization_details: %w", err)
	}
	var all []T
	for _, object := range objects {
		if object.name != d.Name {
			continue
		}
		value, err := d.read(object.text)
		if err != nil {
			return nil, fmt.Errorf("oauth2: authorization_details: %q: %w", d.Name, err)
		}
		all = append(all, value)
	}
	return all, nil
}

// Encode returns authorization details with these objects, for [Approval] or a client's request. Of none it
// is the empty array, which grants none. An error is that of a value that JSON cannot tell.
func (d DetailsType[T]) Encode(values ...T) (json.RawMessage, error) {
	details := make([]detail, len(values))
	for i, value := range values {
		text, err := d.write(value)
		if err != nil {
			return nil, err
		}
		details[i] = detail{d.Name, text}
	}
	return joinDetails(details), nil
}

func (d DetailsType[T]) validate() error {
	if d.Accept == nil {
		return errors.New("its Accept is required")
	}
	text, err := d.write(*new(T))
	if err != nil {
		return fmt.Errorf("its Go type is no JSON object: %w", err)
	}
	_, err = d.read(text)
	return err
}

var (
	errDetailMembers  = errors.New("a member is unknown, or spelt with other capitals")
	errDetailsOwnType = errors.New("the Go type has a member type of its own")
)

// read reads the members besides type. encoding/json finds the unknown ones, but takes "LIMIT" for limit,
// which the strict reader does not: where the two differ, a member is spelt otherwise.
func (d DetailsType[T]) read(text json.RawMessage) (value T, err error) {
	var members map[string]any
	if err = strict.Unmarshal(text, &members); err != nil {
		return value, err
	}
	if spelledTwice(members) {
		return value, errDetailMembers
	}
	var raw map[string]json.RawMessage
	if err = json.Unmarshal(text, &raw); err != nil {
		return value, err
	}
	delete(raw, "type")
	rest, err := json.Marshal(raw)
	if err != nil {
		return value, err
	}
	decoder := json.NewDecoder(bytes.NewReader(rest))
	decoder.DisallowUnknownFields()
	var exact T
	switch err = decoder.Decode(&value); {
	case err != nil && !errors.Is(err, io.EOF):
		return value, err
	case strict.Unmarshal(rest, &exact) != nil || !reflect.DeepEqual(value, exact):
		return value, errDetailMembers
	}
	return value, nil
}

// spelledTwice reports whether two members of an object, however deep, differ in capitals alone.
func spelledTwice(value any) bool {
	switch value := value.(type) {
	case []any:
		return slices.ContainsFunc(value, spelledTwice)
	case map[string]any:
		names := make([]string, 0, len(value))
		for name, member := range value {
			same := func(other string) bool { return strings.EqualFold(name, other) }
			if spelledTwice(member) || slices.ContainsFunc(names, same) {
				return true
			}
			names = append(names, name)
		}
	}
	return false
}

// write is the object: type, and then the members of the value.
func (d DetailsType[T]) write(value T) (json.RawMessage, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	if _, own := members["type"]; own {
		return nil, errDetailsOwnType
	}
	name, err := json.Marshal(d.Name)
	if err != nil || len(members) == 0 {
		return slices.Concat([]byte(`{"type":`), name, []byte{'}'}), err
	}
	return slices.Concat([]byte(`{"type":`), name, []byte{','}, text[1:]), nil
}
