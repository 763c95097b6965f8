package oauth2

import (
	"cmp"
	"context"
	"net/http"
	"slices"
)

// An update is what a client's own request makes of its registration (RFC 7592 section 2.2).
type update struct {
	server *Server
	old    *Client
	token  registrationToken // that was presented

	next *Client
	told credentialsTold
}

// prepare makes the client that the metadata leads to, with the token and, where one is due, the secret
// that follow from the token that was presented.
func (u *update) prepare(ctx context.Context, m clientMetadata) error {
	s := u.server
	policy := cmp.Or(u.old.Registration.Policy, &s.cfg.Registration.Policy)
	sent, err := u.checkOwn(m)
	if err != nil {
		return err
	}
	if u.next, err = s.clientOf(ctx, m, policy, u.old); err != nil {
		return err
	}
	if u.token.is(u.old.Registration.TokenDigest) {
		if err := s.rotateRegistration(u.next.Registration, u.token); err != nil {
			return err
		}
	}
	salt := u.next.Registration.Salt
	u.told = credentialsTold{registrationToken: u.token.following(salt, s.cfg.Pepper).text(), secret: sent}
	u.keepSecrets(policy, u.token.clientSecret(salt, s.cfg.Pepper))
	return s.approveRegistration(ctx, u.next)
}

// checkOwn holds a client to its client_id, and returns its secret if that was sent along: a client
// chooses neither.
func (u *update) checkOwn(m clientMetadata) (secret string, err error) {
	var id string
	if err := m.read("client_id", &id); err != nil {
		return "", err
	}
	if id != u.old.ID {
		return "", ErrInvalidClientMetadata.With("client_id is missing, or not that of this client.")
	}
	if err := m.read("client_secret", &secret); err != nil {
		return "", err
	}
	if secret != "" && !holdsSecret(u.old.Secrets, secret) {
		return "", ErrInvalidClientMetadata.With("client_secret is not that of this client.")
	}
	return secret, nil
}

func holdsSecret(secrets []ClientSecret, secret string) bool {
	return slices.ContainsFunc(secrets, func(s ClientSecret) bool { return VerifySecret(s.Hash, secret) })
}

// keepSecrets keeps the secret of the client, if it authenticates by one. fresh takes its place where there is
// none, or where secrets expire; the one before is good until it ends.
func (u *update) keepSecrets(policy *RegistrationPolicy, fresh string) {
	switch {
	case !u.next.hasSecretMethod():
		u.told.secret = ""
	case holdsSecret(u.old.Secrets, fresh): // this very change was made before
		u.next.Secrets, u.told.secret = slices.Clone(u.old.Secrets), fresh
	default:
		now := u.server.now()
		u.next.Secrets = u.old.newestSecret(now)
		if len(u.next.Secrets) == 0 || policy.SecretLifetime > 0 {
			u.next.Secrets, u.told.secret = append(u.next.Secrets, policy.newSecret(fresh, now)), fresh
		}
	}
}

// repeat answers a change that was made before: its token is the one before the current one, and the client
// is what the change made of it. Nothing is written.
func (u *update) repeat(w http.ResponseWriter) error {
	if !u.next.Equal(u.old) {
		return errRegistrationToken
	}
	writeObject(w, http.StatusOK, u.server.clientInformation(u.next, u.told))
	return nil
}
