package redisstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// A record is the value of one key: its version, its place in the indexes, and its document, each
// on a line, so that a script compares the beginning and parses nothing. The document has no
// version of its own.

// A place is where a record stands in the indexes.
type place struct {
	// indexes are those of its subject and of its client, where it has one.
	indexes []index
	// until is when its entries may go: never before the record. See [entryUntil].
	until int64
}

func (s *Store) placeOf(a *oauth2.Authorization) place {
	p := place{until: entryUntil(a)}
	if a.Subject != "" {
		p.indexes = append(p.indexes, s.subjectIndex(a.Subject))
	}
	if a.ClientID != "" {
		p.indexes = append(p.indexes, s.clientIndex(a.ClientID))
	}
	return p
}

// line is the place as a record has it.
func (p place) line() string {
	parts := []string{strconv.FormatInt(p.until, 10)}
	for _, i := range p.indexes {
		parts = append(parts, string(i))
	}
	return strings.Join(parts, " ") + "\n"
}

// entryUntil is a time that moves seldom, however often a record is extended: the lifetime of an
// entry in the indexes doubles until it covers the record's. In milliseconds.
func entryUntil(a *oauth2.Authorization) int64 {
	created, sweep := a.CreatedAt.UnixMilli(), a.SweepAfter().UnixMilli()
	lifetime := time.Hour.Milliseconds()
	for created+lifetime < sweep {
		lifetime *= 2
	}
	return created + lifetime
}

// expiry is when Redis may drop the record by its own clock, in milliseconds. Redis knows no time
// before 1970.
func expiry(a *oauth2.Authorization) int64 { return max(1, a.SweepAfter().UnixMilli()) }

func versionLine(version int64) string { return strconv.FormatInt(version, 10) + "\n" }

func encode(a *oauth2.Authorization, version int64, p place) (string, error) {
	document, err := json.Marshal(struct {
		*oauth2.Authorization
		Version int64 `json:"version,omitempty"` // hides the record's, and is 0
	}{Authorization: a})
	return versionLine(version) + p.line() + string(document), err
}

var errMalformed = errors.New("it has no version, place and document")

func decode(value []byte) (*oauth2.Authorization, error) {
	lines := bytes.SplitN(value, []byte("\n"), 3)
	if len(lines) != 3 {
		return nil, unreadable(errMalformed)
	}
	version, err := strconv.ParseInt(string(lines[0]), 10, 64)
	if err != nil {
		return nil, unreadable(errMalformed)
	}
	a := new(oauth2.Authorization)
	if err := json.Unmarshal(lines[2], a); err != nil {
		return nil, unreadable(err)
	}
	a.Version = version
	return a, nil
}

func unreadable(err error) error {
	return fmt.Errorf("redisstore: a stored authorization cannot be read: %w", err)
}

// The keys. An index has several, so its name is a hash tag: they share a hash slot. A record and a
// client have one each.
func (s *Store) recordKey(id string) string        { return s.prefix + "a:" + id }
func (s *Store) clientKey(id string) string        { return s.prefix + "c:" + id }
func (s *Store) subjectIndex(subject string) index { return s.index("s", subject) }
func (s *Store) clientIndex(clientID string) index { return s.index("c", clientID) }
func (s *Store) index(kind, of string) index {
	sum := sha256.Sum256([]byte(of))
	return index(s.prefix + "{" + kind + ":" + base64.RawURLEncoding.EncodeToString(sum[:]) + "}:")
}
