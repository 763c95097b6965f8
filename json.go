package oauth2

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// An object is a JSON object that is put together member by member. The answers that are given all
// the time are: by reflection each would take ten to twenty allocations. A test compares what it writes
// with encoding/json.
type object []byte

// newObject is an empty one, with room for nearly every answer.
func newObject() object { return append(make(object, 0, 512), '{') }

// end is the object as text.
func (o object) end() []byte { return append(o, '}') }

func (o object) name(name string) object {
	if len(o) > 1 {
		o = append(o, ',')
	}
	return append(appendJSON(o, name), ':')
}

func (o object) text(name, value string) object { return appendJSON(o.name(name), value) }

func (o object) number(name string, value int64) object {
	return strconv.AppendInt(o.name(name), value, 10)
}

// scope is the scope in one text; the empty one is left out.
func (o object) scope(scope Scope) object {
	if len(scope) == 0 {
		return o
	}
	// The characters of scope tokens need no escape (RFC 6749 section 3.3).
	o = append(o.name("scope"), '"')
	for i, token := range scope {
		if i > 0 {
			o = append(o, ' ')
		}
		o = append(o, token...)
	}
	return append(o, '"')
}

// texts is a list.
func (o object) texts(name string, values []string) object {
	o = append(o.name(name), '[')
	for i, value := range values {
		if i > 0 {
			o = append(o, ',')
		}
		o = appendJSON(o, value)
	}
	return append(o, ']')
}

// member is one of a kind that JSON can always tell.
func (o object) member(name string, value any) object {
	text, _ := json.Marshal(value)
	return append(o.name(name), text...)
}

// others are members of any kind, in the order of their names, without those that are reserved. One
// that JSON cannot tell is an error.
func (o object) others(members map[string]any, reserved []string) (object, error) {
	if len(members) == 0 {
		return o, nil
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if slices.Contains(reserved, name) {
			continue
		}
		value, err := json.Marshal(members[name])
		if err != nil {
			return o, err
		}
		o = append(o.name(name), value...)
	}
	return o, nil
}

// appendJSON appends a text.
func appendJSON(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			escaped, _ := json.Marshal(text) // which no text fails
			return append(b, escaped...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}
