package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a program may take on a machine that is busy.
const patience = 2 * time.Minute

// A message is a line that a program writes. It wants an authorization request opened and answered by
// yes or no, or tells a feature that it has driven.
type message struct {
	Open   string `json:"open"`
	Answer string `json:"answer"`
	Shown  string `json:"shown"`
}

// A reply is the line that it reads for each request: where the browser is sent, and the form that it
// posts there, if it does.
type reply struct {
	Callback string `json:"callback"`
	Form     string `json:"form,omitempty"`
}

// run runs a program to its end, and returns the features that it has shown. The program is told about
// the site on the first line of its standard input.
func (s *site) run(t *testing.T, name string, args ...string) (shown []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	program := exec.CommandContext(ctx, name, args...)
	program.Env = append(os.Environ(),
		"NODE_EXTRA_CA_CERTS="+s.Certificates, "REQUESTS_CA_BUNDLE="+s.Certificates, "SSL_CERT_FILE="+s.Certificates,
		"OAUTHLIB_INSECURE_TRANSPORT=1") // which loopback is
	program.WaitDelay = patience
	var complaints bytes.Buffer
	program.Stderr = &complaints
	stdin, err := program.StdinPipe()
	require.NoError(t, err)
	stdout, err := program.StdoutPipe()
	require.NoError(t, err)
	before := len(s.log.String())
	require.NoError(t, program.Start())
	shown, err = s.converse(ctx, json.NewEncoder(stdin), json.NewDecoder(stdout))
	if err != nil {
		cancel()
	}
	err = errors.Join(err, program.Wait())
	require.NoError(t, err, "after %q: %s\n%s", shown, complaints.String(), s.log.String()[before:])
	return shown
}

func (s *site) converse(ctx context.Context, to *json.Encoder, from *json.Decoder) (shown []string, err error) {
	alice := s.newPerson()
	if err := to.Encode(s); err != nil {
		return nil, err
	}
	for {
		var m message
		err := from.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return shown, nil
		case err != nil:
			return shown, err
		case m.Shown != "":
			shown = append(shown, m.Shown)
			continue
		}
		answer, err := alice.answer(ctx, m.Open, m.Answer)
		if err != nil {
			return shown, fmt.Errorf("the person: %w", err)
		}
		if err := to.Encode(answer); err != nil {
			return shown, err
		}
	}
}

// interpreter finds what runs a program, or ends the test as missing does.
func interpreter(t *testing.T, kind, name, advice string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, kind, "%s is missing: %s", name, advice)
	}
	return path
}

// missing skips a test that lacks something of a kind, npm or python, or fails it where the list
// REQUIRE_CLIENTS names that kind.
func missing(t *testing.T, kind, format string, args ...any) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("REQUIRE_CLIENTS"), ","), kind) {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
