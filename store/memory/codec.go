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
	// data is what was written so far, or what is read, from at on.
	data []byte
	at   int
	// whole is data as a string, of which the texts that are kept as they are are parts. unpacked are the
	// others. Each is one allocation at most, that all texts of the record share.
	whole    string
	unpacked strings.Builder
	// roomy writes digests as they are.
	roomy bool
	// base is CreatedAt in milliseconds. The other times lie close to it.
	base int64
	// odd is set where the record has what no Server writes: a time that is no whole millisecond in UTC.
	odd bool
	// version stands for the record's own, which an update leaves as it is.
	version int64
	// id is the ID that the reader has at hand already.
	id string
	// room is where the reader puts what nearly every record has.
	room *room
}

// A room is one allocation in place of six. What does not fit in gets one of its own.
type room struct {
	record   oauth2.Authorization
	refresh  oauth2.RefreshToken
	code     oauth2.Code
	access   [1]oauth2.AccessToken
	scope    [3]string
	resource [1]string
}

// noRoom is that of a writer, which reads nothing.
var noRoom room

// keys walks what records are looked for by, and compared by.
func (c *codec) keys(a *oauth2.Authorization) {
	c.key(&a.ID)
	c.number(&c.version)
	c.name(&a.ClientID)
	c.text(&a.Subject)
}

// rest walks all that is no key. Machines' records are many, and are packed. A user's authorization is
// read and written again with each refresh, when packing its digests would take a third of the time.
func (c *codec) rest(a *oauth2.Authorization) {
	c.roomy = a.Refresh != nil || a.Code != nil
	format := int64(a.Format)
	if c.number(&format); c.reading {
		a.Format = int(format)
	}
	c.name(&a.Issuer)
	c.name(&a.GrantType)
	each(c, (*[]string)(&a.Scope), c.room.scope[:], c.name)
	each(c, &a.Resource, c.room.resource[:], c.name)
	c.packed(&a.LineageKey)
	c.created(&a.CreatedAt)
	c.time(&a.ExpiresAt)
	c.time(&a.EndsAt)
	each(c, &a.Access, c.room.access[:], c.access)
	optional(c, &a.Refresh, &c.room.refresh, c.refresh)
	optional(c, &a.Code, &c.room.code, c.code)
	// Machines have none of the others.
	if c.flag(a.AuthTime != time.Time{} || a.ACR != "" || a.AMR != nil || a.SessionID != "" || a.Claims != nil || a.AdoptedUntil != time.Time{} || a.Request != nil || a.Actor != nil || a.Parents != nil || a.Device != nil || a.Details != nil) {
		c.approval(a)
	}
}

func (c *codec) approval(a *oauth2.Authorization) {
	c.time(&a.AuthTime)
	c.name(&a.ACR)
	each(c, &a.AMR, nil, c.name)
	c.text(&a.SessionID)
	c.json(&a.Claims)
	c.json(&a.Details)
	c.time(&a.AdoptedUntil)
	optional(c, &a.Request, nil, c.request)
	optional(c, &a.Actor, nil, c.actor)
	each(c, &a.Parents, nil, c.parent)
	optional(c, &a.Device, nil, c.device)
}

// json walks what is JSON already.
func (c *codec) json(value *json.RawMessage) {
	text := string(*value)
	if c.text(&text); c.reading && text != "" {
		*value = json.RawMessage(text)
	}
}

func (c *codec) actor(a *oauth2.Actor) {
	c.name(&a.Issuer)
	c.text(&a.Subject)
	c.name(&a.ClientID)
	optional(c, &a.Actor, nil, c.actor)
}

func (c *codec) parent(p *oauth2.ParentToken) {
	c.packed(&p.ID)
	c.packed(&p.Digest)
}

func (c *codec) access(t *oauth2.AccessToken) {
	c.packed(&t.Digest)
	c.time(&t.IssuedAt)
	c.time(&t.ExpiresAt)
	// Most are for all of their authorization's scope and resources, and bound to no key.
	if c.flag(t.Scope != nil || t.Audience != nil || t.Details != nil || t.Confirmation != nil) {
		each(c, (*[]string)(&t.Scope), nil, c.name)
		each(c, &t.Audience, nil, c.name)
		c.json(&t.Details)
		optional(c, &t.Confirmation, nil, c.confirmation)
	}
}

func (c *codec) confirmation(key *oauth2.Confirmation) {
	c.packed(&key.JKT)
	c.packed(&key.X5T)
}

func (c *codec) refresh(t *oauth2.RefreshToken) {
	c.packed(&t.Digest)
	c.time(&t.ExpiresAt)
	optional(c, &t.Confirmation, nil, c.confirmation)
	each(c, &t.Rotations, nil, c.rotation)
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

func (c *codec) device(d *oauth2.DeviceRequest) {
	c.packed(&d.Digest)
	each(c, (*[]string)(&d.Scope), nil, c.name)
	each(c, &d.Resource, nil, c.name)
	c.json(&d.Details)
	c.name((*string)(&d.Status))
	c.number(&d.Interval)
	c.time(&d.PolledAt)
	c.time(&d.ExpiresAt)
}

func (c *codec) code(code *oauth2.Code) {
	c.packed(&code.Digest)
	c.text(&code.RedirectURI)
	c.packed(&code.CodeChallenge)
	c.packed(&code.DPoPKey)
	c.time(&code.ExpiresAt)
}

// each walks a list, which is read into room if it fits. nil is another one than the empty list.
func each[T any](c *codec, list *[]T, room []T, walk func(*T)) {
	n := uint64(len(*list)) + 1
	if *list == nil {
		n = 0
	}
	if c.uint(&n); n == 0 {
		return
	}
	switch n--; {
	case c.reading && room != nil && n <= uint64(len(room)):
		*list = room[:n:n]
	case c.reading:
		*list = make([]T, n)
	}
	for i := range *list {
		walk(&(*list)[i])
	}
}

// optional walks what may not be there, and is read into room if there is one.
func optional[T any](c *codec, value **T, room *T, walk func(*T)) {
	if !c.flag(*value != nil) {
		return
	}
	switch {
	case c.reading && room != nil:
		*value = room
	case c.reading:
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

// packed walks a text that is most likely base64url, as digests are, and may be kept as the bytes that
// it stands for. The lowest bit tells whether it is.
func (c *codec) packed(s *string) {
	if c.reading {
		var n uint64
		c.uint(&n)
		*s = c.read(n>>1, n&1 == 1)
		return
	}
	if c.roomy {
		c.bytes(uint64(len(*s))<<1, *s)
		return
	}
	c.data = appendPacked(c.data, *s)
}

// appendPacked writes a text as packed reads it.
func appendPacked(b []byte, s string) []byte {
	if n := packing.DecodedLen(len(s)); n <= maxPacked { // and its length one byte
		// Decoding skips line breaks, which encoding would not give back. The length tells.
		packed, err := packing.AppendDecode(binary.AppendUvarint(b, uint64(n)<<1|1), []byte(s))
		if err == nil && len(packed) == len(b)+1+n {
			return packed
		}
	}
	return append(binary.AppendUvarint(b, uint64(len(s))<<1), s...)
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

// uint walks a number. Most are below 128, and one byte.
func (c *codec) uint(n *uint64) {
	switch {
	case !c.reading && *n < 0x80:
		c.data = append(c.data, byte(*n))
	case !c.reading:
		c.data = binary.AppendUvarint(c.data, *n)
	case c.data[c.at] < 0x80:
		*n = uint64(c.data[c.at])
		c.at++
	default:
		read, size := binary.Uvarint(c.data[c.at:])
		*n, c.at = read, c.at+size
	}
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
	begin := c.at
	raw := c.take(n)
	if !packed {
		if c.whole == "" {
			c.whole = string(c.data)
		}
		return c.whole[begin:c.at]
	}
	if c.unpacked.Cap() == 0 {
		// Texts that follow are no longer than what is left, unpacked.
		c.unpacked.Grow(packing.EncodedLen(len(c.data) - begin))
	}
	var chars [maxPacked * 8 / 6]byte
	packing.Encode(chars[:], raw)
	from := c.unpacked.Len()
	c.unpacked.Write(chars[:packing.EncodedLen(len(raw))])
	return c.unpacked.String()[from:]
}

// take reads n bytes.
func (c *codec) take(n uint64) []byte {
	taken := c.data[c.at : c.at+int(n)]
	c.at += int(n)
	return taken
}

// zigzag makes small numbers of either sign small ones without.
func zigzag(n int64) uint64   { return uint64(n<<1) ^ uint64(n>>63) }
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }
