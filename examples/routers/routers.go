// Package routers mounts the authorization server and a protected API on chi and on gin, as the
// guide docs/embedding.md shows it. It is a module of its own, so that the library does not depend on
// either.
package routers

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

// Chi mounts server and a protected API on a chi router.
func Chi(server *oauth2.Server, guard *resource.Guard, notes http.HandlerFunc) http.Handler {
	r := chi.NewRouter()
	for _, path := range server.Paths() {
		r.Handle(path, server)
	}
	r.With(guard.Require("notes.read")).Get("/api/notes", notes)
	return r
}

// Gin mounts server and a protected API on a gin engine.
func Gin(server *oauth2.Server, guard *resource.Guard, notes http.HandlerFunc) http.Handler {
	r := gin.New()
	for _, path := range server.Paths() {
		r.Any(path, gin.WrapH(server))
	}
	r.GET("/api/notes", gin.WrapH(guard.Require("notes.read")(notes)))
	return r
}
