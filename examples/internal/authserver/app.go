package authserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/audit"
	"github.com/seed5f5fedc6/oauth2/examples/internal/logins"
	"github.com/seed5f5fedc6/oauth2/examples/internal/stores"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

const (
	// maxBodyBytes is what a form of this site may weigh.
	maxBodyBytes = 64 << 10
	// authorizationPath is where clients send the user's browser.
	authorizationPath = "/request-access"
	// pushedAuthorizationPath is where they leave their requests first, if they like.
	pushedAuthorizationPath = "/par"
	// devicePath is where users enter what a device shows.
	devicePath = "/device"
)

// An App is Xmail's authorization server, ready to be served. It keeps nothing in the process but the
// library's count of failures, and what Options.Store says. It is safe for concurrent use.
type App struct {
	log      *slog.Logger
	server   *oauth2.Server
	fixed    *memory.Clients // of the file, or built in
	clients  oauth2.ClientStore
	users    users
	sessions *logins.Sessions
	stores   *stores.Stores
	audit    *audit.Log // nil: there is none
	findings []oauth2.Finding
	builtins bool
	warnings []string // of what the options turn on

	base        string // the path of the issuer, without a slash at its end
	https       bool
	clock       func() time.Time
	cookieKey   []byte
	loginCookie string
	returnPaths []string
	routes      map[string]map[string]http.HandlerFunc
	crossOrigin *http.CrossOriginProtection
}

// New opens the stores and builds the server. An error is a wrong option, a file that cannot be read,
// or a store that cannot be opened; nothing is left open then. Who is done with the App calls Close.
func New(ctx context.Context, options Options) (_ *App, err error) {
	o := options.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	a := &App{log: o.Log, builtins: o.Users == nil && o.UsersFile == ""}
	clients, err := a.register(&o)
	if err != nil {
		return nil, err
	}
	if a.stores, err = stores.Open(ctx, o.Store, "authserver"); err != nil {
		return nil, err
	}
	if err := a.beginSessions(ctx, &o); err != nil {
		return nil, errors.Join(err, a.stores.Close())
	}
	a.clients = clientStore{a.fixed, a.stores.Clients}
	if err := a.openAudit(&o); err != nil {
		return nil, errors.Join(err, a.stores.Close())
	}
	if err := a.build(&o, clients); err != nil {
		return nil, errors.Join(err, a.closeAudit(), a.stores.Close())
	}
	a.stores.StartSweeping(a.clock, func(err error) { a.log.Error("sweep", "error", err) })
	return a, nil
}

// register loads the clients and the users.
func (a *App) register(o *Options) ([]*oauth2.Client, error) {
	clients, err := o.loadClients()
	if err != nil {
		return nil, err
	}
	if a.fixed, err = memory.NewClients(clients...); err != nil {
		return nil, err
	}
	passwords, err := o.loadUsers()
	if err != nil {
		return nil, err
	}
	a.users, err = newUsers(passwords)
	return clients, err
}

// beginSessions finds or makes the key that signs session cookies.
func (a *App) beginSessions(ctx context.Context, o *Options) (err error) {
	a.clock, a.https = o.Now, strings.HasPrefix(o.Issuer, "https:")
	store := logins.NewStore(a.stores.Tokens, o.Issuer, o.Now)
	if o.CookieKey != "" {
		a.cookieKey, err = logins.ParseKey(o.CookieKey)
	} else if a.cookieKey, err = store.CookieKey(ctx); err != nil {
		err = fmt.Errorf("-store: the cookie key: %w", err)
	}
	a.sessions = logins.New(logins.Config{Store: store, Key: a.cookieKey, Cookie: "xmail_session", HTTPS: a.https, Now: o.Now})
	a.loginCookie = logins.CookieName("xmail_login", a.https)
	return err
}

// build makes the library's server and this site around it.
func (a *App) build(o *Options, clients []*oauth2.Client) (err error) {
	sealingKeys, err := o.sealingKeys(a.cookieKey)
	if err != nil {
		return err
	}
	dpop, err := o.dpop(a.cookieKey)
	if err != nil {
		return err
	}
	mutualTLS, err := o.mutualTLS()
	if err != nil {
		return err
	}
	grants, err := a.grants(o, clients)
	if err != nil {
		return err
	}
	cfg := oauth2.ServerConfig{
		Issuer:          o.Issuer,
		Clients:         a.clients,
		Tokens:          a.stores.Tokens,
		Grants:          grants,
		Consent:         a.consent,
		ErrorPage:       a.errorPage,
		Endpoints:       oauth2.Endpoints{Authorization: authorizationPath, PushedAuthorization: pushedAuthorizationPath, Device: devicePath},
		Resources:       []oauth2.Resource{{URI: o.Resource, Format: o.format()}},
		Keys:            &oauth2.SigningKeys{SealingKeys: sealingKeys},
		Scopes:          scopesOf(clients),
		ACRValues:       []string{acrPassword},
		DPoP:            dpop,
		AuthMethods:     o.authMethods(),
		MutualTLS:       mutualTLS,
		RequestObjects:  true,
		SignedResponses: true,
		CodeLifetime:    o.CodeLifetime,
		AccessLifetime:  o.AccessLifetime,
		RefreshLifetime: o.RefreshLifetime,
		RefreshGrace:    o.Grace,
		TrustedProxies:  o.TrustedProxies,
		SubjectActive:   func(_ context.Context, subject string) (bool, error) { return a.users.exists(subject), nil },
		OnEvent:         a.tell,
		Now:             o.Now,
	}
	if loopbackIssuer(o.Issuer) {
		cfg.AuthorizationDetails = []oauth2.AuthorizationDetailsType{contactsExports}
	}
	o.serveRegistration(&cfg)
	a.serveDocuments(o, &cfg)
	if err := a.serveLegacy(o, &cfg); err != nil {
		return err
	}
	if a.server, err = oauth2.New(cfg); err != nil {
		return err
	}
	a.findings = append(oauth2.Lint(oauth2.ProfileOAuth21, cfg, clients...), oauth2.Lint(oauth2.ProfileFAPI2, cfg, clients...)...)
	issuer, err := url.Parse(o.Issuer)
	if err != nil {
		return err
	}
	a.base = strings.TrimSuffix(issuer.Path, "/")
	a.crossOrigin = http.NewCrossOriginProtection()
	if err := a.crossOrigin.AddTrustedOrigin(issuer.Scheme + "://" + issuer.Host); err != nil {
		return err
	}
	a.returnPaths = []string{a.base + "/", a.base + appsPath, a.base + authorizationPath, a.base + devicePath}
	a.route()
	return nil
}

// Issuer returns the issuer identifier, which is the URL to open.
func (a *App) Issuer() string { return a.server.Issuer() }

// StorePath returns the SQLite file that the App keeps everything in, or "" where that is another store.
func (a *App) StorePath() string { return a.stores.Path }

// Banner tells, in a few lines, where the server is, what it keeps where, and who can log in. It
// names passwords only if they are those that everyone can read in the source.
func (a *App) Banner() string {
	text := fmt.Sprintf("issuer  %s\nstore   %s\n", a.Issuer(), a.stores.Name)
	if a.builtins {
		text += "users   alice/wonderland, bob/builder\n"
	}
	for _, warning := range a.warnings {
		text += "warning " + warning + "\n"
	}
	return text
}

// Close stops the sweeper and closes the stores. Requests must have ended.
func (a *App) Close() error {
	return errors.Join(a.closeAudit(), a.stores.Close())
}

// logEvent writes what the library tells. Events have no secret in them.
func (a *App) logEvent(ctx context.Context, e oauth2.Event) {
	level := slog.LevelInfo
	switch e.Type {
	case oauth2.EventCodeReplayed, oauth2.EventRefreshTokenReused, oauth2.EventClientAuthenticationFailed, oauth2.EventAttemptLimited:
		level = slog.LevelWarn
	case oauth2.EventFault:
		level = slog.LevelError
	}
	fields := []slog.Attr{slog.String("client_id", e.ClientID), slog.String("subject", e.Subject), slog.String("authorization", e.AuthorizationID)}
	if e.GrantType != "" {
		fields = append(fields, slog.String("grant_type", e.GrantType))
	}
	if e.Err != nil {
		fields = append(fields, slog.Any("error", e.Err))
	}
	a.log.LogAttrs(ctx, level, string(e.Type), fields...)
}
