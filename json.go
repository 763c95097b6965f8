package oauth2

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
)

// An object is a JSON object that is put together member by member. The answers that are given all
// the time are: by reflection each would take ten to twenty allocations. A test compares what it writes
// with encoding/json.
type object struct{ json []byte }

// objects are those that were freed. One that grew beyond maxFreed is left to the garbage collector.
var objects = sync.Pool{New: func() any { return &object{make([]byte, 0, 1024)} }}

const maxFreed = 16 << 10

// newObject is an empty one.
func newObject() *object {
	o := objects.Get().(*object)
	o.json = append(o.json[:0], '{')
	return o
}

// end is the object as text, which is good until it is freed.
func (o *object) end() []byte {
	o.json = append(o.json, '}')
	return o.json
}

// free gives the memory to the next object. What it held may be secret, and is erased.
func (o *object) free() {
	if clear(o.json); cap(o.json) <= maxFreed {
		objects.Put(o)
	}
}

func (o *object) name(name string) *object {
	if len(o.json) > 1 {
		o.json = append(o.json, ',')
	}
	o.json = append(appendJSON(o.json, name), ':')
	return o
}

func (o *object) text(name, value string) *object {
	o.json = appendJSON(o.name(name).json, value)
	return o
}

func (o *object) number(name string, value int64) *object {
	o.json = strconv.AppendInt(o.name(name).json, value, 10)
	return o
}

// raw is a member whose value is JSON already.
func (o *object) raw(name string, value []byte) *object {
	o.json = append(o.name(name).json, value...)
	return o
}

// scope is the scope in one text; the empty one is left out.
func (o *object) scope(scope Scope) *object {
	if len(scope) == 0 {
		return o
	}
	// The characters of scope tokens need no escape (RFC 6749 section 3.3).
	b := append(o.name("scope").json, '"')
	for i, token := range scope {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, token...)
	}
	o.json = append(b, '"')
	return o
}

// texts is a list.
func (o *object) texts(name string, values []string) *object {
	b := append(o.name(name).json, '[')
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, value)
	}
	o.json = append(b, ']')
	return o
}

// member is one of a kind that JSON can always tell.
func (o *object) member(name string, value any) {
	text, _ := json.Marshal(value)
	o.raw(name, text)
}

// others are members of any kind, in the order of their names, without those that are reserved. One
// that JSON cannot tell is an error.
func (o *object) others(members map[string]any, reserved []string) error {
	if len(members) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if slices.Contains(reserved, name) {
			continue
		}
		value, err := json.Marshal(members[name])
		if err != nil {
			return err
		}
		o.raw(name, value)
	}
	return nil
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
