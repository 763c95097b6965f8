package memory

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// A codec writes a record as bytes, or reads one. Both are the same walk over the same fields, so that
// the two cannot drift apart: each method appends what its pointer holds, or sets it.
//
// A million machine tokens take a quarter of the memory that structs take, and hold no pointer that
// the garbage collector would have to follow.
type codec struct {
	names   *names
	reading bool
	// data is what was written so far, or what is left to be read.
	data []byte
	// texts are what was read, in one allocation that all texts of the record share.
	texts strings.Builder
	// base is CreatedAt in milliseconds. The other times lie close to it.
	base int64
	// odd is set where the record has what no Server writes: a time that is no whole millisecond in UTC.
	odd bool
	// version stands for the record's own, which an update leaves as it is.
	version int64
	// id is the ID that the reader has at hand already.
	id string
}

// keys walks what records are looked for by, and compared by.
func (c *codec) keys(a *oauth2.Authorization) {
	c.key(&a.ID)
	c.number(&c.version)
	c.name(&a.ClientID)
	c.text(&a.Subject)
}

// rest walks all that is no key.
func (c *codec) rest(a *oauth2.Authorization) {
	format := int64(a.Format)
	if c.number(&format); c.reading {
		a.Format = int(format)
	}
	c.name(&a.Issuer)
	c.name(&a.GrantType)
	each(c, (*[]string)(&a.Scope), c.name)
	each(c, &a.Resource, c.name)
	c.packed(&a.LineageKey)
	c.created(&a.CreatedAt)
	c.time(&a.ExpiresAt)
	c.time(&a.EndsAt)
	each(c, &a.Access, c.access)
	optional(c, &a.Refresh, c.refresh)
	optional(c, &a.Code, c.code)
	// Machines have none of the others.
	if c.flag(a.AuthTime != time.Time{} || a.ACR != "" || a.AMR != nil || a.SessionID != "" || a.Claims != nil || a.AdoptedUntil != time.Time{} || a.Request != nil) {
		c.approval(a)
	}
}

func (c *codec) approval(a *oauth2.Authorization) {
	claims := string(a.Claims)
	c.time(&a.AuthTime)
	c.name(&a.ACR)
	each(c, &a.AMR, c.name)
	c.text(&a.SessionID)
	if c.text(&claims); c.reading && claims != "" {
		a.Claims = json.RawMessage(claims)
	}
	c.time(&a.AdoptedUntil)
	optional(c, &a.Request, c.request)
}

func (c *codec) access(t *oauth2.AccessToken) {
	c.packed(&t.Digest)
	each(c, (*[]string)(&t.Scope), c.name)
	each(c, &t.Audience, c.name)
	c.time(&t.IssuedAt)
	c.time(&t.ExpiresAt)
	optional(c, &t.Confirmation, c.confirmation)
}

func (c *codec) confirmation(key *oauth2.Confirmation) {
	c.packed(&key.JKT)
	c.packed(&key.X5T)
}

func (c *codec) refresh(t *oauth2.RefreshToken) {
	c.packed(&t.Digest)
	c.time(&t.ExpiresAt)
	optional(c, &t.Confirmation, c.confirmation)
	each(c, &t.Rotations, c.rotation)
}

func (c *codec) rotation(r *oauth2.Rotation) {
	c.packed(&r.Digest)
	c.packed(&r.Salt)
	c.time(&r.RotatedAt)
}

func (c *codec) request(r *oauth2.PushedRequest) {
	c.packed(&r.Digest)
	c.text(&r.Parameters)
	r.Opened = c.flag(r.Opened)
	c.time(&r.ExpiresAt)
}

func (c *codec) code(code *oauth2.Code) {
	c.packed(&code.Digest)
	c.text(&code.RedirectURI)
	c.packed(&code.CodeChallenge)
	c.packed(&code.DPoPKey)
	c.time(&code.ExpiresAt)
}

// each walks a list. nil is another one than the empty list.
func each[T any](c *codec, list *[]T, walk func(*T)) {
	n := uint64(len(*list)) + 1
	if *list == nil {
		n = 0
	}
	if c.uint(&n); n == 0 {
		return
	}
	if c.reading {
		*list = make([]T, n-1)
	}
	for i := range *list {
		walk(&(*list)[i])
	}
}

// optional walks what may not be there.
func optional[T any](c *codec, value **T, walk func(*T)) {
	if !c.flag(*value != nil) {
		return
	}
	if c.reading {
		*value = new(T)
	}
	walk(*value)
}

// name walks a text that many records share, such as a client's ID. The lowest bit tells a number of
// c.names from a length.
func (c *codec) name(s *string) {
	if c.reading {
		var n uint64
		if c.uint(&n); n&1 == 1 {
			*s = c.names.text(n >> 1)
		} else {
			*s = c.read(n>>1, false)
		}
		return
	}
	if i, ok := c.names.number(*s); ok {
		i = i<<1 | 1
		c.uint(&i)
		return
	}
	c.bytes(uint64(len(*s))<<1, *s)
}

// text walks any text.
func (c *codec) text(s *string) {
	if c.reading {
		var n uint64
		c.uint(&n)
		*s = c.read(n, false)
		return
	}
	c.bytes(uint64(len(*s)), *s)
}

// packed walks a text that is most likely base64url, as digests are, and is kept as the bytes that it
// stands for. The lowest bit tells whether it is.
func (c *codec) packed(s *string) {
	if c.reading {
		var n uint64
		c.uint(&n)
		*s = c.read(n>>1, n&1 == 1)
		return
	}
	var buf [maxPacked]byte
	if n, ok := pack(&buf, *s); ok {
		length := uint64(n)<<1 | 1
		c.uint(&length)
		c.data = append(c.data, buf[:n]...)
		return
	}
	c.bytes(uint64(len(*s))<<1, *s)
}

// key walks the ID.
func (c *codec) key(s *string) {
	if !c.reading || c.id == "" {
		c.packed(s)
		return
	}
	var n uint64
	c.uint(&n)
	c.take(n >> 1)
	*s = c.id
}

// created walks the time that the others are counted from.
func (c *codec) created(t *time.Time) {
	c.base = 0
	c.time(t)
	if !t.IsZero() {
		c.base = t.UnixMilli()
	}
}

// time walks a time, in milliseconds since c.base. Zero time is 0, which no other is.
func (c *codec) time(t *time.Time) {
	if c.reading {
		var n uint64
		if c.uint(&n); n > 0 {
			*t = time.UnixMilli(c.base + unzigzag(n-1)).UTC()
		}
		return
	}
	var n uint64
	if !t.IsZero() {
		n = zigzag(t.UnixMilli()-c.base) + 1
	}
	c.odd = c.odd || t.Location() != time.UTC || t.Nanosecond()%int(time.Millisecond) != 0
	c.uint(&n)
}

func (c *codec) number(n *int64) {
	u := zigzag(*n)
	if c.uint(&u); c.reading {
		*n = unzigzag(u)
	}
}

func (c *codec) flag(set bool) bool {
	var n uint64
	if set {
		n = 1
	}
	c.uint(&n)
	return n == 1
}

func (c *codec) uint(n *uint64) {
	if !c.reading {
		c.data = binary.AppendUvarint(c.data, *n)
		return
	}
	read, size := binary.Uvarint(c.data)
	*n, c.data = read, c.data[size:]
}

// bytes writes a text behind its length.
func (c *codec) bytes(length uint64, s string) {
	c.uint(&length)
	c.data = append(c.data, s...)
}

// read reads a text of n bytes.
func (c *codec) read(n uint64, packed bool) string {
	if n == 0 {
		return ""
	}
	if c.texts.Cap() == 0 {
		// Texts that follow are no longer than what is left, unpacked.
		c.texts.Grow(packing.EncodedLen(len(c.data)))
	}
	at := c.texts.Len()
	if raw := c.take(n); packed {
		var chars [maxPacked * 8 / 6]byte
		packing.Encode(chars[:], raw)
		c.texts.Write(chars[:packing.EncodedLen(len(raw))])
	} else {
		c.texts.Write(raw)
	}
	return c.texts.String()[at:]
}

// take reads n bytes.
func (c *codec) take(n uint64) []byte {
	taken := c.data[:n]
	c.data = c.data[n:]
	return taken
}

// zigzag makes small numbers of either sign small ones without.
func zigzag(n int64) uint64   { return uint64(n<<1) ^ uint64(n>>63) }
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }
