// Command floor is a bare net/http server that answers like an authorization server and checks nothing.
package main

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/seed5f5fedc6/oauth2/bench/internal/app"
)

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		query := url.Values{"code": {rand.Text()}, "state": {r.FormValue("state")}}
		w.Header().Set("Location", app.RedirectURI+"?"+query.Encode())
		w.WriteHeader(http.StatusSeeOther)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		app.Must(r.ParseForm())
		w.Header().Set("Content-Type", "application/json")
		app.Must(json.NewEncoder(w).Encode(map[string]any{
			"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 3600, "refresh_token": rand.Text(),
		}))
	})
	app.Serve(mux)
}
