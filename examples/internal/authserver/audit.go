package authserver

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/audit"
)

var errAuditKey = errors.New("an audit key is 32 bytes or more in standard base64")

// parseAuditKey reads Options.AuditKey. "" means no key.
func parseAuditKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || text != "" && len(key) < 32 {
		return nil, errAuditKey // what was typed may be a key, and is not repeated
	}
	return key, nil
}

// openAudit opens the audit log, if there is to be one. Its checkpoints go to the program's log, which
// is to be kept elsewhere than the file.
func (a *App) openAudit(o *Options) error {
	if o.AuditFile == "" {
		return nil
	}
	key, err := parseAuditKey(o.AuditKey)
	if err != nil {
		return err
	}
	a.audit, err = audit.Open(o.AuditFile, audit.Options{
		Key:        key,
		Checkpoint: func(c audit.Checkpoint) { a.log.Info("audit checkpoint", "head", c.String()) },
		Error:      func(err error) { a.log.Error("audit", "error", err) },
		Now:        o.Now,
	})
	return err
}

func (a *App) closeAudit() error {
	if a.audit == nil {
		return nil
	}
	return a.audit.Close()
}

// tell is [oauth2.ServerConfig].OnEvent.
func (a *App) tell(ctx context.Context, e oauth2.Event) {
	a.logEvent(ctx, e)
	if a.audit != nil {
		a.audit.OnEvent(ctx, e)
	}
}

// note logs what happened on this site's own pages, and adds it to the audit log.
func (a *App) note(ctx context.Context, level slog.Level, what, subject string) {
	if subject == "" { // a name that failed to log in may be a misplaced password
		a.log.Log(ctx, level, what)
	} else {
		a.log.Log(ctx, level, what, "subject", subject)
	}
	if a.audit != nil {
		a.audit.OnEvent(ctx, oauth2.Event{Type: oauth2.EventType(strings.ReplaceAll(what, " ", "_")), Issuer: a.Issuer(), Subject: subject})
	}
}

// VerifyAudit verifies the audit log that Options.VerifyAudit names, and prints what it holds. The
// error is what is wrong with it.
func VerifyAudit(w io.Writer, o Options) error {
	key, err := parseAuditKey(o.AuditKey)
	if err != nil {
		return err
	}
	file, err := os.Open(o.VerifyAudit)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	report, err := audit.Verify(bufio.NewReader(file), audit.VerifyOptions{Key: key, Checkpoints: o.AuditHeads})
	for _, c := range report.Chains {
		fmt.Fprintf(w, "lines %d to %d, events lost %d, lines torn %d, closed %t, head %s\n", c.First, c.Head.Seq, c.Lost, c.Torn, c.Closed, c.Head)
	}
	return err
}

// Lint prints where the options, and the clients, fall short of OAuth 2.1 with RFC 9700, and of
// FAPI 2.0.
func Lint(ctx context.Context, w io.Writer, o Options) error {
	app, err := New(ctx, o)
	if err != nil {
		return err
	}
	for _, finding := range app.findings {
		fmt.Fprintln(w, finding)
	}
	return app.Close()
}
