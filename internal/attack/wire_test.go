package attack

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var wireAttacks = []attack{
	{name: "a form that is no form is refused, and the connection lives on", source: "RFC 6749 section 3.2 and appendix B", run: wireForms},
	{name: "a form that is too large is refused, and the connection lives on", source: "RFC 9110 section 15.5.14", run: wireLarge},
	{name: "a request that is no request is refused, and the server lives on", source: "RFC 9112 section 6.3: request smuggling", run: wireGarbage},
	{name: "two Authorization or Content-Type headers pass nobody in", source: "RFC 9110 section 5.3", run: wireTwoHeaders},
	{name: "a foreign host in the request line or the headers changes nothing", source: "RFC 9112 section 3.2.2", run: wireForeignHost},
	{name: "slow senders hold nobody up", source: "RFC 9110 section 17.5", run: wireSlow},
}

// A wire is a connection that is spoken to by hand.
type wire struct {
	*site
	conn   net.Conn
	reader *bufio.Reader
}

func (s *site) wire() *wire {
	conn := s.dial()
	return &wire{s, conn, bufio.NewReader(conn)}
}

// send writes a request while the answer is read, as the server may answer before it has read all.
func (w *wire) send(request io.Reader) (answer, error) {
	go func() { _, _ = io.Copy(w.conn, request) }() // a server that answered may have hung up
	res, err := http.ReadResponse(w.reader, nil)
	if err != nil {
		return answer{}, err
	}
	return readAnswer(res, ""), nil
}

// path is the path of an endpoint.
func (s *site) path(endpoint string) string {
	u, err := url.Parse(endpoint)
	require.NoError(s.t, err)
	return u.Path
}

func (s *site) host() string {
	return strings.TrimPrefix(strings.TrimPrefix(s.base(), "http://"), "https://")
}

// post is a request to an endpoint in text, with further header lines.
func (s *site) postText(endpoint, headers string, length int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n%s\r\n", s.path(endpoint), s.host(), length, headers)
}

const formType = "Content-Type: application/x-www-form-urlencoded\r\n"

// lives requires the same connection to serve the next request.
func (w *wire) lives(about string) {
	w.t.Helper()
	got, err := w.send(strings.NewReader("GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: " + w.host() + "\r\n\r\n"))
	require.NoError(w.t, err, about)
	require.Equal(w.t, http.StatusOK, got.status, about)
	require.Equal(w.t, w.issuer, got.str("issuer"), about)
}

// formGarbage is what may follow a good form, by what it is: header lines, and the end of the body.
var formGarbage = map[string][2]string{
	"NUL":                       {formType, "x=\x00"},
	"escaped NUL":               {formType, "x=%00"},
	"NUL in a name":             {formType, "x%00=1"},
	"invalid UTF-8":             {formType, "x=\xff\xfe"},
	"escaped UTF-8":             {formType, "x=%ff%fe"},
	"escaped surrogates":        {formType, "x=%ed%a0%80"},
	"overlong UTF-8":            {formType, "x=%c0%80"},
	"a lone percent":            {formType, "x=%"},
	"a broken escape":           {formType, "x=%zz"},
	"20,000 parameters":         {formType, strings.Repeat("a&", 20_000)},
	"20,000 ampersands":         {formType, strings.Repeat("&", 20_000)},
	"binary":                    {formType, "\x1f\x8b\x08\xff"},
	"compressed":                {formType + "Content-Encoding: gzip\r\n", "\x1f\x8b\x08"},
	"a type like the right one": {"Content-Type: application/x-www-form-urlencoded-utf-16\r\n", ""},
	"JSON":                      {"Content-Type: application/json\r\n", `{"grant_type":"client_credentials"}`},
	"multipart":                 {"Content-Type: multipart/form-data; boundary=x\r\n", "--x\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--x--\r\n"},
	"text":                      {"Content-Type: text/plain\r\n", ""},
	"no type":                   {"", ""},
	"a malformed type":          {"Content-Type: ;;;\r\n", ""},
	"XML":                       {"Content-Type: text/xml\r\n", `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>`},
}

func wireForms(t *testing.T, s *site) {
	good := "grant_type=client_credentials&token=x&"
	for endpoint, client := range map[string]string{s.tokenURL: machine, s.introspectURL: api, s.revokeURL: machine} {
		credentials := "Authorization: " + basic(client, s.secrets[client]) + "\r\n"
		w := s.wire()
		got, err := w.send(strings.NewReader(s.postText(endpoint, credentials+formType, len(good)) + good))
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, got.status, "without garbage it is a good request")
		for what, garbage := range formGarbage {
			body := good + garbage[1]
			got, err := w.send(strings.NewReader(s.postText(endpoint, credentials+garbage[0], len(body)) + body))
			require.NoError(t, err, what)
			s.refused(got, http.StatusBadRequest, "invalid_request")
			require.NotContains(t, got.body, "x=", what)
			w.lives(what)
		}
	}
}

func wireLarge(t *testing.T, s *site) {
	const size = 32 << 20
	huge := func() io.Reader { return io.LimitReader(endless{}, size) }
	w := s.wire()
	got, err := w.send(io.MultiReader(strings.NewReader(s.postText(s.tokenURL, formType, size)), huge()))
	require.NoError(t, err)
	s.refused(got, http.StatusRequestEntityTooLarge, "invalid_request")
	w.lives("32 MB")

	// Of unannounced length, in one chunk.
	w = s.wire()
	got, err = w.send(io.MultiReader(strings.NewReader("POST "+s.path(s.revokeURL)+" HTTP/1.1\r\nHost: "+s.host()+"\r\nTransfer-Encoding: chunked\r\n"+formType+"\r\n"+fmt.Sprintf("%x\r\n", size)), huge(), strings.NewReader("\r\n0\r\n\r\n")))
	require.NoError(t, err)
	s.refused(got, http.StatusRequestEntityTooLarge, "invalid_request")
	w.lives("32 MB in one chunk")

	// The consent form's own body, and the site's other forms.
	w = s.wire()
	got, err = w.send(io.MultiReader(strings.NewReader(s.postText(s.authorizeURL, formType, 1<<20)), io.LimitReader(endless{}, 1<<20)))
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestEntityTooLarge, got.status)
}

// endless is a form that goes on for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func wireGarbage(t *testing.T, s *site) {
	path, host := s.path(s.tokenURL), s.host()
	line := "POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\n"
	body := "grant_type=client_credentials&client_id=machine"
	sized := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	for what, request := range map[string]string{
		"two lengths":                   line + formType + sized + "Content-Length: 3\r\n\r\n" + body,
		"a negative length":             line + formType + "Content-Length: -1\r\n\r\n" + body,
		"a length that is no number":    line + formType + "Content-Length: +47\r\n\r\n" + body,
		"a length beyond all bounds":    line + formType + "Content-Length: 99999999999999999999\r\n\r\n" + body,
		"length and chunks":             line + formType + sized + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"an unknown encoding":           line + formType + "Transfer-Encoding: xchunked\r\n\r\n" + body,
		"two encodings":                 line + formType + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		"an encoding after a tab":       line + formType + "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
		"a chunk that is no number":     line + formType + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body,
		"a chunk that is too long":      line + formType + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + body,
		"a blank before the colon":      line + "Content-Type : application/x-www-form-urlencoded\r\n" + sized + "\r\n" + body,
		"a header without a name":       line + ": x\r\n\r\n",
		"a header with NUL":             line + "X: \x00\r\n\r\n",
		"a header that is no text":      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"no host":                       "POST " + path + " HTTP/1.1\r\n" + formType + sized + "\r\n" + body,
		"two hosts":                     line + "Host: evil.example\r\n\r\n",
		"a host with a path":            "POST " + path + " HTTP/1.1\r\nHost: evil.example/x\r\n\r\n",
		"HTTP of a later day":           "POST " + path + " HTTP/9.9\r\nHost: " + host + "\r\n\r\n",
		"HTTP/0.9":                      "GET " + path + "\r\n\r\n",
		"a target with a blank":         "POST " + path + " x HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		"a target with control bytes":   "POST " + path + "\x01 HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		"a target that is a bad escape": "POST " + path + "%zz HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		"a target that climbs":          "POST /x/.." + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + formType + sized + "\r\n" + body,
		"a doubled slash":               "POST /" + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + formType + sized + "\r\n" + body,
		"an expectation":                line + "Expect: evil\r\n" + formType + sized + "\r\n" + body,
		"a header of 2 MB":              line + "X: " + strings.Repeat("x", 2<<20) + "\r\n\r\n",
		"a target of 2 MB":              "POST " + path + "?" + strings.Repeat("x", 2<<20) + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		"credentials of 40 kB":          line + "Authorization: Basic " + strings.Repeat("QUFB", 10_000) + "\r\n" + formType + sized + "\r\n" + body,
	} {
		w := s.wire()
		got, err := w.send(strings.NewReader(request))
		if err == nil { // else the server hung up
			require.GreaterOrEqual(t, got.status, 400, what)
			require.LessOrEqual(t, got.status, 505, what)
			require.NotEqual(t, http.StatusInternalServerError, got.status, what)
			require.NotContains(t, got.body, "access_token", what)
		}
		s.wire().lives(what)
	}
}

func wireTwoHeaders(t *testing.T, s *site) {
	body := "grant_type=client_credentials"
	for what, headers := range map[string]string{
		"right, then wrong": "Authorization: " + basic(machine, s.secrets[machine]) + "\r\nAuthorization: " + basic(machine, "x") + "\r\n",
		"wrong, then right": "Authorization: " + basic(machine, "x") + "\r\nAuthorization: " + basic(machine, s.secrets[machine]) + "\r\n",
		"in another case":   "Authorization: " + basic(machine, s.secrets[machine]) + "\r\nauthorization: " + basic(web, s.secrets[web]) + "\r\n",
		"joined":            "Authorization: " + basic(machine, s.secrets[machine]) + ", " + basic(web, s.secrets[web]) + "\r\n",
	} {
		w := s.wire()
		got, err := w.send(strings.NewReader(s.postText(s.tokenURL, formType+headers, len(body)) + body))
		require.NoError(t, err, what)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnauthorized}, got.status, what)
		w.lives(what)
	}
	w := s.wire()
	types := "Content-Type: application/json\r\n" + formType + "Authorization: " + basic(machine, s.secrets[machine]) + "\r\n"
	got, err := w.send(strings.NewReader(s.postText(s.tokenURL, types, len(body)) + body))
	require.NoError(t, err)
	s.refused(got, http.StatusBadRequest, "invalid_request")
	w.lives("two types")
}

func wireForeignHost(t *testing.T, s *site) {
	metadata := s.path(metadataURL(t, s.issuer))
	for _, request := range []string{
		"GET http://evil.example" + metadata + " HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"GET " + metadata + " HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"GET " + metadata + " HTTP/1.1\r\nHost: " + s.host() + "\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-For: 10.0.0.1\r\nForwarded: host=evil.example;proto=gopher\r\nX-Original-URL: /evil\r\nX-Rewrite-URL: /evil\r\n\r\n",
	} {
		w := s.wire()
		got, err := w.send(strings.NewReader(request))
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, got.status)
		require.Equal(t, s.issuer, got.str("issuer"))
		require.NotContains(t, got.body, "evil")
		w.lives("a foreign host")
	}
	w := s.wire()
	got, err := w.send(strings.NewReader("GET " + s.path(s.authorizeURL) + "?" + s.request("scope", "admin").Encode() + " HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n\r\n"))
	require.NoError(t, err)
	s.refusedAt(redirects[web], got, "invalid_scope")
}

func wireSlow(t *testing.T, s *site) {
	for range 50 {
		w := s.wire()
		_, err := io.WriteString(w.conn, s.postText(s.tokenURL, formType, 1000)+"grant_type=")
		require.NoError(t, err)
		w = s.wire()
		_, err = io.WriteString(w.conn, "POST "+s.path(s.tokenURL)+" HTTP/1.1\r\nHost: ")
		require.NoError(t, err)
	}
	require.Equal(t, http.StatusOK, s.token(machine, "grant_type", "client_credentials").status)
	s.sentTo(redirects[web], s.alice().decide(s.alice().ask(s.request()), "yes"))
}
