package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

var (
	errShape = errors.New("mcp: a member is of another type, or is there twice")
	errMany  = errors.New("mcp: too many calls")
)

// items are those of an array. It stops before it holds more than maxCalls.
func items(array json.RawMessage) (all []json.RawMessage, err error) {
	decoder := json.NewDecoder(bytes.NewReader(array))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('[') {
		return nil, errShape
	}
	for decoder.More() {
		var item json.RawMessage
		if err := decoder.Decode(&item); err != nil {
			return nil, err
		}
		if all = append(all, item); len(all) > maxCalls {
			return nil, errMany
		}
	}
	return all, nil
}

// textsIn are members of an object that are strings, or a single empty one.
func textsIn(object json.RawMessage, wanted ...string) (texts []string, err error) {
	found, err := members(object, wanted...)
	if err != nil {
		return nil, err
	}
	for _, name := range wanted {
		value, err := text(found[name])
		if err != nil {
			return nil, err
		}
		if value != "" {
			texts = append(texts, value)
		}
	}
	if texts == nil {
		texts = []string{""}
	}
	return texts, nil
}

// text is a member that is a string. One that is not there is empty.
func text(value json.RawMessage) (s string, err error) {
	if value == nil {
		return "", nil
	}
	if !bytes.HasPrefix(value, []byte(`"`)) {
		return "", errShape
	}
	err = json.Unmarshal(value, &s)
	return s, err
}

// members finds members of an object.
func members(object json.RawMessage, wanted ...string) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('{') {
		return nil, errShape
	}
	found := map[string]json.RawMessage{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		key, _ := name.(string) // a name is one
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(wanted, func(w string) bool { return strings.EqualFold(w, key) })
		if i < 0 {
			continue
		}
		if _, twice := found[key]; twice || wanted[i] != key {
			return nil, errShape
		}
		found[key] = value
	}
	return found, nil
}
