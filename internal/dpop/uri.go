package dpop

import (
	"net/url"
	"strings"
)

// sameURI compares htu with the URI of the request (RFC 9449 section 4.3): without query and fragment,
// after RFC 3986's normalizations by syntax and by scheme (sections 6.2.2 and 6.2.3).
func sameURI(htu, uri string) bool {
	a, ok := normalize(htu)
	b, same := normalize(uri)
	return ok && same && a == b
}

// normalize is false for what is no absolute http or https URI, and for one with user information,
// which no request has.
func normalize(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	// url.Parse has put the scheme in lower case.
	port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	if port == "" {
		return "", false
	}
	host := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(u.Host), port), ":")
	return u.Scheme + "://" + host + normalizePath(u.EscapedPath()), true
}

// normalizePath removes dot segments, decodes what needs no escape and writes the other escapes in
// capitals. An escaped slash stays what it is: no separator.
func normalizePath(escaped string) string {
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		if escaped[i] != '%' {
			b.WriteByte(escaped[i])
			continue
		}
		// url.Parse has proven the escape.
		octet := escaped[i : i+3]
		i += 2
		if c, _ := url.PathUnescape(octet); unreserved(c[0]) {
			b.WriteByte(c[0])
		} else {
			b.WriteString(strings.ToUpper(octet))
		}
	}
	return removeDotSegments(b.String())
}

// removeDotSegments is RFC 3986 section 5.2.4 for an absolute path. path.Clean would also join slashes
// that repeat.
func removeDotSegments(p string) string {
	if p == "" {
		return "/"
	}
	var kept []string
	segments := strings.Split(p, "/")[1:]
	for i, segment := range segments {
		last := i == len(segments)-1
		switch segment {
		case ".":
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
		default:
			kept = append(kept, segment)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}

// unreserved are the characters of RFC 3986 section 2.3.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}
