package oauth2

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"
)

// An EventType names something that happened and matters to an operator or an auditor.
type EventType string

// The events. Each carries what is known: a refusal before client authentication has no client.
const (
	// EventCodeIssued: the resource owner approved, and a code was issued.
	EventCodeIssued EventType = "code_issued"
	// EventCodeSentAgain: the page was answered twice, as by a double click, and the code that waits was
	// sent once more.
	EventCodeSentAgain EventType = "code_sent_again"
	// EventTokenSentAgain: the same of a response type that issues access tokens: the page was answered
	// twice, and the access token was sent once more.
	EventTokenSentAgain EventType = "token_sent_again"
	// EventApproved: the resource owner approved, and the response type issues neither a code nor an
	// access token.
	EventApproved EventType = "approved"
	// EventAuthorizationRefused: the resource owner, a check or the application said no.
	EventAuthorizationRefused EventType = "authorization_refused"
	// EventRequestPushed: a client pushed an authorization request, which waits for its resource owner.
	EventRequestPushed EventType = "request_pushed"
	// EventPushRefused: the pushed authorization request endpoint refused a request.
	EventPushRefused EventType = "push_refused"
	// EventDeviceStarted: a device asked for authorization, and waits for its resource owner.
	EventDeviceStarted EventType = "device_started"
	// EventDeviceRefused: the device authorization endpoint refused a request.
	EventDeviceRefused EventType = "device_refused"
	// EventDeviceApproved and EventDeviceDenied: the resource owner answered what a device asked for. That
	// the device fetched its tokens is EventTokenIssued, with the device code's GrantType.
	EventDeviceApproved EventType = "device_approved"
	EventDeviceDenied   EventType = "device_denied"
	// EventTokenIssued: a grant other than refresh_token led to tokens.
	EventTokenIssued EventType = "token_issued"
	// EventIdentityAsserted: a client got an ID-JAG, with which Audience, another authorization server, gives
	// it access for the subject.
	EventIdentityAsserted EventType = "identity_asserted"
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
	// EventIntrospectionRefused: the introspection endpoint refused a request. That a token is not
	// active is an answer and no refusal.
	EventIntrospectionRefused EventType = "introspection_refused"
	// EventRevocationRefused: the revocation endpoint refused a request.
	EventRevocationRefused EventType = "revocation_refused"
	// EventClientAuthenticationFailed: a client did not prove who it is.
	EventClientAuthenticationFailed EventType = "client_authentication_failed"
	// EventAttemptLimited: a client, or a user with a password or with a device's code, failed more often than is forgiven, or
	// found no room to be looked at. Err is the answer.
	EventAttemptLimited EventType = "attempt_limited"
	// EventTokenRevoked: one access token was ended.
	EventTokenRevoked EventType = "token_revoked"
	// EventAuthorizationRevoked: an authorization was ended, and all that was issued from it.
	EventAuthorizationRevoked EventType = "authorization_revoked"
	// EventClientCreated, EventClientChanged and EventClientDeleted: a registered client changed. They
	// are told by who keeps the clients, for instance by the Registry of package audit; and by the Server,
	// with By, where a client did it itself (RFC 7591, RFC 7592).
	EventClientCreated EventType = "client_created"
	EventClientChanged EventType = "client_changed"
	EventClientDeleted EventType = "client_deleted"
	// EventClientMetadataFetched: the document that a client_id is the URL of was fetched for the first time,
	// or says something else than before, see [ClientIDMetadata]. EventClientMetadataRefused: there is none
	// that can be used; ClientID is the URL.
	EventClientMetadataFetched EventType = "client_metadata_fetched"
	EventClientMetadataRefused EventType = "client_metadata_refused"
	// EventRegistrationRefused: the client registration endpoint refused a request.
	EventRegistrationRefused EventType = "registration_refused"
	// EventFault: a store or a hook failed. Where it did because the sender of the request had gone away, the
	// event is the endpoint's refusal, with an Err that wraps context.Canceled.
	EventFault EventType = "fault"
)

// An Initiator is who ended a token or an authorization, or changed a registration.
type Initiator string

// The initiators.
const (
	// ByClient: the client, at the revocation endpoint or at the registration endpoint.
	ByClient Initiator = "client"
	// ByApplication: the application, by one of the Server's Expire methods.
	ByApplication Initiator = "application"
)

// An Event tells what happened. It holds no secret, code or token.
type Event struct {
	Type   EventType
	Time   time.Time
	Issuer string
	// ClientID is the client, as claimed where its authentication failed. It is empty where no such
	// client exists, except in EventClientMetadataRefused.
	ClientID string
	Subject  string
	// AuthorizationID names the record; access logs of resource servers can be joined on it. In a
	// refusal it is the record of the code or token that was presented, whose Subject is told then too.
	AuthorizationID string
	GrantType       string
	Scope           Scope
	// DetailsTypes are the types of the authorization details that were granted, each once, in alphabetical
	// order. What they hold is not told: an account or a name may be in it (RFC 9396 section 13).
	DetailsTypes []string
	// Actor acts for the subject of what was issued, where that was delegated. nil: nobody does.
	Actor *Actor
	// Audience is another authorization server, in EventIdentityAsserted alone.
	Audience string
	// Addr is the network address that an attempt came from: in EventClientAuthenticationFailed and
	// EventAttemptLimited, in EventClientMetadataRefused, and where a client has registered itself.
	Addr netip.Addr
	// By is who ended a token or an authorization, or who changed a registration. It is empty in every
	// other event.
	By Initiator
	// Changed are the members of the client that differ, in RFC 7591's names, in EventClientChanged and
	// EventClientMetadataFetched.
	Changed []string
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

// failed is the event of a request that err ended: a refusal, or a fault of the server's side. A store that
// stopped because the sender has gone away, which ends the request's context, is not at fault.
func failed(ctx context.Context, refused EventType, err error) Event {
	if asError(err).status() >= http.StatusInternalServerError && !senderLeft(ctx, err) {
		return Event{Type: EventFault, Err: err}
	}
	return Event{Type: refused, Err: err}
}

// senderLeft reports whether err says that the request was given up, and not that its time was up.
func senderLeft(ctx context.Context, err error) bool {
	return errors.Is(ctx.Err(), context.Canceled) && errors.Is(err, context.Canceled)
}

// eventOf is an event about a record.
func eventOf(t EventType, a *Authorization) Event {
	return Event{
		Type: t, ClientID: a.ClientID, Subject: a.Subject, AuthorizationID: a.ID, GrantType: a.GrantType, Scope: a.Scope, Actor: a.Actor,
		DetailsTypes: detailsTypesOf(a.Details),
	}
}

// ended is an event about what was ended, and by whom.
func ended(t EventType, a *Authorization, by Initiator) Event {
	e := eventOf(t, a)
	e.By = by
	return e
}

// initiator is the client that ends a token of its own, or the application where there is none.
func initiator(client *Client) Initiator {
	if client == nil {
		return ByApplication
	}
	return ByClient
}
