package oauth2

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"time"
)

// An answering is the answer to an approval in the making: what is issued, in the record and in words.
type answering struct {
	server *Server
	req    *AuthorizationRequest
	record *Authorization
	code   bearerToken // the zero value: none
	mint   *exchange   // nil: no access token
	form   form

	// told and room are what word works with: one allocation in place of three.
	told AuthorizationResponse
	room [4]parameter
}

// issue makes what the response type asks for, on a record that is stored nowhere yet: the code, the
// access token, and the words.
func (s *Server) issue(ctx context.Context, req *AuthorizationRequest, a *Authorization) (*answering, error) {
	out := &answering{server: s, req: req, record: a}
	binding := Code{
		RedirectURI: req.RedirectURI,
		ExpiresAt:   a.CreatedAt.Add(min(cmp.Or(req.Client.CodeLifetime, s.cfg.CodeLifetime), maxCodeLifetime)),
	}
	if req.response.rules.Code {
		core, err := s.answerCore(req, kindCode)
		if err != nil {
			return nil, err
		}
		binding.CodeChallenge, binding.DPoPKey = req.codeChallenge, req.dpopKey
		out.code = newBearerToken(kindCode, a.ID, a.LineageKey, core)
		a.approve(out.code, binding, a.CreatedAt)
	} else {
		a.answer(binding, a.CreatedAt)
	}
	if req.response.rules.AccessToken {
		if err := out.issueAccess(ctx); err != nil {
			return nil, err
		}
	}
	return out, out.word(ctx, a.CreatedAt)
}

// issueAccess issues an access token as the token endpoint does (RFC 6749 section 4.2.2), but bound to
// no key.
func (out *answering) issueAccess(ctx context.Context) error {
	s, req := out.server, out.req
	switch err := s.subjectActive(ctx, out.record); {
	case err != nil && asError(err).Is(ErrInvalidGrant):
		return ErrAccessDenied.With("The resource owner is not served any more.")
	case err != nil:
		return err
	}
	core, err := s.answerCore(req, kindAccess)
	if err != nil {
		return err
	}
	out.mint = out.exchange()
	out.mint.drawn.access = core
	out.record, _, err = out.mint.apply(out.record, out.record.CreatedAt)
	return err
}

// exchange is what issues access tokens.
func (out *answering) exchange() *exchange {
	req := &TokenRequest{Client: out.req.Client, GrantType: out.record.GrantType, Now: out.record.CreatedAt, server: out.server}
	return &exchange{server: out.server, req: req, issuance: &Issuance{
		Authorization: out.record, AccessLifetime: out.req.response.rules.AccessLifetime, forks: true,
	}}
}

// again is the answer to a page that was answered before with the same approval: what waits is told
// once more, as long as a code would. Nothing of it is new.
func (out *answering) again(ctx context.Context, stored *Authorization) (*answering, error) {
	now := out.server.now()
	if !stored.grantsTheSame(out.record) || !now.Before(stored.Code.ExpiresAt) {
		return nil, errAnsweredTwice
	}
	same := &answering{server: out.server, req: out.req, record: stored}
	if out.code.kind != "" {
		same.code = newBearerToken(kindCode, stored.ID, stored.LineageKey, out.code.core())
		if !stored.holds(same.code, now) {
			return nil, errAnsweredTwice
		}
	}
	if out.mint != nil {
		issued := &out.mint.out
		same.mint = same.exchange()
		again := &same.mint.out
		again.access = newBearerToken(issued.access.kind, stored.ID, stored.LineageKey, issued.access.core())
		token, live := stored.findAccess(again.access, now)
		if !live {
			return nil, errAnsweredTwice
		}
		again.token, again.scope = token, token.scopeIn(stored)
	}
	return same, same.word(ctx, now)
}

// word puts the answer into words: those of RFC 6749 sections 4.1.2 and 4.2.2, and then the response
// type's own.
func (out *answering) word(ctx context.Context, now time.Time) error {
	s, f, res := out.server, form(out.room[:0]), &out.told
	res.Request, res.Authorization = out.req, out.record
	if out.code.kind != "" {
		res.Code = out.code.text(s.cfg.Prefixes.Code)
		f = append(f, parameter{"code", res.Code})
	}
	if out.mint != nil {
		if err := out.mint.signAccess(ctx, out.record); err != nil {
			return err
		}
		minted := out.mint.inWords(now)
		res.AccessToken = minted.texts.access
		f = append(f, parameter{"access_token", res.AccessToken}, parameter{"token_type", minted.token.Confirmation.tokenType()},
			parameter{"expires_in", strconv.FormatInt(int64(minted.lifetime/time.Second), 10)})
		if len(minted.scope) > 0 {
			f = append(f, parameter{"scope", minted.scope.String()})
		}
	}
	if err := out.req.response.Respond(ctx, res); err != nil {
		return err
	}
	out.form = res.appendExtra(f)
	return nil
}

// appendExtra appends the parameters of the response type's own, in the order of their names.
func (res *AuthorizationResponse) appendExtra(f form) form {
	if len(res.Extra) == 0 {
		return f
	}
	for _, name := range slices.Sorted(maps.Keys(res.Extra)) {
		if !slices.Contains(answerParameters, name) {
			f = append(f, parameter{name, res.Extra[name]})
		}
	}
	return f
}

// answerParameters are those that no response type sets by itself.
var answerParameters = []string{
	"code", "access_token", "token_type", "expires_in", "scope", "state", "iss", "response",
	"error", "error_description", "error_uri",
}

// tell tells what was issued. again: it had been issued before.
func (out *answering) tell(ctx context.Context, again bool) {
	code, token := EventCodeIssued, EventTokenIssued
	if again {
		code, token = EventCodeSentAgain, EventTokenSentAgain
	}
	if out.code.kind != "" {
		out.server.emit(ctx, eventOf(code, out.record))
	}
	if out.mint != nil {
		event := eventOf(token, out.record)
		event.Scope = out.mint.out.scope
		out.server.emit(ctx, event)
	}
	if out.code.kind == "" && out.mint == nil {
		out.server.emit(ctx, eventOf(EventApproved, out.record))
	}
}

// answerCore is what the code or the access token of an answer is made of. Where a page was answered
// it derives from the browser's key and the page's token, so that every answer to one page leads to
// the same; the store has neither. It is drawn where the application approved without a page.
func (s *Server) answerCore(req *AuthorizationRequest, kind tokenKind) (core tokenCore, err error) {
	if req.spent == "" {
		err = req.entropy.draw(s, core[:])
		return core, err
	}
	return answerCore(req.formKey, kind, req.spent), nil
}
