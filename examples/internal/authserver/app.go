package authserver

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/audit"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

const (
	// maxBodyBytes is what a form of this site may weigh.
	maxBodyBytes = 64 << 10
	// authorizationPath is where clients send the user's browser.
	authorizationPath = "/request-access"
	// pushedAuthorizationPath is where they leave their requests first, if they like.
	pushedAuthorizationPath = "/par"
	// The sweeper drops expired records in batches that hold nobody up.
	sweepEvery = 3 * time.Minute
	sweepBatch = 200
)

// An App is Xmail's authorization server, ready to be served. It keeps nothing in the process but the
// library's count of failures, and what Options.Store says. It is safe for concurrent use.
type App struct {
	log      *slog.Logger
	server   *oauth2.Server
	clients  *memory.Clients
	users    users
	sessions *sessions
	stores   *stores
	audit    *audit.Log // nil: there is none
	findings []oauth2.Finding
	builtins bool

	base        string // the path of the issuer, without a slash at its end
	loginCookie string
	returnPaths []string
	routes      map[string]map[string]http.HandlerFunc
	crossOrigin *http.CrossOriginProtection

	stop  context.CancelFunc
	swept sync.WaitGroup
}

// New opens the stores and builds the server. An error is a wrong option, a file that cannot be read,
// or a store that cannot be opened; nothing is left open then. Who is done with the App calls Close.
func New(ctx context.Context, options Options) (_ *App, err error) {
	o := options.withDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("authserver: %w", err)
	}
	a := &App{log: o.Log, builtins: o.Users == nil && o.UsersFile == ""}
	clients, err := a.register(&o)
	if err != nil {
		return nil, fmt.Errorf("authserver: %w", err)
	}
	if a.stores, err = openStores(ctx, &o); err != nil {
		return nil, fmt.Errorf("authserver: %w", err)
	}
	if err := a.openAudit(&o); err != nil {
		return nil, errors.Join(fmt.Errorf("authserver: %w", err), a.stores.close())
	}
	if err := a.build(&o, clients); err != nil {
		return nil, errors.Join(fmt.Errorf("authserver: %w", err), a.closeAudit(), a.stores.close())
	}
	ctx, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	a.swept.Go(func() { a.sweep(ctx) })
	return a, nil
}

// register loads the clients and the users.
func (a *App) register(o *Options) ([]*oauth2.Client, error) {
	clients, err := o.loadClients()
	if err != nil {
		return nil, err
	}
	if a.clients, err = memory.NewClients(clients...); err != nil {
		return nil, err
	}
	passwords, err := o.loadUsers()
	if err != nil {
		return nil, err
	}
	a.users, err = newUsers(passwords)
	return clients, err
}

// build makes the library's server and this site around it.
func (a *App) build(o *Options, clients []*oauth2.Client) (err error) {
	// Who has no -cookie-key has the two keys in one database: good enough for an example.
	sealingKey, err := hkdf.Key(sha256.New, a.stores.cookieKey, nil, "signing keys of Xmail", 32)
	if err != nil {
		return err
	}
	mutualTLS, err := o.mutualTLS()
	if err != nil {
		return err
	}
	cfg := oauth2.ServerConfig{
		Issuer:          o.Issuer,
		Clients:         a.clients,
		Tokens:          a.stores.tokens,
		Consent:         a.consent,
		ErrorPage:       a.errorPage,
		Endpoints:       oauth2.Endpoints{Authorization: authorizationPath, PushedAuthorization: pushedAuthorizationPath},
		Resources:       []oauth2.Resource{{URI: o.Resource, Format: o.format()}},
		Keys:            &oauth2.SigningKeys{SealingKeys: [][]byte{sealingKey}},
		Scopes:          scopesOf(clients),
		ACRValues:       []string{acrPassword},
		DPoP:            &oauth2.DPoPConfig{},
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
	https := issuer.Scheme == "https"
	a.sessions = newSessions(a.stores.sessions, a.stores.cookieKey, https, o.Now)
	a.loginCookie = "xmail_login"
	if https {
		a.loginCookie = hostPrefix + a.loginCookie
	}
	a.returnPaths = []string{a.base + "/", a.base + appsPath, a.base + authorizationPath}
	a.route()
	return nil
}

// Issuer returns the issuer identifier, which is the URL to open.
func (a *App) Issuer() string { return a.server.Issuer() }

// StorePath returns the SQLite file that the App keeps everything in, or "" for memory.
func (a *App) StorePath() string { return a.stores.path }

// Banner tells, in a few lines, where the server is, what it keeps where, and who can log in. It
// names passwords only if they are those that everyone can read in the source.
func (a *App) Banner() string {
	store := a.StorePath()
	if store == "" {
		store = "memory"
	}
	text := fmt.Sprintf("issuer  %s\nstore   %s\n", a.Issuer(), store)
	if a.builtins {
		text += "users   alice/wonderland, bob/builder\n"
	}
	return text
}

// Close stops the sweeper and closes the stores. Requests must have ended.
func (a *App) Close() error {
	a.stop()
	a.swept.Wait()
	return errors.Join(a.closeAudit(), a.stores.close())
}

// sweep drops what has expired, until ctx is done.
func (a *App) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := a.stores.sweep(ctx, a.now()); err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "sweep", "error", err)
		}
	}
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
