package oauth2_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/dpop/dpoptest"
	"github.com/seed5f5fedc6/oauth2/resource"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

const (
	benchIssuer = "https://id.example.com"
	benchAPI    = "https://api.example.com"
)

// A benchedRequest is a request that is made before the clock runs, with its proof.
func benchedRequest(method, uri string, form url.Values, proof, authorization string) *http.Request {
	r := httptest.NewRequest(method, uri, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

// benchDPoP runs the same request with and without proofs. The proofs are made while the clock stands.
func benchDPoP(b *testing.B, handler http.Handler, request func(key *dpoptest.Key) *http.Request) {
	for _, alg := range []jose.SignatureAlgorithm{"bearer", jose.ES256, jose.EdDSA, jose.PS256} {
		b.Run(string(alg), func(b *testing.B) {
			var key *dpoptest.Key
			if alg != "bearer" {
				key = dpoptest.New(alg, time.Now)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				b.StopTimer()
				r, w := request(key), httptest.NewRecorder()
				b.StartTimer()
				handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Body.String())
				}
			}
		})
	}
}

func benchServer(b *testing.B) *oauth2.Server {
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer: benchIssuer, Clients: testClients(b), Tokens: memory.New(), DPoP: &oauth2.DPoPConfig{},
		Grants: []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}}, Resources: []oauth2.Resource{{URI: benchAPI}},
	})
	require.NoError(b, err)
	return server
}

// BenchmarkDPoPToken is a client credentials request, with and without a proof.
func BenchmarkDPoPToken(b *testing.B) {
	form := values("grant_type", "client_credentials", "client_id", machine, "client_secret", secretOf(machine))
	benchDPoP(b, benchServer(b), func(key *dpoptest.Key) *http.Request {
		proof := ""
		if key != nil {
			proof = key.Proof(http.MethodPost, benchIssuer+"/token")
		}
		return benchedRequest(http.MethodPost, benchIssuer+"/token", form, proof, "")
	})
}

// BenchmarkDPoPAPI is a request to an API in the process of the server, with a bound and a bearer token.
func BenchmarkDPoPAPI(b *testing.B) {
	server := benchServer(b)
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: server, Audience: benchAPI, DPoP: &resource.DPoPConfig{URL: benchAPI}})
	require.NoError(b, err)
	form := values("grant_type", "client_credentials", "client_id", machine, "client_secret", secretOf(machine))
	tokens := map[*dpoptest.Key]string{}
	token := func(key *dpoptest.Key) string {
		if tokens[key] == "" {
			proof := ""
			if key != nil {
				proof = key.Proof(http.MethodPost, benchIssuer+"/token")
			}
			w := httptest.NewRecorder()
			server.ServeHTTP(w, benchedRequest(http.MethodPost, benchIssuer+"/token", form, proof, ""))
			tokens[key] = readAnswer(w.Result()).str("access_token")
		}
		return tokens[key]
	}
	handler := guard.Require("stats")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	benchDPoP(b, handler, func(key *dpoptest.Key) *http.Request {
		text := token(key)
		if key == nil {
			return benchedRequest(http.MethodGet, benchAPI+"/stats", nil, "", "Bearer "+text)
		}
		return benchedRequest(http.MethodGet, benchAPI+"/stats", nil, key.Proof(http.MethodGet, benchAPI+"/stats", dpoptest.For(text)), "DPoP "+text)
	})
}
