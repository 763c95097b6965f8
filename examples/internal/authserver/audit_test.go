package authserver_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/audit"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

var (
	auditKey    = base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	headPattern = regexp.MustCompile(`audit checkpoint" head=(\S+)`)
)

func TestTheAuditLogHasLoginsAndTokensAcrossRestartsAndAChangeIsFound(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	s := newSite(t, func(o *authserver.Options) { o.AuditFile, o.AuditKey = path, auditKey })
	alice := s.loggedIn("alice", "wonderland")
	tokens := alice.tokens()
	b := s.browser()
	b.login(b.get("/login"), "alice", "looking-glass")
	require.NoError(t, s.app.Close())
	s.use(s.start())
	bob := s.loggedIn("bob", "builder")
	bob.do(http.MethodPost, "/logout", bob.get("/").fill())
	require.NoError(t, s.app.Close())

	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, event := range []string{"login", "code_issued", "token_issued", "login_failed", "logout", "audit_closed", "audit_resumed"} {
		require.Contains(t, string(text), `"type":"`+event+`"`)
	}
	for _, secret := range []string{"wonderland", "looking-glass", tokens["access_token"].(string), tokens["refresh_token"].(string), "demo-secret"} {
		require.NotContains(t, string(text), secret)
	}

	told := headPattern.FindAllStringSubmatch(s.log.String(), -1)
	require.NotEmpty(t, told)
	head, err := audit.ParseCheckpoint(told[len(told)-1][1])
	require.NoError(t, err)
	options := authserver.Options{VerifyAudit: path, AuditKey: auditKey, AuditHeads: []audit.Checkpoint{head}}
	var out bytes.Buffer
	require.NoError(t, authserver.VerifyAudit(&out, options))
	require.Contains(t, out.String(), "closed true, head "+head.String())

	require.NoError(t, os.WriteFile(path, bytes.Replace(text, []byte("bob"), []byte("eve"), 1), 0o600))
	require.ErrorIs(t, authserver.VerifyAudit(&out, options), audit.ErrChanged)
	cut := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
	require.NoError(t, os.WriteFile(path, text[:cut], 0o600))
	require.ErrorIs(t, authserver.VerifyAudit(&out, options), audit.ErrTruncated)
	options.VerifyAudit = filepath.Join(t.TempDir(), "none")
	require.ErrorIs(t, authserver.VerifyAudit(&out, options), os.ErrNotExist)
}

func TestAuditOptionsThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	_, err := parse(t, "-audit-head", "a:1")
	require.Error(t, err)
	for _, key := range []string{"c2hvcnQ=", "not base64"} {
		require.ErrorContains(t, newError(t, authserver.Options{AuditKey: key}), "-audit-key")
	}
	o, err := parse(t, "-audit", "a", "-audit-key", auditKey, "-verify-audit", "b", "-audit-head", "a:1:"+strings.Repeat("0", 64), "-lint")
	require.NoError(t, err)
	require.Equal(t, authserver.Options{
		AuditFile: "a", AuditKey: auditKey, VerifyAudit: "b", AuditHeads: []audit.Checkpoint{{Replica: "a", Seq: 1, Hash: strings.Repeat("0", 64)}}, Lint: true,
		Addr: o.Addr, Resource: o.Resource,
	}, o)
	_, err = authserver.New(t.Context(), authserver.Options{Store: "memory", Users: testUsers(), AuditFile: t.TempDir()})
	require.Error(t, err, "a folder")
	_, err = authserver.New(t.Context(), authserver.Options{Store: "memory", Users: testUsers(), AuditFile: filepath.Join(t.TempDir(), "a"), AuditKey: "short"})
	require.Error(t, err)
}

func TestTheLinterOfTheProgramNamesWhatTheDemoFallsShortOf(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, authserver.Lint(t.Context(), &out, authserver.Options{Store: "memory", Users: testUsers()}))
	require.Contains(t, out.String(), "must: Issuer: the issuer is http, which is for this machine alone (OAuth 2.1 section 1.5)\n")
	require.Contains(t, out.String(), "(FAPI 2.0 section 5.3.2.2 item 3)\n")
	require.Error(t, authserver.Lint(t.Context(), &out, authserver.Options{Store: "nothing"}))
}

func TestASecretInTheLogWouldBeFound(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tokens := s.loggedIn("alice", "wonderland").tokens()
	for _, what := range []string{"access_token", "refresh_token"} {
		require.Contains(t, s.seen.Find("a log that quotes "+tokens[what].(string)), what)
	}
	require.Contains(t, s.log.String(), "token_issued", "it is the log that is searched")
}
