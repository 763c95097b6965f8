package oauth2

import (
	"context"
	"time"
)

// An EventType names something that happened and matters to an operator or an auditor.
type EventType string

// The events. Each carries what is known: a refusal before client authentication has no client.
const (
	// EventCodeIssued: the resource owner approved, and a code was issued.
	EventCodeIssued EventType = "code_issued"
	// EventAuthorizationRefused: the resource owner, a check or the application said no.
	EventAuthorizationRefused EventType = "authorization_refused"
	// EventTokenIssued: a grant other than refresh_token led to tokens.
	EventTokenIssued EventType = "token_issued"
	// EventTokenRefreshed: a refresh token was exchanged and replaced.
	EventTokenRefreshed EventType = "token_refreshed"
	// EventTokenAdopted: a refresh token of the server before this one was taken over, which happens to
	// each once.
	EventTokenAdopted EventType = "token_adopted"
	// EventRefreshRetried: a predecessor was presented within the grace, and forgiven.
	EventRefreshRetried EventType = "refresh_retried"
	// EventCodeReplayed: a spent code was presented by its own client; the authorization is deleted.
	EventCodeReplayed EventType = "code_replayed"
	// EventRefreshTokenReused: a replaced refresh token was presented; the authorization is deleted.
	EventRefreshTokenReused EventType = "refresh_token_reused"
	// EventTokenRefused: the token endpoint refused a request.
	EventTokenRefused EventType = "token_refused"
	// EventClientAuthenticationFailed: a client did not prove who it is.
	EventClientAuthenticationFailed EventType = "client_authentication_failed"
	// EventTokenRevoked: one access token was ended.
	EventTokenRevoked EventType = "token_revoked"
	// EventAuthorizationRevoked: an authorization was ended, and all that was issued from it.
	EventAuthorizationRevoked EventType = "authorization_revoked"
	// EventFault: a store or a hook failed.
	EventFault EventType = "fault"
)

// An Event tells what happened. It holds no secret, code or token.
type Event struct {
	Type   EventType
	Time   time.Time
	Issuer string
	// ClientID is the client, as claimed where its authentication failed. It is empty where no such
	// client exists.
	ClientID string
	Subject  string
	// AuthorizationID names the record; access logs of resource servers can be joined on it.
	AuthorizationID string
	GrantType       string
	Scope           Scope
	// Err is the refusal or the fault, nil otherwise.
	Err error
}

func (s *Server) emit(ctx context.Context, e Event) {
	if s.cfg.OnEvent == nil {
		return
	}
	e.Time, e.Issuer = s.now(), s.cfg.Issuer
	s.cfg.OnEvent(ctx, e)
}

// eventOf is an event about a record.
func eventOf(t EventType, a *Authorization) Event {
	return Event{Type: t, ClientID: a.ClientID, Subject: a.Subject, AuthorizationID: a.ID, GrantType: a.GrantType, Scope: a.Scope}
}
