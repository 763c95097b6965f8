package audit_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/audit"
)

// Logs are kept for years: what was written once is verified by every later version, and a later
// version that writes the same events writes the same bytes.
func TestTheFormatStaysWhatItIs(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "log.jsonl")
	text, heads := fullLog(t)
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, text, 0o644))
	}
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	verified(t, kept, heads...)
	require.Equal(t, string(kept), string(text))
}

// Nobody without the key writes anything that is verified: what is, is the beginning of the log.
func FuzzVerify(f *testing.F) {
	text, _ := crashedFile(f)
	lines := bytes.SplitAfter(text, []byte("\n"))
	f.Add(text)
	f.Add(bytes.Join(lines[:3], nil))
	f.Add(bytes.Join([][]byte{lines[1], lines[0]}, nil))
	f.Add(bytes.Join([][]byte{lines[0], lines[2], lines[1], lines[3]}, nil))
	f.Add([]byte("\n"))
	f.Add([]byte(`{"seq":1,"replica":"b","prev":"","hash":"` + "0000000000000000000000000000000000000000000000000000000000000000" + `"}` + "\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		report, err := audit.Verify(bytes.NewReader(input), audit.VerifyOptions{Key: testKey})
		if err != nil {
			found(t, err)
			return
		}
		require.True(t, bytes.HasPrefix(text, input), "%d lines of somebody else", report.Lines)
		require.True(t, len(input) == 0 || input[len(input)-1] == '\n')
	})
}

// Whatever bytes a file has, opening it changes none of them, and what follows is verified if they were.
func FuzzOpen(f *testing.F) {
	text, _ := crashedFile(f)
	f.Add(text)
	f.Add(text[:len(text)-1])
	f.Add(text[:len(text)/2])
	f.Add(append(bytes.Clone(text), "\n{\n\x00"...))
	f.Add([]byte{})
	f.Add([]byte("\n"))
	path := filepath.Join(f.TempDir(), "audit.jsonl")
	f.Fuzz(func(t *testing.T, input []byte) {
		require.NoError(t, os.WriteFile(path, input, 0o600))
		log, err := audit.Open(path, testOptions(""))
		if err != nil {
			require.ErrorIs(t, err, audit.ErrChanged)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, bytes.Equal(input, after))
			return
		}
		log.OnEvent(t.Context(), issued("app"))
		require.NoError(t, log.Close())
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(after, input))
		if bytes.HasPrefix(text, input) {
			verified(t, after, log.Head())
		}
	})
}
