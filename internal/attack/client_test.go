package attack

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"

	"github.com/stretchr/testify/require"
)

// An answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any // nil where the body is no JSON object
	url    string         // that was asked for
}

func (a answer) str(member string) string {
	text, _ := a.json[member].(string)
	return text
}

func readAnswer(res *http.Response, asked string) answer {
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		body = []byte(err.Error()) // which no test expects
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(body), url: asked}
	_ = json.Unmarshal(body, &a.json)
	return a
}

// values makes a form of names and values in turn.
func values(pairs ...string) url.Values { return change(url.Values{}, pairs...) }

// change sets the pairs, and removes those with an empty value.
func change(v url.Values, pairs ...string) url.Values {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			v.Del(pairs[i])
		} else {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

func clone(form url.Values) url.Values {
	c := url.Values{}
	for name, all := range form {
		c[name] = append([]string(nil), all...)
	}
	return c
}

func flat(form url.Values) []string {
	var pairs []string
	for name := range form {
		pairs = append(pairs, name, form.Get(name))
	}
	return pairs
}

// withBody replaces the body of a request.
func withBody(r *http.Request, body string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
}

// closedUnder reports whether a connection that was kept, after a body that nobody wanted, was closed under a request.
func closedUnder(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		err != nil && strings.Contains(err.Error(), "server closed idle connection")
}

func (s *site) do(client *http.Client, r *http.Request) answer {
	s.t.Helper()
	res, err := client.Do(r)
	if closedUnder(err) && r.GetBody != nil {
		// A server that fails on the request fails on it on a new connection too.
		again := r.Clone(r.Context())
		again.Body, err = r.GetBody()
		require.NoError(s.t, err)
		client.CloseIdleConnections()
		res, err = client.Do(again)
	}
	require.NoError(s.t, err)
	return readAnswer(res, r.URL.String())
}

func (s *site) get(target string) answer {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, target, nil)
	require.NoError(s.t, err)
	return s.do(s.client, r)
}

// form is a POST to an endpoint, as yet by nobody.
func (s *site) form(target string, body url.Values) *http.Request {
	r, err := http.NewRequest(http.MethodPost, target, strings.NewReader(body.Encode()))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// call asks an endpoint as a client: with Basic authentication where it has a secret, and by its name
// alone where it is public.
func (s *site) call(target, client string, pairs ...string) answer {
	s.t.Helper()
	return s.do(s.client, s.asClient(target, client, pairs...))
}

func (s *site) asClient(target, client string, pairs ...string) *http.Request {
	s.t.Helper()
	body := values(pairs...)
	secret, confidential := s.secrets[client]
	switch {
	case !confidential:
		body.Set("client_id", client)
	case client == postOnly:
		body.Set("client_id", client)
		body.Set("client_secret", secret)
	}
	r := s.form(target, body)
	if confidential && client != postOnly {
		r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	}
	return r
}

// callWith asks an endpoint with HTTP Basic credentials of the caller's choice.
func (s *site) callWith(target, id, secret string, pairs ...string) answer {
	s.t.Helper()
	r := s.form(target, values(pairs...))
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return s.do(s.client, r)
}

func (s *site) token(client string, pairs ...string) answer {
	s.t.Helper()
	return s.call(s.tokenURL, client, pairs...)
}

// active asks the introspection endpoint as the API does.
func (s *site) active(token string) bool {
	s.t.Helper()
	got := s.call(s.introspectURL, api, "token", token)
	require.Equal(s.t, http.StatusOK, got.status, got.body)
	active, _ := got.json["active"].(bool)
	if !active {
		require.Equal(s.t, `{"active":false}`, got.body)
	}
	return active
}

// contacts calls the API.
func (s *site) contacts(token string) answer {
	s.t.Helper()
	return s.callAPI("/contacts", token)
}

func (s *site) callAPI(path, token string) answer {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.apiURL+path, nil)
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	return s.do(s.client, r)
}

// refused requires RFC 6749 section 5.2's answer.
func (s *site) refused(got answer, status int, code string) {
	s.t.Helper()
	require.Equal(s.t, status, got.status, got.body)
	require.Equal(s.t, code, got.str("error"), got.body)
	require.Equal(s.t, "no-store", got.header.Get("Cache-Control"))
	require.Equal(s.t, "application/json", got.header.Get("Content-Type"))
	for member := range got.json {
		require.Contains(s.t, []string{"error", "error_description"}, member)
	}
}

// unavailable requires the answer to a fault of the server's side, which tells nothing of its inside.
func (s *site) unavailable(got answer) {
	s.t.Helper()
	require.Equal(s.t, http.StatusServiceUnavailable, got.status, got.body)
	require.NotEmpty(s.t, got.header.Get("Retry-After"))
	require.Contains(s.t, got.header.Get("Cache-Control"), "no-store")
	require.NotContains(s.t, got.body, "disk")
	require.NotContains(s.t, got.body, "internal")
}

// together calls f n times at once.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	all.Wait()
}
