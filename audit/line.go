package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// maxLine is the longest line, in bytes.
const maxLine = 64 << 10

// maxReason is the most that is kept of an error's text, in bytes.
const maxReason = 2 << 10

// The types of the chain's own lines.
const (
	ownTypes    = "audit_"
	typeOpened  = ownTypes + "opened"
	typeResumed = ownTypes + "resumed"
	typeGap     = ownTypes + "gap"
	typeClosed  = ownTypes + "closed"
)

// An entry is a line without its hash.
type entry struct {
	Seq     uint64    `json:"seq"`
	Replica string    `json:"replica"`
	Time    time.Time `json:"time"`
	Type    string    `json:"type"`

	Issuer          string            `json:"issuer,omitempty"`
	ClientID        string            `json:"client_id,omitempty"`
	Subject         string            `json:"sub,omitempty"`
	AuthorizationID string            `json:"authorization,omitempty"`
	GrantType       string            `json:"grant_type,omitempty"`
	Scope           string            `json:"scope,omitempty"`
	DetailsTypes    []string          `json:"details_types,omitempty"`
	Actor           *oauth2.Actor     `json:"act,omitempty"`
	Audience        string            `json:"aud,omitempty"`
	Addr            string            `json:"addr,omitempty"`
	By              string            `json:"by,omitempty"`
	Changed         []string          `json:"changed,omitempty"`
	Error           string            `json:"error,omitempty"`
	Reason          string            `json:"reason,omitempty"`
	Data            map[string]any    `json:"data,omitempty"`
	Context         map[string]string `json:"context,omitempty"`

	Lost uint64 `json:"lost,omitempty"`
	Torn *torn  `json:"torn,omitempty"`

	Prev string `json:"prev"`
}

// A torn is what lies between the line before and this one, without the newline that ends it: the rest
// of a line that could not be finished.
type torn struct {
	Bytes int64  `json:"bytes"`
	Sum   string `json:"sha256"`
}

// entryOf is an event in the members of a line.
func entryOf(e oauth2.Event) entry {
	out := entry{
		Time:            e.Time,
		Type:            string(e.Type),
		Issuer:          e.Issuer,
		ClientID:        e.ClientID,
		Subject:         e.Subject,
		AuthorizationID: e.AuthorizationID,
		GrantType:       e.GrantType,
		Scope:           e.Scope.String(),
		DetailsTypes:    e.DetailsTypes,
		Actor:           e.Actor,
		Audience:        e.Audience,
		By:              string(e.By),
		Changed:         e.Changed,
	}
	if e.Addr.IsValid() {
		out.Addr = e.Addr.String()
	}
	if e.Err != nil {
		out.Reason = e.Err.Error()
		if len(out.Reason) > maxReason {
			out.Reason = out.Reason[:maxReason]
		}
		if refusal, ok := errors.AsType[*oauth2.Error](e.Err); ok {
			out.Error = refusal.Code
		}
	}
	return out
}

// hashMember stands between the bytes that are hashed and the hash, and hashEnd behind it.
const (
	hashMember = `,"hash":"`
	hashEnd    = `"}`
	hashLength = 2 * sha256.Size
)

// seal writes an entry as a line, without the newline, and returns its hash too.
func seal(e entry, key []byte) (line []byte, sum string, err error) {
	e.Time = e.Time.UTC().Truncate(time.Millisecond)
	text, err := json.Marshal(e)
	if err != nil {
		return nil, "", fmt.Errorf("audit: %w", err)
	}
	body := text[:len(text)-1] // without the closing brace
	if len(body)+len(hashMember)+hashLength+len(hashEnd) > maxLine {
		return nil, "", fmt.Errorf("audit: an event is longer than %d bytes", maxLine)
	}
	sum = sumOf(body, key)
	body = append(body, hashMember...)
	body = append(body, sum...)
	return append(body, hashEnd...), sum, nil
}

// unseal reads a line that is what was written. Not ok: it is not, or was written with another key.
func unseal(line, key []byte) (e entry, sum string, ok bool) {
	at := len(line) - len(hashMember) - hashLength - len(hashEnd)
	if at < 0 || !bytes.HasSuffix(line, []byte(hashEnd)) || string(line[at:at+len(hashMember)]) != hashMember {
		return e, "", false
	}
	body, sum := line[:at], string(line[at+len(hashMember):len(line)-len(hashEnd)])
	if !hmac.Equal([]byte(sum), []byte(sumOf(body, key))) {
		return e, "", false
	}
	err := json.Unmarshal(line, &e)
	return e, sum, err == nil
}

// sumOf is the hash of a line: keyed if there is a key.
func sumOf(body, key []byte) string {
	if len(key) == 0 {
		sum := sha256.Sum256(body)
		return hex.EncodeToString(sum[:])
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
