package fetch

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// freshness is how long an answer may be used before it is asked for again (RFC 9111 section 4.2.1), by
// the rules for a cache of one user: the server asks in nobody else's name. What cannot be read means not
// at all. Negative: nothing is told.
func freshness(h http.Header) time.Duration {
	directives := cacheControl(h)
	for _, name := range []string{"no-store", "no-cache"} {
		if _, ok := directives[name]; ok {
			return 0
		}
	}
	if value, ok := directives["max-age"]; ok {
		return max(0, deltaSeconds(value)-deltaSeconds(h.Get("Age")))
	}
	if h.Get("Expires") == "" {
		return -1
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, expires.Sub(date)-deltaSeconds(h.Get("Age")))
}

// cacheControl are the directives of an answer, their names in lower case (RFC 9111 section 5.2). Of one
// that repeats, the first counts (section 4.2.1).
func cacheControl(h http.Header) map[string]string {
	directives := map[string]string{}
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		name = strings.ToLower(name)
		if _, ok := directives[name]; !ok {
			directives[name] = strings.Trim(value, `"`)
		}
	}
	return directives
}

// deltaSeconds reads a number of seconds. One that is too large is a large one (RFC 9111 section 1.2.2).
func deltaSeconds(text string) time.Duration {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0
		}
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	switch {
	case text == "":
		return 0
	case err != nil:
		seconds = math.MaxInt32
	}
	return time.Duration(seconds) * time.Second
}
