package oauth2_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestAPageOfARedirectURIWithADefaultPortOrCapitalsMayCallTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	for uri, origins := range map[string][2]string{ // the page's, and one that is another's
		"https://spa.example.com:443/cb":   {"https://spa.example.com", "https://spa.example.com:8443"},
		"https://SPA.Example.com/cb":       {"https://spa.example.com", "http://spa.example.com"},
		"HTTPS://spa.example.com:/cb":      {"https://spa.example.com", "https://spa.example.com:443"},
		"https://spa.example.com:80/cb":    {"https://spa.example.com:80", "https://spa.example.com"},
		"http://localhost:80/cb":           {"http://localhost", "http://localhost:8080"},
		"http://[::1]:80/cb":               {"http://[::1]", "http://[::1]:80"},
		"https://spa.example.com:8443/cb":  {"https://spa.example.com:8443", "https://spa.example.com"},
		"https://xn--mnchen-3ya.example/x": {"https://xn--mnchen-3ya.example", "https://munchen.example"},
	} {
		t.Run(uri, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{ID: "spa", RedirectURIs: []string{uri}, Scope: oauth2.Scope{"read"}}))
			for i, origin := range origins {
				r, err := http.NewRequest(http.MethodPost, w.url+"/token", strings.NewReader(values("client_id", "spa", "grant_type", "x").Encode()))
				require.NoError(t, err)
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Origin", origin)
				got := w.do(direct, r)
				require.Equal(t, "Origin", got.header.Get("Vary"))
				require.Equal(t, i == 0, got.header.Get("Access-Control-Allow-Origin") == origin, origin)
			}
		})
	}
}

func TestAnIssuerWithTheDefaultPortTakesAnswersFromItsOwnPages(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{"https://id.example.com:443", "https://ID.example.com"} {
		t.Run(issuer, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Issuer = issuer })
			w.url = w.http.URL // as a proxy that ends TLS calls it, with the Host of its own
			query := codeRequest()
			page := w.ask(query)
			cookie := &http.Cookie{}
			for _, c := range (&http.Response{Header: page.header}).Cookies() {
				cookie = c // Secure, which no jar sends to the server behind the proxy
			}
			answer := func(origin string) answer {
				r, err := http.NewRequest(http.MethodPost, w.url+"/authorize?"+query.Encode(), strings.NewReader(values("form_token", formTokenIn(page.body), "decision", "yes").Encode()))
				require.NoError(t, err)
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Origin", origin)
				r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
				return w.do(newBrowser(t), r)
			}
			require.Equal(t, http.StatusForbidden, answer("https://id.example.com:8443").status)
			require.Equal(t, http.StatusSeeOther, answer("https://id.example.com").status)
		})
	}
}
