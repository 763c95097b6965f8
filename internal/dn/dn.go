// Package dn compares the distinguished name in a certificate with one that was written down as text
// (RFC 4514).
package dn

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Name is a distinguished name, the root first.
type Name []relative

// A relative distinguished name is a set, nearly always of one.
type relative []attribute

type attribute struct {
	oid string // in dots
	// text is the value, or der what was written as one in hexadecimal.
	text string
	der  []byte
}

var errSyntax = errors.New("dn: malformed distinguished name")

// short are the names that RFC 4514 section 3 has for types, in capitals, and the two others that
// certificates of clients have. Every other type is written in dots.
var short = map[string]string{
	"CN": "2.5.4.3", "L": "2.5.4.7", "ST": "2.5.4.8", "O": "2.5.4.10", "OU": "2.5.4.11", "C": "2.5.4.6",
	"STREET": "2.5.4.9", "DC": "0.9.2342.19200300.100.1.25", "UID": "0.9.2342.19200300.100.1.1",
	"SERIALNUMBER": "2.5.4.5", "EMAILADDRESS": "1.2.840.113549.1.9.1",
}

// FromDER reads the name of a certificate, such as its RawSubject.
func FromDER(der []byte) (Name, error) {
	var sequence []asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &sequence); err != nil || len(rest) > 0 {
		return nil, errSyntax
	}
	name := make(Name, 0, len(sequence))
	for _, set := range sequence {
		var attributes []struct {
			Type  asn1.ObjectIdentifier
			Value asn1.RawValue
		}
		if rest, err := asn1.UnmarshalWithParams(set.FullBytes, &attributes, "set"); err != nil || len(rest) > 0 {
			return nil, errSyntax
		}
		var r relative
		for _, a := range attributes {
			read := attribute{oid: a.Type.String(), der: a.Value.FullBytes}
			var value any
			if _, err := asn1.Unmarshal(a.Value.FullBytes, &value); err == nil {
				read.text, _ = value.(string)
			}
			r = append(r, read)
		}
		name = append(name, r)
	}
	return name, nil
}

// Matches reports whether the certificate's name is the one that was written down: the same types and
// values in the same order, to the letter. The attributes of one relative name have no order.
func (certificate Name) Matches(written Name) bool {
	return slices.EqualFunc(certificate, written, func(c, w relative) bool {
		return len(c) == len(w) && len(w) > 0 && !slices.ContainsFunc(w, func(want attribute) bool {
			return !slices.ContainsFunc(c, func(have attribute) bool { return have.is(want) })
		})
	})
}

func (a attribute) is(written attribute) bool {
	switch {
	case a.oid != written.oid:
		return false
	case written.der != nil:
		return bytes.Equal(a.der, written.der)
	}
	return a.text != "" && a.text == written.text
}

// Parse reads a name as RFC 4514 section 3 writes it, the root last. Blanks around "," and "=", which
// many programs write, mean nothing.
func Parse(text string) (Name, error) {
	if !utf8.ValidString(text) || strings.TrimSpace(text) == "" {
		return nil, errSyntax
	}
	var name Name
	for {
		var r relative
		for {
			a, rest, err := parseAttribute(text)
			if err != nil || slices.ContainsFunc(r, func(other attribute) bool { return other.oid == a.oid }) {
				return nil, errSyntax
			}
			r, text = append(r, a), rest
			if !strings.HasPrefix(text, "+") {
				break
			}
			text = text[1:]
		}
		name = append(name, r)
		if text == "" {
			slices.Reverse(name)
			return name, nil
		}
		text = text[1:] // parseAttribute stops at "+", "," or the end
	}
}

func parseAttribute(text string) (attribute, string, error) {
	label, rest, ok := strings.Cut(text, "=")
	oid := typeOf(strings.Trim(label, " "))
	if !ok || oid == "" {
		return attribute{}, "", errSyntax
	}
	rest = strings.TrimLeft(rest, " ")
	if strings.HasPrefix(rest, "#") {
		end := len(rest)
		if at := strings.IndexAny(rest, ",+"); at >= 0 {
			end = at
		}
		der, err := hex.DecodeString(strings.TrimRight(rest[1:end], " "))
		if err != nil || len(der) == 0 {
			return attribute{}, "", errSyntax
		}
		return attribute{oid: oid, der: der}, rest[end:], nil
	}
	value, rest, err := parseValue(rest)
	if err != nil || value == "" {
		return attribute{}, "", errSyntax
	}
	return attribute{oid: oid, text: value}, rest, nil
}

// typeOf is the object identifier of a type that is written as its name or in dots; "" if it is
// neither.
func typeOf(label string) string {
	if oid, ok := short[strings.ToUpper(label)]; ok {
		return oid
	}
	arcs := strings.Split(label, ".")
	for _, arc := range arcs {
		n, err := strconv.ParseUint(arc, 10, 31)
		if err != nil || strconv.FormatUint(n, 10) != arc {
			return ""
		}
	}
	if len(arcs) < 2 {
		return ""
	}
	return label
}

// parseValue reads a value up to the "," or "+" behind it.
func parseValue(text string) (value, rest string, err error) {
	var b strings.Builder
	kept := 0 // what lies behind is blanks that mean nothing
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ',' || c == '+':
			return finish(b.String()[:kept], text[i:])
		case c == '\\':
			plain, n := unescape(text[i+1:])
			if n == 0 {
				return "", "", errSyntax
			}
			b.WriteByte(plain)
			kept, i = b.Len(), i+n
		case c == 0 || strings.IndexByte(`";<>`, c) >= 0:
			return "", "", errSyntax
		default:
			b.WriteByte(c)
			if c != ' ' {
				kept = b.Len()
			}
		}
	}
	return finish(b.String()[:kept], "")
}

func finish(value, rest string) (string, string, error) {
	if !utf8.ValidString(value) {
		return "", "", errSyntax
	}
	return value, rest, nil
}

// unescape reads what follows a backslash, and how long it is; 0: it is malformed.
func unescape(text string) (byte, int) {
	if len(text) >= 2 {
		if n, err := strconv.ParseUint(text[:2], 16, 8); err == nil {
			return byte(n), 2
		}
	}
	if text != "" && strings.IndexByte(` "#+,;<=>\`, text[0]) >= 0 {
		return text[0], 1
	}
	return 0, 0
}
