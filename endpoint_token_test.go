package oauth2_test

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

	"github.com/seed5f5fedc6/oauth2"
)

// raw posts a body as it is, with headers of names and values in turn.
func (w *world) raw(method, path string, body io.Reader, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequest(method, w.url+path, body)
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Del(headers[i])
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] != "" {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	return w.do(direct, r)
}

const machineForm = "grant_type=client_credentials&client_id=" + machine + "&client_secret=" + machine + secretSuffix

func TestTokenEndpointIsPOSTOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		got := w.raw(method, "/token?"+machineForm, nil)
		require.Equal(t, http.StatusMethodNotAllowed, got.status, method)
		require.Equal(t, "POST", got.header.Get("Allow"))
	}
}

func TestNothingIsTakenFromTheQueryOfTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused(t, w.raw(http.MethodPost, "/token?"+machineForm, nil), http.StatusUnauthorized, "invalid_client")
	got := w.raw(http.MethodPost, "/token?scope=admin&grant_type=nonsense", strings.NewReader(machineForm))
	require.Equal(t, http.StatusOK, got.status, got.body)
}

func TestMalformedTokenRequestsAreRefusedQuickly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		body    io.Reader
		headers []string
		status  int
	}{
		"JSON":                   {strings.NewReader(`{"grant_type":"client_credentials"}`), []string{"Content-Type", "application/json"}, 400},
		"multipart":              {strings.NewReader("--x--"), []string{"Content-Type", "multipart/form-data; boundary=x"}, 400},
		"no content type":        {strings.NewReader(machineForm), []string{"Content-Type", ""}, 400},
		"garbage":                {strings.NewReader("\x00\x01%%%"), nil, 400},
		"NUL":                    {strings.NewReader(machineForm + "&scope=%00"), nil, 400},
		"invalid UTF-8":          {strings.NewReader(machineForm + "&scope=%ff%fe"), nil, 400},
		"raw invalid UTF-8":      {strings.NewReader(machineForm + "&scope=\xff"), nil, 400},
		"a repeated parameter":   {strings.NewReader(machineForm + "&scope=read&scope=read"), nil, 400},
		"a repeated empty one":   {strings.NewReader(machineForm + "&scope=&scope=read"), nil, 400},
		"20,000 parameters":      {strings.NewReader(machineForm + strings.Repeat("&a=b", 15000)), nil, 400},
		"64 KiB and more":        {strings.NewReader(machineForm + "&a=" + strings.Repeat("a", 64<<10)), nil, 413},
		"32 MB":                  {io.LimitReader(endless{}, 32<<20), nil, 413},
		"no grant_type":          {strings.NewReader(strings.TrimPrefix(machineForm, "grant_type=client_credentials&")), nil, 400},
		"an empty grant_type":    {strings.NewReader(strings.Replace(machineForm, "client_credentials", "", 1)), nil, 400},
		"20,000 byte header":     {strings.NewReader(machineForm), []string{"Authorization", "Basic " + strings.Repeat("a", 20000)}, 401},
		"two Authorization ones": {strings.NewReader("grant_type=client_credentials"), []string{"Authorization", basic(machine, secretOf(machine)), "Authorization", basic(machine, secretOf(machine))}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.raw(http.MethodPost, "/token", c.body, c.headers...)
			require.Equal(t, c.status, got.status, got.body)
			want := "invalid_request"
			if c.status == 401 {
				want = "invalid_client"
			}
			require.Equal(t, want, got.str("error"))
			require.Equal(t, "application/json", got.header.Get("Content-Type"))
		})
	}
	require.Equal(t, http.StatusOK, w.raw(http.MethodPost, "/token", strings.NewReader(machineForm)).status, "the server lives on")
}

func TestConnectionLivesOnAfterABodyThatIsTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, body := range []string{strings.Repeat("a", 32<<20), machineForm} {
		_, err = fmt.Fprintf(conn, "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", len(body))
		require.NoError(t, err)
		_, err = io.WriteString(conn, body)
		require.NoError(t, err)
		res, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
		require.Equal(t, map[bool]int{true: 413, false: 200}[len(body) > 1000], res.StatusCode)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func basic(id, secret string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return r.Header.Get("Authorization")
}

func TestErrorCodesOfRFC6749Section5_2(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused(t, w.token(machine), 400, "invalid_request")
	refused(t, w.token(machine, "grant_type", "password", "username", "a", "password", "b"), 400, "unsupported_grant_type")
	refused(t, w.token(machine, "grant_type", "authorization_code", "code", "x"), 400, "unauthorized_client")
	refused(t, w.token(machine, "grant_type", "refresh_token", "refresh_token", "x"), 400, "unauthorized_client")
	refused(t, w.token(webApp, "grant_type", "client_credentials"), 400, "unauthorized_client")
	refused(t, w.token(webApp, "grant_type", "authorization_code"), 400, "invalid_request")
	refused(t, w.token(webApp, "grant_type", "refresh_token"), 400, "invalid_request")
	refused(t, w.token(webApp, "grant_type", "authorization_code", "code", "nonsense"), 400, "invalid_grant")
	refused(t, w.token(webApp, "grant_type", "refresh_token", "refresh_token", "nonsense"), 400, "invalid_grant")
	refused(t, w.token(machine, "grant_type", "client_credentials", "scope", "admin"), 400, "invalid_scope")
	refused(t, w.token(machine, "grant_type", "client_credentials", "scope", "sta\"ts"), 400, "invalid_scope")
	refused(t, w.token(machine, "grant_type", "client_credentials", "resource", "https://x"), 400, "invalid_target")
	refused(t, w.token("nobody", "grant_type", "client_credentials"), 401, "invalid_client")
	require.Contains(t, w.eventTypes(), oauth2.EventTokenRefused)
	require.Contains(t, w.eventTypes(), oauth2.EventClientAuthenticationFailed)
}

func TestTokenAnswerIsThatOfRFC6749Section5_1(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.token(machine, "grant_type", "client_credentials", "scope", "stats")
	require.Equal(t, 200, got.status)
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Equal(t, "no-cache", got.header.Get("Pragma"))
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.Equal(t, "Bearer", got.str("token_type"))
	require.Equal(t, 3600.0, got.json["expires_in"])
	require.Equal(t, "stats", got.str("scope"))
	require.Len(t, got.str("access_token"), 67)
}

func TestClientCredentialsTokenHasNoSubjectAndNoRefreshToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.token(machine, "grant_type", "client_credentials")
	require.NotContains(t, got.json, "refresh_token", "RFC 6749 section 4.4.3")
	require.Equal(t, "stats read", got.str("scope"), "the registered scope is the default")
	told := w.post("/introspect", api, values("token", got.str("access_token")))
	require.Equal(t, true, told.json["active"])
	require.Equal(t, machine, told.str("client_id"))
	require.NotContains(t, told.json, "sub", "it cannot pass for a user's")
}

func TestClientCredentialsAreForConfidentialClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{ID: "public", GrantTypes: []string{"client_credentials"}}))
	refused(t, w.post("/token", "", values("grant_type", "client_credentials", "client_id", "public")), 400, "unauthorized_client")
}

func TestCORSIsForTheOriginsOfTheClientsOwnRedirectURIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := values("grant_type", "refresh_token", "refresh_token", "x", "client_id", browserApp).Encode()
	for origin, want := range map[string]string{"https://spa.example.com": "https://spa.example.com", "https://evil.example": "", "null": "", "https://app.example.com": ""} {
		for _, path := range []string{"/token", "/revoke"} {
			got := w.raw(http.MethodPost, path, strings.NewReader(body), "Origin", origin)
			require.Equal(t, want, got.header.Get("Access-Control-Allow-Origin"), origin)
			require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"))
		}
		got := w.raw(http.MethodPost, "/introspect", strings.NewReader(body), "Origin", origin)
		require.Empty(t, got.header.Get("Access-Control-Allow-Origin"))
	}
	got := w.raw(http.MethodOptions, "/token", nil, "Origin", "https://spa.example.com", "Access-Control-Request-Method", "POST")
	require.Equal(t, http.StatusNoContent, got.status)
	require.Equal(t, "https://spa.example.com", got.header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"))
}

func TestTokensAreNeverIssuedForAResourceThatIsNotServed(t *testing.T) {
	t.Parallel()
	const one, two = "https://one.example.com", "https://two.example.com"
	w := newWorld(t, withResources(one, two))
	aud := func(got answer) any {
		require.Equal(t, 200, got.status, got.body)
		return w.post("/introspect", api, values("token", got.str("access_token"))).json["aud"]
	}
	require.Nil(t, aud(w.token(machine, "grant_type", "client_credentials")), "of several none is the default")
	require.Equal(t, one, aud(w.token(machine, "grant_type", "client_credentials", "resource", one)))
	require.Equal(t, []any{one, two}, aud(w.token(machine, "grant_type", "client_credentials", "resource", two, "resource", one)), "resource may repeat")
	refused(t, w.token(machine, "grant_type", "client_credentials", "resource", one+"/"), 400, "invalid_target")

	code := w.approve(codeRequest("resource", one))
	refused(t, w.post("/token", webApp, redemption(code, "resource", two)), 400, "invalid_target")
	got := w.post("/token", webApp, redemption(code))
	require.Equal(t, one, aud(got))
	refused(t, w.refresh(got.str("refresh_token"), "resource", two), 400, "invalid_target")
	require.Equal(t, one, aud(w.refresh(got.str("refresh_token"), "resource", one)))
}
