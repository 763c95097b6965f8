package oauth2

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"
)

// What a request may weigh. No request of the specifications served here comes near.
const (
	maxBodyBytes  = 64 << 10
	maxQueryBytes = 32 << 10
	maxParameters = 100
	// maxDiscardedBytes of a body that is too large are read and forgotten.
	maxDiscardedBytes = 64 << 20
)

var (
	errFormSyntax    = errors.New("a parameter is not well-formed")
	errFormEncoding  = errors.New("a parameter is not UTF-8 text")
	errFormTooMany   = errors.New("there are too many parameters")
	errFormBroken    = errors.New("the body cannot be read")
	errFormTooLarge  = errors.New("the request is too large")
	errFormMediaType = errors.New("the body is not application/x-www-form-urlencoded")
)

// A form is the parameters of a request, in the order in which they came.
type form []parameter

type parameter struct{ name, value string }

// parseForm reads application/x-www-form-urlencoded text. Unlike url.ParseQuery it refuses what is
// no text (invalid UTF-8, NUL) and bounds the number of parameters.
func parseForm(text string) (form, error) {
	if text == "" {
		return nil, nil
	}
	if strings.Count(text, "&") >= maxParameters {
		return nil, errFormTooMany
	}
	f := make(form, 0, strings.Count(text, "&")+1)
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := unescape(name)
		if err != nil {
			return nil, err
		}
		if value, err = unescape(value); err != nil {
			return nil, err
		}
		f = append(f, parameter{name, value})
	}
	return f, nil
}

// unescape decodes a name or a value. Most have nothing to decode, which one look tells.
func unescape(s string) (string, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '%' || c == '+' {
			decoded, err := url.QueryUnescape(s)
			switch {
			case err != nil:
				return "", errFormSyntax
			case !isText(decoded):
				return "", errFormEncoding
			}
			return decoded, nil
		}
	}
	return s, nil
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// get returns the parameter. One sent without a value counts as omitted (RFC 6749 section 3.1).
func (f form) get(name string) string {
	for i := range f {
		if f[i].name == name && f[i].value != "" {
			return f[i].value
		}
	}
	return ""
}

// all returns the values of a parameter that may repeat.
func (f form) all(name string) []string {
	var values []string
	for i := range f {
		if f[i].name == name && f[i].value != "" {
			values = append(values, f[i].value)
		}
	}
	return values
}

// repeats reports whether the parameter occurs more than once.
func (f form) repeats(name string) bool {
	n := 0
	for i := range f {
		if f[i].name == name {
			n++
		}
	}
	return n > 1
}

// repeated returns a parameter that occurs more than once although it must not: all but resource
// and audience (RFC 6749 section 3.1, RFC 8707 section 2, RFC 8693 section 2.1).
func (f form) repeated() (string, bool) {
	for i := range f {
		name := f[i].name
		if name == "resource" || name == "audience" {
			continue
		}
		for j := range i {
			if f[j].name == name {
				return name, true
			}
		}
	}
	return "", false
}

// values returns the parameters as net/url has them.
func (f form) values() url.Values {
	v := make(url.Values, len(f))
	for i := range f {
		v.Add(f[i].name, f[i].value)
	}
	return v
}

// bodies are buffers for what can be read at once.
var bodies = sync.Pool{New: func() any { return new([maxBodyBytes]byte) }}

const formMediaType = "application/x-www-form-urlencoded"

// readForm reads the body of a POST; nothing is taken from the query (RFC 6749 section 3.2).
func readForm(r *http.Request) (form, error) {
	if !isFormMediaType(r.Header.Get("Content-Type")) {
		return nil, errFormMediaType
	}
	buf := bodies.Get().(*[maxBodyBytes]byte)
	n, err := readBody(r.Body, buf[:])
	text := string(buf[:n])
	clear(buf[:n]) // it held secrets
	bodies.Put(buf)
	if errors.Is(err, errFormTooLarge) {
		// A client that is still writing would not see the answer, and could not use the connection
		// again.
		_, _ = io.CopyN(io.Discard, r.Body, maxDiscardedBytes)
	}
	if err != nil {
		return nil, err
	}
	return parseForm(text)
}

// readBody reads what fits into buf, to the end of the body.
func readBody(body io.Reader, buf []byte) (n int, err error) {
	for {
		more := buf[n:]
		if len(more) == 0 {
			more = make([]byte, 1)
		}
		m, err := body.Read(more)
		switch {
		case m > 0 && n == len(buf):
			return n, errFormTooLarge
		case errors.Is(err, io.EOF):
			return n + m, nil
		case err != nil:
			return n, errFormBroken
		}
		n += m
	}
}

func isFormMediaType(contentType string) bool {
	if contentType == formMediaType {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == formMediaType
}
