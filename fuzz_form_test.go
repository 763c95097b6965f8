package oauth2

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var formSeeds = []string{
	"", "a=1&b=2", "a=1&a=2", "a", "=", "&&", "a=b=c", "a=%zz", "a=%00", "a=%ff", "a=+%20", "a;b=c", "resource=x&resource=y",
	"scope=a+b&state=%C3%A9", strings.Repeat("a&", 120),
}

// A form is read as net/url reads it, in the same order; what net/url refuses is refused.
func FuzzForm(f *testing.F) {
	for _, seed := range formSeeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseForm(text)
		// A bare semicolon separates nothing (URL Standard section 5.1); net/url drops such a pair.
		want, wantErr := url.ParseQuery(strings.ReplaceAll(text, ";", "%3B"))
		if err != nil {
			require.Empty(t, got)
			require.True(t, wantErr != nil || strings.Count(text, "&") >= maxParameters || !allText(want), "%q is a form", text)
			return
		}
		require.NoError(t, wantErr)
		require.LessOrEqual(t, len(got), maxParameters)
		read := url.Values{}
		for _, p := range got {
			require.True(t, isText(p.name) && isText(p.value))
			read[p.name] = append(read[p.name], p.value)
		}
		require.Equal(t, want, read)
		require.Equal(t, want, got.values())
		requireLookups(t, got, want)
	})
}

// requireLookups: what the form says of each of its parameters is what net/url says.
func requireLookups(t *testing.T, f form, want url.Values) {
	repeated := false
	for name, values := range want {
		filled := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
		require.Equal(t, filled, append([]string{}, f.all(name)...))
		require.Equal(t, append(filled, "")[0], f.get(name))
		require.Equal(t, len(values) > 1, f.repeats(name))
		repeated = repeated || len(values) > 1 && name != "resource" && name != "audience"
	}
	name, found := f.repeated()
	require.Equal(t, repeated, found)
	require.True(t, !found || len(want[name]) > 1)
}

func allText(v url.Values) bool {
	for name, values := range v {
		if !isText(name) || !slices.Equal(values, slices.DeleteFunc(slices.Clone(values), func(s string) bool { return !isText(s) })) {
			return false
		}
	}
	return true
}

// Only one media type is a form, and none is larger than the bound; the body is read once.
func FuzzFormBody(f *testing.F) {
	for _, seed := range formSeeds {
		f.Add("application/x-www-form-urlencoded", seed, uint16(1))
	}
	f.Add("application/x-www-form-urlencoded; charset=utf-8", "a=1", uint16(1))
	f.Add("Application/X-WWW-Form-Urlencoded;", "a=1", uint16(9))
	f.Add("application/json", "{}", uint16(1))
	f.Add("application/x-www-form-urlencoded, text/plain", "a=1", uint16(1))
	f.Add("application/x-www-form-urlencoded", "0123456789abcdef", uint16(5000))
	f.Fuzz(func(t *testing.T, contentType, part string, times uint16) {
		if len(part)*int(times) > 4*maxBodyBytes {
			return
		}
		body := strings.Repeat(part, int(times))
		r := &http.Request{Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(body))}
		got, err := readForm(r)
		want, wantErr := parseForm(body)
		mediaType, _, _ := strings.Cut(contentType, ";")
		isForm := strings.EqualFold(strings.TrimSpace(mediaType), "application/x-www-form-urlencoded")
		switch {
		case errors.Is(err, errFormMediaType):
			require.False(t, isForm && !strings.Contains(contentType, ";"))
		case len(body) > maxBodyBytes:
			require.ErrorIs(t, err, errFormTooLarge)
			require.Empty(t, got)
		default:
			require.True(t, isForm)
			require.Equal(t, wantErr, err)
			require.Equal(t, want, got)
		}
	})
}
