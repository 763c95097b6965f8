package routers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	os.Exit(m.Run())
}

func TestServerAndAPIAnswerOnEitherRouter(t *testing.T) {
	t.Parallel()
	for name, mount := range map[string]func(*oauth2.Server, *resource.Guard, http.HandlerFunc) http.Handler{"chi": Chi, "gin": Gin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var router http.Handler
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { router.ServeHTTP(w, r) }))
			defer web.Close()
			clients, err := memory.NewClients(&oauth2.Client{
				ID: "reader", Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret("reader-secret")}},
				GrantTypes: []string{oauth2.GrantClientCredentials}, Scope: oauth2.Scope{"notes.read"},
			})
			require.NoError(t, err)
			server, err := oauth2.New(oauth2.ServerConfig{
				Issuer: web.URL, Clients: clients, Tokens: memory.New(),
				Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
					return nil, oauth2.ErrAccessDenied
				},
				Resources: []oauth2.Resource{{URI: web.URL + "/api"}},
			})
			require.NoError(t, err)
			guard, err := resource.NewGuard(resource.GuardConfig{Checker: server, Audience: web.URL + "/api"})
			require.NoError(t, err)
			router = mount(server, guard, func(w http.ResponseWriter, r *http.Request) {
				info, _ := resource.FromContext(r.Context())
				fmt.Fprint(w, info.ClientID)
			})

			client := clientcredentials.Config{ClientID: "reader", ClientSecret: "reader-secret", TokenURL: web.URL + "/token"}
			res, err := client.Client(context.Background()).Get(web.URL + "/api/notes")
			require.NoError(t, err)
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, "reader", string(body))

			for path, status := range map[string]int{"/.well-known/oauth-authorization-server": 200, "/authorize": 400, "/token": 405, "/introspect": 405, "/revoke": 405, "/api/notes": 401} {
				res, err := http.Get(web.URL + path)
				require.NoError(t, err)
				res.Body.Close()
				require.Equal(t, status, res.StatusCode, path)
			}
		})
	}
}
