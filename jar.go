package oauth2

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// requestObjectKind names a request object that was used, by its jti.
	requestObjectKind = "request_object"
	typRequestObject  = "oauth-authz-req+jwt" // RFC 9101 section 10.8
	// requestObjectLifetime is how far ahead exp may lie: so long is an object that somebody saw of use
	// to him.
	requestObjectLifetime = time.Hour
)

// requestObjectMediaTypes are those of a request object that is fetched (RFC 9101 section 5.2.3, RFC
// 7519 section 10.3.1).
var requestObjectMediaTypes = []string{"application/" + typRequestObject, "application/jwt"}

var (
	errObjectAndURI    = ErrInvalidRequest.With("request and request_uri exclude each other.")
	errObjectEncrypted = ErrInvalidRequestObject.With("Encrypted request objects are not served.")
	errObjectSyntax    = ErrInvalidRequestObject.With("The request object is not a JWT that is signed with an algorithm the client is registered for.")
	errObjectHeader    = ErrInvalidRequestObject.With("The typ of the request object is not oauth-authz-req+jwt, or it brings its own key.")
	errObjectSignature = ErrInvalidRequestObject.With("The request object is signed with none of the client's keys.")
	errObjectUsed      = ErrInvalidRequestObject.With("The request object was used before.")
	errObjectForeign   = ErrInvalidRequestURI.With("The request_uri is not registered for the client.")
	errObjectAway      = ErrInvalidRequestURI.With("The request_uri does not lead to a request object.")
)

// openRequestObject puts what a request object says in the place of the parameters that brought it.
// Until it is verified nothing in it is believed, and of the other parameters nothing but client_id is
// used (RFC 9101 section 6.3).
func openRequestObject(ctx context.Context, s *Server, req *AuthorizationRequest) error {
	text, uri := req.form.get("request"), req.form.get("request_uri")
	switch {
	case !s.cfg.RequestObjects, req.pushed != nil, text == "" && uri == "":
		return nil
	case text != "" && uri != "":
		return errObjectAndURI
	case uri != "":
		var err error
		if text, err = s.fetchRequestObject(ctx, req.Client, uri); err != nil {
			return err
		}
	}
	payload, err := s.verifyRequestObject(ctx, req.Client, text)
	if err != nil {
		return err
	}
	claims, inner, err := readRequestObject(payload)
	if err != nil {
		return err
	}
	for _, check := range requestObjectChecks {
		if !check.holds(s, req, claims) {
			return ErrInvalidRequestObject.With("Of the request object it does not hold that " + check.rule + ".")
		}
	}
	req.object = requestObject{verified: true, id: claims.ID, expiresAt: claims.Expiry.Time()}
	req.replaceBy(inner)
	return nil
}

// fetchRequestObject reads an object by reference (RFC 9101 section 5.2). A stranger cannot make the
// server call anybody: the URI is one that the client registered.
func (s *Server) fetchRequestObject(ctx context.Context, client *Client, uri string) (string, error) {
	if !slices.Contains(client.RequestURIs, uri) {
		return "", errObjectForeign
	}
	body, err := s.keySets.fetcher.Get(ctx, uri, requestObjectMediaTypes...)
	if err != nil {
		return "", errObjectAway.Because(err)
	}
	return strings.TrimSpace(string(body)), nil
}

// verifyRequestObject returns the payload of an object that is signed by the client (RFC 9101 section
// 6.2). Which algorithms and keys are looked at is for the client's registration to say, never for the
// object.
func (s *Server) verifyRequestObject(ctx context.Context, client *Client, text string) (payload []byte, err error) {
	if strings.Count(text, ".") == 4 {
		return nil, errObjectEncrypted
	}
	signed, err := jose.ParseSignedCompact(text, signatureAlgorithmsFor(client.RequestObjectSigningAlg))
	if err != nil {
		return nil, errObjectSyntax // the error may quote the object
	}
	header := signed.Signatures[0].Protected
	if !headerOfARequestObject(header) || !headerWithoutKey(client, header) {
		return nil, errObjectHeader
	}
	err = s.verifyWithClientKeys(ctx, client, header, func(key any) error {
		payload, err = signed.Verify(key)
		return err
	})
	if errors.Is(err, errNoClientKey) {
		err = errObjectSignature.Because(err)
	}
	return payload, err
}

// headerOfARequestObject: the type is explicit, so that no other JWT of the client can pass for a
// request (RFC 8725 section 3.11).
func headerOfARequestObject(header jose.Header) bool {
	typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
	return strings.TrimPrefix(strings.ToLower(typ), "application/") == typRequestObject
}

// requestObjectChecks stand behind the signature: what the client says in its own name.
var requestObjectChecks = []struct {
	rule, source string
	holds        func(*Server, *AuthorizationRequest, *requestClaims) bool
}{
	{"iss and client_id are the client_id", "RFC 9101 sections 4 and 5", objectIsOfClient},
	{"aud is the issuer", "RFC 9101 section 4", objectIsForIssuer},
	{"exp is there, not over, and at most an hour ahead", "RFC 7519 section 4.1.4", objectExpires},
	{"nbf and iat are not ahead of the time", "RFC 7519 section 4.1.5", objectHasBegun},
	{"sub is not the client", "RFC 9101 section 10.8", objectIsNoAssertion},
	{"jti is not too long", "RFC 7519 section 4.1.7", objectIsNamed},
}

func objectIsOfClient(_ *Server, req *AuthorizationRequest, claims *requestClaims) bool {
	return claims.Issuer == req.Client.ID && claims.ClientID == req.Client.ID
}

func objectIsForIssuer(s *Server, _ *AuthorizationRequest, claims *requestClaims) bool {
	return claims.Audience.Contains(s.cfg.Issuer)
}

// objectExpires forgives that the resource owner took a while to answer: the form token, without which
// nothing comes of an answer, tells that the object was good when the page was shown.
func objectExpires(s *Server, req *AuthorizationRequest, claims *requestClaims) bool {
	if claims.Expiry == nil {
		return false
	}
	left, late := claims.Expiry.Time().Sub(s.now()), time.Duration(0)
	if req.spent != "" {
		late = formTokenLifetime
	}
	return left > -late && left <= requestObjectLifetime+assertionAhead
}

func objectHasBegun(s *Server, _ *AuthorizationRequest, claims *requestClaims) bool {
	latest := s.now().Add(assertionAhead)
	return !claims.NotBefore.Time().After(latest) && !claims.IssuedAt.Time().After(latest)
}

func objectIsNoAssertion(_ *Server, req *AuthorizationRequest, claims *requestClaims) bool {
	return claims.Subject != req.Client.ID
}

func objectIsNamed(_ *Server, _ *AuthorizationRequest, claims *requestClaims) bool {
	return len(claims.ID) <= maxJTIBytes
}

// useRequestObject uses up the jti of an object that was pushed. One that comes through the browser is
// used up by its approval: see identify.
func (s *Server) useRequestObject(ctx context.Context, req *AuthorizationRequest) error {
	if req.object.id == "" {
		return nil
	}
	err := s.once(ctx, requestObjectKind, req.Client.ID, req.object.id, req.object.expiresAt)
	if errors.Is(err, errUsedBefore) {
		return errObjectUsed.Because(err)
	}
	return err
}

// checkSignedWhereRequired: a pushed request was looked at when it was pushed.
func checkSignedWhereRequired(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	if req.Client.RequireSignedRequestObject && !req.object.verified && req.pushed == nil {
		return ErrInvalidRequest.With("The client must pass a signed request object.")
	}
	return nil
}
