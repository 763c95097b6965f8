package authserver_test

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
	"github.com/seed5f5fedc6/oauth2/internal/testserver"
)

func parse(t *testing.T, args ...string) (authserver.Options, error) {
	t.Helper()
	var o authserver.Options
	fs := flag.NewFlagSet("authserver", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o.Flags(fs)
	return o, fs.Parse(args)
}

func TestDurationsAreSecondsOrGoDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"90": 90 * time.Second, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "1": time.Second} {
		o, err := parse(t, "-grace", text, "-code-lifetime", text, "-access-lifetime", text, "-refresh-lifetime", text)
		require.NoError(t, err)
		require.Equal(t, []time.Duration{want, want, want, want}, []time.Duration{o.Grace, o.CodeLifetime, o.AccessLifetime, o.RefreshLifetime})
	}
	for _, text := range []string{"", "-1", "-1s", "soon", "1.5", "99999999999999999999"} {
		_, err := parse(t, "-access-lifetime", text)
		require.Error(t, err, text)
	}
	_, err := parse(t, "-access-lifetime", "0")
	require.Error(t, err)
}

func TestGraceOfZeroIsStrict(t *testing.T) {
	t.Parallel()
	for _, zero := range []string{"0", "0s"} {
		options, err := parse(t, "-grace", zero)
		require.NoError(t, err)
		s := newSite(t, func(o *authserver.Options) { o.Grace = options.Grace })
		tokens := s.loggedIn("alice", "wonderland").tokens()
		next := s.refresh(tokens["refresh_token"])
		require.Equal(t, 200, next["status"])
		require.Equal(t, "invalid_grant", s.refresh(tokens["refresh_token"])["error"])
		require.Equal(t, "invalid_grant", s.refresh(next["refresh_token"])["error"], "reuse ends the authorization")
	}
	s := newSite(t)
	tokens := s.loggedIn("alice", "wonderland").tokens()
	require.Equal(t, s.refresh(tokens["refresh_token"]), s.refresh(tokens["refresh_token"]), "by default a lost answer is given again")
}

func TestLifetimesReachTheServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *authserver.Options) { o.AccessLifetime = 90 * time.Second })
	require.EqualValues(t, 90, s.loggedIn("alice", "wonderland").tokens()["expires_in"])
}

func TestBuiltInClientsAndUsersWork(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *authserver.Options) { o.Users = nil })
	require.Contains(t, s.app.Banner(), "alice/wonderland")
	require.Contains(t, s.app.Banner(), s.url)
	s.loggedIn("alice", "wonderland")
	s.loggedIn("bob", "builder")
	machine := s.call("/token", "xmail-stats", map[string][]string{"grant_type": {"client_credentials"}})
	require.Equal(t, 200, machine["status"])
	require.Equal(t, "contacts.stats", machine["scope"])

	var metadata map[string]any
	require.NoError(t, json.Unmarshal([]byte(s.browser().get("/.well-known/oauth-authorization-server").body), &metadata))
	require.Equal(t, s.url+"/request-access", metadata["authorization_endpoint"])
	require.Equal(t, []any{"contacts.read", "contacts.stats"}, metadata["scopes_supported"])
}

func TestBuiltInsAreRefusedOnARealIssuer(t *testing.T) {
	t.Parallel()
	files := authserver.Options{ClientsFile: write(t, `[]`), UsersFile: write(t, `{"carol":"x"}`)}
	for _, o := range []authserver.Options{
		{Issuer: "https://id.example.com"},
		{Issuer: "https://localhost.example.com", UsersFile: files.UsersFile},
		{Issuer: "https://id.example.com", ClientsFile: files.ClientsFile},
	} {
		require.ErrorContains(t, newError(t, o), "built-in demo")
	}
	files.Issuer = "https://id.example.com"
	require.NoError(t, newError(t, files))
}

// newError is the error of New.
func newError(t *testing.T, o authserver.Options) error {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	if o.Store == "" {
		o.Store = "memory"
	}
	app, err := authserver.New(t.Context(), o)
	if err == nil {
		require.NotContains(t, app.Banner(), "wonderland")
		require.NoError(t, app.Close())
	}
	return err
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.json")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestClientsAndUsersComeFromFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *authserver.Options) {
		o.Users = nil
		o.UsersFile = write(t, `{"carol":"$opera"}`)
		o.ClientsFile = write(t, `[{"client_id":"spam4All","client_secret":"spam4All-demo-secret-0123456789","redirect_uris":["`+redirect+`"],
			"scope":"contacts.read contacts.write","grant_types":["authorization_code","urn:example:unserved"],"unknown":1}]`)
	})
	require.NotContains(t, s.app.Banner(), "carol")
	tokens := s.loggedIn("carol", "$opera").tokens()
	require.Equal(t, "contacts.read", tokens["scope"])
	require.Contains(t, s.browser().get("/.well-known/oauth-authorization-server").body, "contacts.write")
	b := s.browser()
	require.Equal(t, http.StatusForbidden, b.login(b.get("/login"), "alice", "wonderland").status)
}

func TestWrongOptionsAreErrorsWithoutSecrets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options authserver.Options
		says    string
	}{
		"postgres":             {authserver.Options{Store: "postgres://u:hunter2@127.0.0.1:1/x"}, "-store postgres"},
		"mysql":                {authserver.Options{Store: "mysql://u:hunter2@127.0.0.1:1/x"}, "-store mysql"},
		"redis":                {authserver.Options{Store: "redis://:hunter2@127.0.0.1:1/0"}, "-store redis"},
		"another store":        {authserver.Options{Store: "hunter2"}, "none of memory"},
		"missing folder":       {authserver.Options{Store: "sqlite:/nonexistent/x.db"}, "/nonexistent/x.db"},
		"certificate alone":    {authserver.Options{TLSCert: "x"}, "-tls-key"},
		"issuer over http":     {authserver.Options{Issuer: "http://id.example.com", UsersFile: write(t, `{"a":"b"}`), ClientsFile: write(t, `[]`)}, "is not https"},
		"short cookie key":     {authserver.Options{CookieKey: base64.StdEncoding.EncodeToString(make([]byte, 31))}, "32 bytes"},
		"short sealing key":    {authserver.Options{SealingKeys: base64.StdEncoding.EncodeToString(make([]byte, 32)) + ",hunter2"}, "32 bytes"},
		"cookie key in hex?":   {authserver.Options{CookieKey: "hunter2!"}, "32 bytes"},
		"missing clients":      {authserver.Options{ClientsFile: "/nonexistent"}, "-clients"},
		"clients are no JSON":  {authserver.Options{ClientsFile: write(t, `hunter2`)}, "-clients"},
		"missing users":        {authserver.Options{UsersFile: "/nonexistent"}, "-users"},
		"users are no strings": {authserver.Options{UsersFile: write(t, `{"a":"hunter2","b":1}`)}, "not a JSON object"},
		"empty password":       {authserver.Options{UsersFile: write(t, `{"a":""}`)}, `"a" has no password`},
		"empty name":           {authserver.Options{UsersFile: write(t, `{"":"hunter2"}`)}, "no name"},
		"unreadable hash":      {authserver.Options{UsersFile: write(t, `{"a":"$scrypt$ln=16$hunter2"}`)}, `"a" looks like a hash`},
		"truncated hash":       {authserver.Options{UsersFile: write(t, `{"a":"$argon2id$v=19$m=19456,t=2,p=1$hunter2"}`)}, `"a" looks like a hash`},
		"long code lifetime":   {authserver.Options{CodeLifetime: time.Hour}, "CodeLifetime"},
	} {
		err := newError(t, c.options)
		require.ErrorContains(t, err, c.says, name)
		require.NotContains(t, err.Error(), "hunter2", name)
	}
	for _, flag := range []string{"-cookie-key", "-sealing-keys", "-audit-key"} {
		o, err := parse(t, flag, "hunter2")
		require.NoError(t, err, "package flag would quote it")
		o.AuditFile = filepath.Join(t.TempDir(), "audit.log")
		err = newError(t, o)
		require.ErrorContains(t, err, flag)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestDefaultIssuerFollowsAddressAndCertificate(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]authserver.Options{
		"http://localhost:8620":  {},
		"http://127.0.0.1:9000":  {Addr: "127.0.0.1:9000"},
		"http://localhost:9000":  {Addr: ":9000"},
		"https://localhost:8620": {TLSCert: "cert.pem", TLSKey: "key.pem"},
	} {
		o.Store, o.Users, o.Log = "memory", testUsers(), slog.New(slog.DiscardHandler)
		app, err := authserver.New(t.Context(), o)
		require.NoError(t, err)
		require.Equal(t, want, app.Issuer())
		require.NoError(t, app.Close())
	}
}

func TestCookieKeyIsSharedByOption(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/xmail.db"
	s := newSite(t, func(o *authserver.Options) { o.Store = "sqlite:" + path })
	b := s.loggedIn("alice", "wonderland")
	s.options.CookieKey = base64.StdEncoding.EncodeToString(make([]byte, 32))
	s.use(s.start())
	require.False(t, b.isLoggedIn(), "another key makes the cookie a forgery")
}

func TestDefaultStoreIsAPrivateFileInTheCacheFolder(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	app, err := authserver.New(t.Context(), authserver.Options{Users: testUsers(), Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	require.NoError(t, app.Close())
	require.Equal(t, filepath.Join(cache, "xmail", "authserver.db"), app.StorePath())
	info, err := os.Stat(app.StorePath())
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077)
	require.Contains(t, app.Banner(), app.StorePath())
}

func TestTheBannerTellsWhereTheStoreIsAndNoPassword(t *testing.T) {
	t.Parallel()
	addr, _ := testserver.Redis(t)
	s := newSite(t, func(o *authserver.Options) { o.Store = "redis://default:hunter2@" + addr + "/0" })
	require.Contains(t, s.app.Banner(), "store   redis://"+addr+"/0\n")
	require.NotContains(t, s.app.Banner(), "hunter2")
	require.Empty(t, s.app.StorePath())
	require.Contains(t, newSite(t, func(o *authserver.Options) { o.Store = "memory" }).app.Banner(), "store   memory\n")
}

func TestTrustedProxiesAreNetworksOrAddresses(t *testing.T) {
	t.Parallel()
	o, err := parse(t, "-trusted-proxies", "10.0.0.0/8, fd00::/8,192.0.2.1")
	require.NoError(t, err)
	require.Equal(t, "[10.0.0.0/8 fd00::/8 192.0.2.1/32]", fmt.Sprint(o.TrustedProxies))
	for _, text := range []string{"", "10.0.0.0/8,", "proxy.example.com", "10.0.0.0/33"} {
		_, err := parse(t, "-trusted-proxies", text)
		require.Error(t, err, text)
	}
}

func TestTheBuiltInResourceServerIsToldAboutTokensForItsOwnResourceAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *authserver.Options) {
		o.Store, o.Resource = "sqlite:"+t.TempDir()+"/xmail.db", "https://other.example"
	})
	foreign := s.loggedIn("alice", "wonderland").tokens()["access_token"]
	require.Equal(t, true, s.introspect(foreign)["active"])
	s.options.Resource = "https://contacts.example"
	s.use(s.start())
	require.Equal(t, map[string]any{"active": false, "status": http.StatusOK}, s.introspect(foreign))
	own := s.loggedIn("alice", "wonderland").tokens()["access_token"]
	require.Equal(t, true, s.introspect(own)["active"])
}
