package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/audit"
)

// A server writes an audit log; an auditor verifies it with the key and the last checkpoint, which was
// kept elsewhere.
func Example() {
	folder, err := os.MkdirTemp("", "audit")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "audit.jsonl")
	key := []byte("32 random bytes, from a vault...") // e.g. 32 bytes of crypto/rand
	var kept audit.Checkpoint

	log, err := audit.Open(path, audit.Options{
		Replica:    "eu-1",
		Key:        key,
		Checkpoint: func(c audit.Checkpoint) { kept = c }, // to another machine, or on paper
	})
	if err != nil {
		panic(err)
	}
	cfg := oauth2.ServerConfig{OnEvent: log.OnEvent} // and all the rest
	cfg.OnEvent(context.Background(), oauth2.Event{Type: oauth2.EventTokenIssued, ClientID: "app", Subject: "alice"})
	if err := log.Record(context.Background(), "login", map[string]any{"user": "alice"}); err != nil {
		panic(err)
	}
	if err := log.Close(); err != nil {
		panic(err)
	}

	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	options := audit.VerifyOptions{Key: key, Checkpoints: []audit.Checkpoint{kept}}
	report, err := audit.Verify(bytes.NewReader(text), options)
	fmt.Println(report.Lines, "lines of", report.Chains[0].Head.Replica, err)

	_, err = audit.Verify(strings.NewReader(strings.Replace(string(text), "alice", "mallory", 1)), options)
	fmt.Println(errors.Is(err, audit.ErrChanged), err)
	cut := text[:bytes.LastIndexByte(text[:len(text)-1], '\n')+1]
	_, err = audit.Verify(bytes.NewReader(cut), options)
	fmt.Println(errors.Is(err, audit.ErrTruncated), err)
	// Output:
	// 4 lines of eu-1 <nil>
	// true audit: line 2: changed: the line is not what was written, or was written with another key
	// true audit: replica eu-1, number 4: truncated: the line of the checkpoint is missing at the end
}
