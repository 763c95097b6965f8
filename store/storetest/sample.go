package storetest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// newID is an ID as the Server draws it: 20 characters of base64url.
func newID() string {
	var b [15]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// newDigest is as long as the digest of a token.
func newDigest() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// now is the time in the precision of records. Records are dated by the real clock, because the
// engine of a store may expire them by it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// newRecord is a small record that expires in an hour.
func newRecord() *oauth2.Authorization {
	return &oauth2.Authorization{
		ID:         newID(),
		Version:    1,
		Format:     1,
		Issuer:     "https://id.example.com",
		ClientID:   "client",
		GrantType:  oauth2.GrantClientCredentials,
		CreatedAt:  now(),
		ExpiresAt:  now().Add(time.Hour),
		EndsAt:     now().Add(24 * time.Hour),
		LineageKey: newID(),
	}
}

// pendingRecord waits for its code to be redeemed.
func pendingRecord() *oauth2.Authorization {
	a := newRecord()
	a.Subject, a.GrantType = "alice", oauth2.GrantAuthorizationCode
	a.Code = &oauth2.Code{Digest: newDigest(), RedirectURI: "https://app.example.com/cb?a=1&b=2", ExpiresAt: now().Add(time.Minute)}
	return a
}

// fullRecord has a value in every field, and as many of each as the Server keeps.
func fullRecord() *oauth2.Authorization {
	a := pendingRecord()
	a.Version = 41
	a.Scope = oauth2.Scope{"contacts.read", "contacts.stats"}
	a.Resource = []string{"https://api.example.com/contacts", "urn:example:stats"}
	a.Details = json.RawMessage(`[{"type":"payment","amount":9007199254740993,"to":"Zoë"},{"type":"contacts_export"}]`)
	a.AuthTime = now().Add(-time.Minute)
	a.ACR, a.AMR, a.SessionID = "urn:example:silver", []string{"pwd", "otp"}, newID()
	a.Claims = json.RawMessage(`{"level":9007199254740993,"name":"Zoë <z@example.com>","nested":{"list":[1,2.5,null,true,""]}}`)
	a.AdoptedUntil = now().Add(time.Hour)
	a.Actor = &oauth2.Actor{Issuer: "https://other.example.com", Subject: "bob", ClientID: "proxy", Actor: &oauth2.Actor{Issuer: "https://id.example.com", Subject: "service", ClientID: "service"}}
	a.Parents = []oauth2.ParentToken{{ID: newID(), Digest: newDigest()}, {ID: newID(), Digest: newDigest()}}
	a.Code.CodeChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	a.Code.DPoPKey = newDigest()
	a.Request = &oauth2.PushedRequest{Digest: newDigest(), Parameters: "client_id=client&state=%C3%AB%26", Opened: true, ExpiresAt: now().Add(time.Minute)}
	a.Device = &oauth2.DeviceRequest{
		Digest: newDigest(), Scope: oauth2.Scope{"contacts.read"}, Resource: []string{"urn:example:stats"}, Details: a.Details, Status: oauth2.DeviceApproved,
		Interval: 10, PolledAt: now().Add(-time.Second), ExpiresAt: now().Add(10 * time.Minute),
	}
	a.Refresh = &oauth2.RefreshToken{Digest: newDigest(), ExpiresAt: now().Add(30 * 24 * time.Hour)}
	a.Refresh.Confirmation = &oauth2.Confirmation{JKT: newDigest(), X5T: newDigest()}
	for i := range 8 {
		a.Refresh.Rotations = append(a.Refresh.Rotations, oauth2.Rotation{
			Digest: newDigest(), Salt: newID(), RotatedAt: now().Add(time.Duration(i-8) * time.Millisecond),
		})
	}
	for i := range 20 {
		token := oauth2.AccessToken{Digest: newDigest(), IssuedAt: now(), ExpiresAt: now().Add(time.Duration(i) * time.Minute)}
		if i%2 == 0 {
			token.Scope, token.Audience = oauth2.Scope{"contacts.read"}, []string{"urn:example:stats"}
			token.Details = json.RawMessage(`[{"type":"contacts_export"}]`)
			token.Confirmation = &oauth2.Confirmation{JKT: newDigest(), X5T: newDigest()}
		}
		a.Access = append(a.Access, token)
	}
	return a
}

// largestRecord has long values too. The Server bounds the numbers of tokens, not their scopes, and an
// application may claim at length; an identifier of a subject has 255 characters at most (OpenID
// Connect Core section 2), and one of a client may be a URL.
func largestRecord() *oauth2.Authorization {
	a := fullRecord()
	a.Subject = strings.Repeat("s", 255)
	a.ClientID = "https://app.example.com/" + strings.Repeat("c", 231)
	a.Scope = nil
	for i := range 100 {
		a.Scope = append(a.Scope, fmt.Sprintf("https://api.example.com/scopes/number-%d", i))
	}
	for i := range a.Access {
		a.Access[i].Scope = slices.Clone(a.Scope)
	}
	a.Claims, _ = json.Marshal(map[string]string{"text": strings.Repeat("漢字 ", 10_000)}) // strings always encode
	return a
}

// oddStrings are what a careless encoding, quoting, collation or pattern spoils.
var oddStrings = []string{
	"Ünïcødé ✓ 漢字 🔑 e\u0301",
	"NUL \x00 and other controls \x01\t\r\n\x7f",
	`quotes ' " ; and backslashes \ \\ \n \u0000`,
	"-- $1 ? :name @p1 %s %00 {prefix} {{.}}",
	"<script>&amp;\u2028\u2029</script>",
	"blanks at the end  ",
}

// oddRecords have each of the odd strings in every field that is free text, and times that are zero
// or far away.
func oddRecords() []*oauth2.Authorization {
	var records []*oauth2.Authorization
	for _, odd := range oddStrings {
		a := fullRecord()
		a.Subject, a.SessionID, a.ACR = odd, odd, odd
		a.AMR = []string{odd, ""}
		a.Claims, _ = json.Marshal(map[string]string{odd: odd}) // strings always encode
		records = append(records, a)
	}
	zero := pendingRecord()
	zero.CreatedAt, zero.EndsAt, zero.Code.ExpiresAt = time.Time{}, time.Time{}, time.Time{}
	zero.Code.Digest = ""
	far := newRecord()
	far.ExpiresAt = time.Date(9998, 12, 31, 23, 59, 59, 999e6, time.UTC)
	far.EndsAt = far.ExpiresAt
	far.Version = 1 << 53
	return append(records, zero, far)
}

// numbered are n records that differ in their IDs, by mk's wishes for each.
func numbered(n int, mk func(i int, a *oauth2.Authorization)) []*oauth2.Authorization {
	records := make([]*oauth2.Authorization, n)
	for i := range records {
		records[i] = newRecord()
		records[i].SessionID = fmt.Sprintf("session %d", i)
		mk(i, records[i])
	}
	return records
}

// copies are n copies of a record that differ in their session IDs.
func copies(n int, a *oauth2.Authorization) []*oauth2.Authorization {
	records := make([]*oauth2.Authorization, n)
	for i := range records {
		records[i] = a.Clone()
		records[i].SessionID = fmt.Sprintf("session %d", i)
	}
	return records
}
