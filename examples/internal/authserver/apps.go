package authserver

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/logins"
)

// appsPath is the page of connected apps.
const appsPath = "/connected-apps"

// listBatch is how many authorizations are read at a time.
const listBatch = 100

// A connectedApp is a client that has access to a user's account.
type connectedApp struct {
	ClientID, Name string
	Scope          oauth2.Scope
	Since          time.Time
}

// An appData is a connectedApp in words.
type appData struct{ ClientID, Name, Scopes, Since string }

func (a *App) home(w http.ResponseWriter, r *http.Request) {
	l, err := a.current(w, r)
	if err != nil {
		a.unavailable(w, r, err)
		return
	}
	a.render(w, r, http.StatusOK, "home", l, nil)
}

// connectedApps shows which clients have access, and lets the user withdraw it.
func (a *App) connectedApps(w http.ResponseWriter, r *http.Request) {
	l, err := a.current(w, r)
	switch {
	case err != nil:
		a.unavailable(w, r, err)
		return
	case l == nil:
		seeOther(w, a.loginURL(a.base+appsPath))
		return
	}
	apps, err := a.appsOf(r.Context(), l.Subject)
	if err != nil {
		a.unavailable(w, r, err)
		return
	}
	words := langOf(r)
	data := make([]appData, 0, len(apps))
	for _, app := range apps {
		data = append(data, appData{app.ClientID, app.Name, words.list(words.scopes(app.Scope)), words.date(app.Since)})
	}
	a.render(w, r, http.StatusOK, "apps", l, data)
}

// withdraw ends everything that the user gave to one client.
func (a *App) withdraw(w http.ResponseWriter, r *http.Request, l *logins.Login) {
	clientID := r.PostFormValue("client_id")
	if clientID == "" {
		a.renderError(w, r, http.StatusBadRequest, "error.request")
		return
	}
	// The subject is that of the session, so no form can name another's authorization.
	query := oauth2.ListQuery{Subject: l.Subject, ClientID: clientID}
	err := a.each(r.Context(), query, func(record *oauth2.Authorization) error {
		return a.server.ExpireAuthorization(r.Context(), record.ID)
	})
	if err != nil {
		a.unavailable(w, r, err)
		return
	}
	a.log.InfoContext(r.Context(), "access withdrawn", "subject", l.Subject, "client_id", clientID)
	seeOther(w, a.base+appsPath)
}

// appsOf lists the clients that have access to a user's account, by name.
func (a *App) appsOf(ctx context.Context, subject string) ([]*connectedApp, error) {
	byClient := map[string]*connectedApp{}
	now := a.now()
	err := a.each(ctx, oauth2.ListQuery{Subject: subject}, func(record *oauth2.Authorization) error {
		if !record.Live(now) {
			return nil
		}
		app, ok := byClient[record.ClientID]
		if !ok {
			name, err := a.nameOf(ctx, record.ClientID)
			if err != nil {
				return err
			}
			app = &connectedApp{ClientID: record.ClientID, Name: name, Since: record.CreatedAt}
			byClient[record.ClientID] = app
		}
		if record.CreatedAt.Before(app.Since) {
			app.Since = record.CreatedAt
		}
		for _, token := range record.Scope {
			if !app.Scope.Has(token) {
				app.Scope = append(app.Scope, token)
			}
		}
		return nil
	})
	apps := make([]*connectedApp, 0, len(byClient))
	for _, app := range byClient {
		slices.Sort(app.Scope)
		apps = append(apps, app)
	}
	slices.SortFunc(apps, func(x, y *connectedApp) int { return strings.Compare(x.Name+x.ClientID, y.Name+y.ClientID) })
	return apps, err
}

// nameOf is the name of a client, which may be registered no more.
func (a *App) nameOf(ctx context.Context, clientID string) (string, error) {
	client, err := a.clients.Client(ctx, clientID)
	switch {
	case errors.Is(err, oauth2.ErrNotFound):
		return clientID, nil
	case err != nil:
		return "", err
	}
	return clientName(client), nil
}

// each calls do for every authorization that the query selects, until do fails.
func (a *App) each(ctx context.Context, query oauth2.ListQuery, do func(*oauth2.Authorization) error) error {
	for query.Limit = listBatch; ; {
		batch, err := a.server.Authorizations(ctx, query)
		if err != nil || len(batch) == 0 {
			return err
		}
		for _, record := range batch {
			if err := do(record); err != nil {
				return err
			}
		}
		query.After = batch[len(batch)-1].ID
	}
}
