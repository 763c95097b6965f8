package oauth2

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Equal reports whether two clients are the same in every member of their JSON. It is what a
// [ClientRegistry] compares by. A client that JSON cannot tell equals none.
func (c *Client) Equal(other *Client) bool {
	text, err := json.Marshal(c)
	if err != nil {
		return false
	}
	otherText, err := json.Marshal(other)
	return err == nil && bytes.Equal(text, otherText)
}

// Difference names the members of the clients' JSON that differ, in alphabetical order, as
// Event.Changed has them. An error is that of a client that JSON cannot tell.
func (c *Client) Difference(other *Client) ([]string, error) {
	mine, err := c.members()
	if err != nil {
		return nil, err
	}
	others, err := other.members()
	if err != nil {
		return nil, err
	}
	var names []string
	for name, value := range mine {
		if !bytes.Equal(value, others[name]) {
			names = append(names, name)
		}
	}
	for name := range others {
		if _, ok := mine[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (c *Client) members() (members map[string]json.RawMessage, err error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(text, &members)
	return members, err
}
