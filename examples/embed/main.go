// Program embed is a small web application, a notebook, that had its users, sessions and router
// before it became an authorization server. What was added stands in oauth.go, in the lines of this
// file that are marked, and in the login of notebook.go.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"

	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
)

func main() { launch.Main("embed", run) }

func run(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("embed", flag.ContinueOnError)
	addr := fs.String("addr", "localhost:8650", "the address to listen on")
	if err := launch.Parse(fs, args); err != nil {
		return err
	}
	ln, err := launch.Listen(*addr)
	if err != nil {
		return err
	}
	base := launch.URL("http", *addr)
	handler, err := routes(base)
	if err != nil {
		return err
	}
	fmt.Printf("A notebook at %s, for alice (wonderland) and bob (builder).\n", base)
	return launch.Serve(ctx, ln, handler, launch.TLS{})
}

// routes is the application's router.
func routes(baseURL string) (http.Handler, error) {
	app := newNotebook()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", app.home)
	mux.HandleFunc("POST /{$}", app.write)
	mux.HandleFunc("GET /login", app.loginPage)
	mux.HandleFunc("POST /login", app.login)
	mux.HandleFunc("POST /logout", app.logout)
	protection := http.NewCrossOriginProtection()
	// added: the authorization server, and an API for other applications
	if err := app.serveOAuth(mux, protection, baseURL); err != nil {
		return nil, err
	}
	// added: end
	return protection.Handler(mux), nil
}
