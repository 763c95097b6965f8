package oauth2_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func (w *world) metadata() map[string]any {
	w.t.Helper()
	got := w.get(w.browser, "/.well-known/oauth-authorization-server", nil)
	require.Equal(w.t, http.StatusOK, got.status)
	return got.json
}

func listOf(t *testing.T, metadata map[string]any, name string) []string {
	t.Helper()
	var list []string
	for _, value := range metadata[name].([]any) {
		list = append(list, value.(string))
	}
	require.NotEmpty(t, list, name)
	return list
}

func TestWhatIsAdvertisedIsServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	metadata := w.metadata()
	endpoints := 0
	for name, value := range metadata {
		if strings.HasSuffix(name, "_endpoint") {
			endpoints++
			path, ok := strings.CutPrefix(value.(string), w.url)
			require.True(t, ok, name)
			require.NotContains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, w.post(path, webApp, codeRequest()).status, name)
		}
	}
	require.Equal(t, 4, endpoints)

	for _, grant := range listOf(t, metadata, "grant_types_supported") {
		require.NotEqual(t, "unsupported_grant_type", w.token(machine, "grant_type", grant).str("error"), grant)
	}
	for _, grant := range []string{"password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:jwt-bearer"} {
		refused(t, w.token(machine, "grant_type", grant), 400, "unsupported_grant_type")
	}
	for _, mode := range listOf(t, metadata, "response_modes_supported") {
		require.Equal(t, http.StatusOK, w.ask(codeRequest("response_mode", mode)).status, mode)
	}
	for _, responseType := range listOf(t, metadata, "response_types_supported") {
		require.Equal(t, http.StatusOK, w.ask(codeRequest("response_type", responseType)).status, responseType)
	}
	require.Equal(t, []string{"S256"}, listOf(t, metadata, "code_challenge_methods_supported"), "the method of every other test")
}

func TestAdvertisedAuthenticationMethodsAreThoseServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	metadata := w.metadata()
	for endpoint, c := range map[string]struct {
		client string
		form   url.Values
	}{
		"token":         {webApp, values("grant_type", "refresh_token", "refresh_token", "x")},
		"revocation":    {webApp, values("token", "x")},
		"introspection": {api, values("token", "x")},
	} {
		path := strings.TrimPrefix(metadata[endpoint+"_endpoint"].(string), w.url)
		advertised := listOf(t, metadata, endpoint+"_endpoint_auth_methods_supported")
		with := func(pairs ...string) url.Values {
			form := values(pairs...)
			maps.Copy(form, c.form)
			return form
		}
		for method, got := range map[string]answer{
			"client_secret_basic": w.post(path, c.client, c.form),
			"client_secret_post":  w.post(path, "", with("client_id", c.client, "client_secret", secretOf(c.client))),
			"none":                w.post(path, "", with("client_id", browserApp)),
			"private_key_jwt": w.post(path, "", with("client_id", c.client, "client_assertion", "x.y.z",
				"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")),
		} {
			served := got.str("error") != "invalid_client"
			require.Equal(t, slices.Contains(advertised, method), served, "%s at the %s endpoint: %s", method, endpoint, got.body)
		}
	}
}

func TestAnswersAreIndependentOfTheHostHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := w.metadata()
	for path, query := range map[string]url.Values{"/.well-known/oauth-authorization-server": nil, "/authorize": codeRequest("scope", "admin")} {
		r, err := http.NewRequest(http.MethodGet, w.url+path+"?"+query.Encode(), nil)
		require.NoError(t, err)
		r.Host = "evil.example"
		r.Header.Set("X-Forwarded-Host", "evil.example")
		r.Header.Set("Forwarded", "host=evil.example;proto=https")
		got := w.do(w.browser, r)
		require.NotContains(t, got.body+got.header.Get("Location"), "evil.example")
		if path == "/authorize" {
			require.Equal(t, w.url, got.location(t).Get("iss"))
			continue
		}
		require.Equal(t, want, got.json)
	}
}

func TestEndpointPathHasNeitherQueryNorFragment(t *testing.T) {
	t.Parallel()
	for path, ok := range map[string]bool{"/oauth/authorize": true, "/authorize?tenant=1": false, "/authorize#x": false, "authorize": false, "//evil.example/authorize": false} {
		cfg := minimal()
		cfg.Endpoints.Authorization = path
		_, err := oauth2.New(cfg)
		require.Equal(t, ok, err == nil, "%q: %v", path, err)
	}
}

func TestNumberOfParametersIsBoundedEvenIfNoneRepeats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	distinct := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("&" + strconv.FormatInt(int64(i), 36))
		}
		return b.String()
	}
	for n, status := range map[int]int{50: http.StatusOK, 101: http.StatusBadRequest, 15_000: http.StatusBadRequest} {
		require.Equal(t, status, w.raw(http.MethodPost, "/token", strings.NewReader(machineForm+distinct(n))).status, n)
	}
	r, err := http.NewRequest(http.MethodGet, w.url+"/authorize?"+codeRequest().Encode()+distinct(5_000), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, w.do(w.browser, r).status)
}
