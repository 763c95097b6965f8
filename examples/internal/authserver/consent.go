package authserver

import (
	"net/http"
	"net/url"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/logins"
)

// proofField is the hidden field that proves who was shown a page.
const proofField = "proof"

// A consentData is what the consent page shows.
type consentData struct {
	Client          string
	Host, UserCode  string // where the answer goes, or the code that a device shows
	Unknown         bool   // nobody at Xmail knows the client: it registered itself
	Document        string // whose description the client comes with, if it comes with one
	Local           bool   // a program on this computer gets the answer, of a client that nobody knows
	Object          string // what access is asked for, in one phrase
	Scopes          []string
	FormToken, Seen string
	Other           string // where to log in as someone else
}

// consent is [oauth2.ServerConfig].Consent: it sees to a login, asks every time, and takes an answer
// only from the user who was asked.
func (a *App) consent(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
	l, err := a.current(w, r)
	if err != nil {
		return nil, oauth2.ErrTemporarilyUnavailable.Because(err)
	}
	target := requestTarget(r)
	silent := req.HasPrompt("none")
	switch {
	case silent && (l == nil || a.mustLogIn(l, req, target)):
		return nil, oauth2.ErrLoginRequired
	case silent:
		return nil, oauth2.ErrConsentRequired
	case l == nil || a.mustLogIn(l, req, target):
		seeOther(w, a.loginURL(target))
		return nil, oauth2.ErrAnswered
	}
	decision := r.PostFormValue("decision")
	if !req.Answered || !a.shownTo(l, r) || decision != "yes" && decision != "no" {
		if err := a.askConsent(w, r, l, req); err != nil {
			return nil, err
		}
		return nil, oauth2.ErrAnswered
	}
	if err := l.Spend(target); err != nil {
		return nil, oauth2.ErrTemporarilyUnavailable.Because(err)
	}
	if decision == "no" {
		return nil, oauth2.ErrAccessDenied.With("The resource owner said no.")
	}
	return &oauth2.Approval{Subject: l.Subject, AuthTime: l.AuthTime, ACR: acrPassword}, nil
}

// acrPassword is the one way in which users log in here, as APIs may ask for it (RFC 9470).
const acrPassword = "password"

// mustLogIn reports whether the request wants a younger login than there is (OpenID Connect Core
// section 3.1.2.1). A login made for this very request is always young enough.
func (a *App) mustLogIn(l *logins.Login, req *oauth2.AuthorizationRequest, target string) bool {
	now := a.now()
	tooOld := req.MaxAge != nil && now.Sub(l.AuthTime) > *req.MaxAge
	wanted := req.HasPrompt("login") || req.HasPrompt("select_account")
	return (tooOld || wanted) && !l.FreshFor(target, now)
}

// shownTo reports whether the page that was answered was shown to the user who is logged in. The
// library's form token proves the browser; the browser may have changed hands since.
func (a *App) shownTo(l *logins.Login, r *http.Request) bool {
	return proven(r.PostFormValue(proofField), l.Key, proofConsent, r.PostFormValue(oauth2.FormTokenField))
}

func (a *App) askConsent(w http.ResponseWriter, r *http.Request, l *logins.Login, req *oauth2.AuthorizationRequest) error {
	words := langOf(r).scopes(req.Scope)
	details, err := langOf(r).details(req.Details)
	if err != nil {
		return oauth2.ErrServerError.Because(err)
	}
	words = append(words, details...)
	a.render(w, r, http.StatusOK, "consent", l, consentData{
		Client:    clientName(req.Client),
		Host:      redirectHost(req.RedirectURI),
		UserCode:  req.UserCode,
		Unknown:   req.Client.Dynamic,
		Document:  req.Client.DocumentHost(),
		Local:     req.Client.Dynamic && onThisComputer(req.RedirectURI),
		Object:    langOf(r).list(words),
		Scopes:    words,
		FormToken: req.FormToken,
		Seen:      prove(l.Key, proofConsent, req.FormToken),
		Other:     a.loginURL(requestTarget(r)),
	})
	return nil
}

func clientName(c *oauth2.Client) string {
	if c.Name == "" {
		return c.ID
	}
	return c.Name
}

// redirectHost names the receiver of the answer: a host, or the private-use scheme of an app on the
// user's own device (RFC 8252 section 7.1).
func redirectHost(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return uri
	case u.Host == "":
		return u.Scheme + ":"
	}
	return u.Host
}

// current is the login of this browser, nil if there is none. A user who is no longer registered is
// not logged in.
func (a *App) current(w http.ResponseWriter, r *http.Request) (*logins.Login, error) {
	l, err := a.sessions.Current(w, r)
	if l == nil || !a.users.exists(l.Subject) {
		return nil, err
	}
	return l, nil
}

func (a *App) now() time.Time { return a.clock() }
