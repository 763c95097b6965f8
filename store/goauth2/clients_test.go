package goauth2_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	goauth2v4 "github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/models"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/goauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
)

// An oneClient store answers every lookup alike.
type oneClient struct {
	info goauth2v4.ClientInfo
	err  error
}

func (s oneClient) GetByID(context.Context, string) (goauth2v4.ClientInfo, error) {
	return s.info, s.err
}

// A hashed client keeps a hash, and compares by its own means, as go-oauth2 lets it.
type hashed struct{ models.Client }

func (h *hashed) VerifyPassword(secret string) bool {
	return bcrypt.CompareHashAndPassword([]byte(h.Secret), []byte(secret)) == nil
}

func lookUp(t *testing.T, store goauth2v4.ClientStore, id string) (*oauth2.Client, error) {
	return goauth2.Clients(store, goauth2.ClientOptions{Complete: complete}).Client(t.Context(), id)
}

func TestClientKeepsItsIDAndItsSecretAndGetsWhatCompleteAdds(t *testing.T) {
	t.Parallel()
	c, err := lookUp(t, oldClients(t), "web")
	require.NoError(t, err)
	require.Equal(t, "web", c.ID)
	require.False(t, c.Public())
	require.Len(t, c.Secrets, 1)
	require.NotContains(t, fmt.Sprint(c), "web-secret")
	require.True(t, oauth2.VerifySecret(c.Secrets[0].Hash, "web-secret"))
	require.False(t, oauth2.VerifySecret(c.Secrets[0].Hash, "web-secre"))
	require.Equal(t, []string{callback}, c.RedirectURIs)
	require.True(t, c.MayUse(oauth2.GrantRefreshToken))

	c, err = lookUp(t, oldClients(t), "spa")
	require.NoError(t, err)
	require.True(t, c.Public())
	require.Empty(t, c.Secrets)
}

func TestPublicClientHasNoSecretEvenIfOneIsKept(t *testing.T) {
	t.Parallel()
	c, err := lookUp(t, oneClient{info: &models.Client{ID: "spa", Secret: "in every browser", Public: true}}, "spa")
	require.NoError(t, err)
	require.True(t, c.Public())
	require.Empty(t, c.Secrets)
}

func TestWithoutCompleteAClientMayDoNothing(t *testing.T) {
	t.Parallel()
	c, err := goauth2.Clients(oldClients(t), goauth2.ClientOptions{}).Client(t.Context(), "web")
	require.NoError(t, err)
	require.Empty(t, c.RedirectURIs, "the domain is no redirect URI")
	require.Empty(t, c.Scope)
	for _, grant := range []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken, oauth2.GrantClientCredentials} {
		require.False(t, c.MayUse(grant))
	}
}

func TestClientThatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]goauth2v4.ClientStore{
		"the store in memory":      oldClients(t),
		"neither client nor error": oneClient{},
		"a database":               oneClient{err: fmt.Errorf("client: %w", sql.ErrNoRows)},
		"another client":           oneClient{info: &models.Client{ID: "NOBODY", Secret: "s"}},
	} {
		_, err := lookUp(t, store, "nobody")
		require.ErrorIs(t, err, oauth2.ErrNotFound, name)
	}
}

func TestStoreOfClientsThatFailsIsAFault(t *testing.T) {
	t.Parallel()
	_, err := lookUp(t, oneClient{err: errDisk}, "web")
	require.ErrorIs(t, err, errDisk)
	require.NotErrorIs(t, err, oauth2.ErrNotFound)

	gone := errors.New("no such document")
	clients := goauth2.Clients(oneClient{err: gone}, goauth2.ClientOptions{NotFound: func(err error) bool { return errors.Is(err, gone) }})
	_, err = clients.Client(t.Context(), "web")
	require.ErrorIs(t, err, oauth2.ErrNotFound)
}

func TestSecretThatLooksLikeAHashIsStillTheSecret(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("opened"), bcrypt.MinCost)
	require.NoError(t, err)
	c, err := lookUp(t, oneClient{info: &models.Client{ID: "web", Secret: string(hash)}}, "web")
	require.NoError(t, err)
	require.True(t, oauth2.VerifySecret(c.Secrets[0].Hash, string(hash)))
	require.False(t, oauth2.VerifySecret(c.Secrets[0].Hash, "opened"))
}

func TestClientThatVerifiesItselfKeepsItsHash(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("opened"), bcrypt.MinCost)
	require.NoError(t, err)
	c, err := lookUp(t, oneClient{info: &hashed{models.Client{ID: "web", Secret: string(hash)}}}, "web")
	require.NoError(t, err)
	require.True(t, oauth2.VerifySecret(c.Secrets[0].Hash, "opened"))
	require.False(t, oauth2.VerifySecret(c.Secrets[0].Hash, string(hash)))
}

func TestClientThatCannotBeServedSafelyIsAFaultThatSaysWhy(t *testing.T) {
	t.Parallel()
	change := func(what func(*oauth2.Client)) goauth2.ClientOptions {
		return goauth2.ClientOptions{Complete: func(_ context.Context, _ goauth2v4.ClientInfo, c *oauth2.Client) error {
			what(c)
			return nil
		}}
	}
	nothing := change(func(*oauth2.Client) {})
	for _, c := range []struct {
		name, says string
		info       goauth2v4.ClientInfo
		opts       goauth2.ClientOptions
	}{
		{"confidential without a secret", "neither public nor has a secret", &models.Client{ID: "web"}, nothing},
		{"an unknown hash", "VerifyPassword", &hashed{models.Client{ID: "web", Secret: "md5:0123"}}, nothing},
		{"another ID", "its ID was changed", &models.Client{ID: "web", Secret: "s"}, change(func(c *oauth2.Client) { c.ID = "other" })},
		{"a wildcard", "redirect", &models.Client{ID: "web", Secret: "s"}, change(func(c *oauth2.Client) { c.RedirectURIs = []string{"https://*.example.com/"} })},
		{"a failing Complete", "db7", &models.Client{ID: "web", Secret: "s"}, goauth2.ClientOptions{
			Complete: func(context.Context, goauth2v4.ClientInfo, *oauth2.Client) error { return errDisk },
		}},
	} {
		_, err := goauth2.Clients(oneClient{info: c.info}, c.opts).Client(t.Context(), "web")
		require.ErrorContains(t, err, c.says, c.name)
		require.NotErrorIs(t, err, oauth2.ErrNotFound, c.name)
	}

	settled := change(func(c *oauth2.Client) { c.TokenEndpointAuthMethod = oauth2.AuthMethodNone })
	c, err := goauth2.Clients(oneClient{info: &models.Client{ID: "web"}}, settled).Client(t.Context(), "web")
	require.NoError(t, err)
	require.True(t, c.Public())
}

func TestCompleteLeavesAClientOut(t *testing.T) {
	t.Parallel()
	clients := goauth2.Clients(oldClients(t), goauth2.ClientOptions{
		Complete: func(context.Context, goauth2v4.ClientInfo, *oauth2.Client) error { return oauth2.ErrNotFound },
	})
	_, err := clients.Client(t.Context(), "web")
	require.ErrorIs(t, err, oauth2.ErrNotFound)
}

func TestClientOfTheOldServerIsServedThroughTheWholeFlow(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	code := m.ask(m.new.URL, codeRequest("code_challenge", challenge, "code_challenge_method", "S256"))
	form := []string{"grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier}
	require.Equal(t, 401, m.postAs(m.new.URL+"/token", "web", "wrong", form...).status)
	require.Equal(t, 401, m.postAs(m.new.URL+"/token", "nobody", "web-secret", form...).status)
	got := m.post(m.new.URL+"/token", "web", form...)
	require.Equal(t, 200, got.status, got.body)
	require.Equal(t, 200, m.refresh(m.new.URL, got.str("refresh_token")).status)
	require.Equal(t, 200, m.post(m.new.URL+"/token", "machine", "grant_type", "client_credentials").status)
}

func TestClientMovesIntoAStoreOfItsOwn(t *testing.T) {
	t.Parallel()
	records, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "oauth2.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, records.Close()) })
	before, err := lookUp(t, oldClients(t), "web")
	require.NoError(t, err)
	require.NoError(t, records.Clients().CreateClient(t.Context(), before))
	after, err := records.Clients().Client(t.Context(), "web")
	require.NoError(t, err)
	require.Equal(t, before, after)
}
