package authserver

import (
	"net/url"

	"github.com/seed5f5fedc6/oauth2"
)

// serveDocuments takes clients that nobody registered, on a loopback issuer: their client_id is the URL of a
// document that describes them, which may be on this machine too. Elsewhere it leaves that off.
func (a *App) serveDocuments(o *Options, cfg *oauth2.ServerConfig) {
	if !loopbackIssuer(o.Issuer) {
		return
	}
	cfg.Clients = oauth2.NewClientIDMetadata(cfg.Clients, oauth2.ClientIDMetadataConfig{
		Scope:                     oauth2.Scope{registeredScope},
		AuthorizationDetailsTypes: detailsTypes(cfg),
		AllowLoopback:             true,
		OnEvent:                   cfg.OnEvent,
		Now:                       o.Now,
	})
}

// onThisComputer reports whether an answer goes to a program on the user's own computer, of which nobody can
// tell which one it is.
func onThisComputer(redirectURI string) bool {
	u, err := url.Parse(redirectURI)
	return err == nil && u.Scheme == "http" && loopbackIssuer(redirectURI)
}
