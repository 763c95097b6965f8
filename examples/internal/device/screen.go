package device

import (
	"bytes"
	"context"
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"rsc.io/qr"
)

// lastLook is how long a page that is open may take to show how it ended.
const lastLook = 5 * time.Second

//go:embed screen.html
var screenPage string

var screenTemplate = template.Must(template.New("screen").Parse(screenPage))

// A screen is what the device shows: its code, and where to enter it. It is safe for concurrent use.
type screen struct {
	userCode, uri, complete string
	code                    *qr.Code

	mu    sync.Mutex
	done  bool
	lines []string
	err   error
	// watched: the page was asked for. shown is closed once it told how it ended.
	watched bool
	shown   chan struct{}
}

// newScreen makes the QR code of the URI that includes the user code; beside it the code is shown as text,
// for the user to compare (RFC 8628 section 3.3.1).
func newScreen(codes *oauth2.DeviceAuthResponse) (*screen, error) {
	s := &screen{userCode: codes.UserCode, uri: codes.VerificationURI, complete: codes.VerificationURIComplete, shown: make(chan struct{})}
	if s.complete == "" {
		s.complete = s.uri
	}
	var err error
	s.code, err = qr.Encode(s.complete, qr.M)
	return s, err
}

// text is the screen of a terminal.
func (s *screen) text() string {
	var b strings.Builder
	b.WriteString("Open " + s.uri + " on your telephone or computer, and enter\n\n    " + s.userCode + "\n\nor scan this, and compare the code:\n\n")
	const border = 2
	// Two rows are one line of half blocks; what is light is drawn, as terminals are dark.
	for y := -border; y < s.code.Size+border; y += 2 {
		for x := -border; x < s.code.Size+border; x++ {
			switch upper, lower := s.code.Black(x, y), s.code.Black(x, y+1); {
			case upper && lower:
				b.WriteByte(' ')
			case upper:
				b.WriteRune('▄')
			case lower:
				b.WriteRune('▀')
			default:
				b.WriteRune('█')
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// finish keeps how it ended, and waits a moment for a page that is open to tell.
func (s *screen) finish(ctx context.Context, lines []string, err error) {
	s.mu.Lock()
	s.done, s.lines, s.err = true, lines, err
	watched := s.watched
	s.mu.Unlock()
	if !watched {
		return
	}
	select {
	case <-s.shown:
	case <-ctx.Done():
	case <-time.After(lastLook):
	}
}

// ServeHTTP answers the page and its picture. The page asks again by itself until all is done.
func (s *screen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; frame-ancestors 'none'")
	switch r.URL.Path {
	case "/":
		s.page(w)
	case "/qr.png":
		h.Set("Content-Type", "image/png")
		_, _ = w.Write(s.code.PNG()) // a browser that went away is no fault
	default:
		http.NotFound(w, r)
	}
}

func (s *screen) page(w http.ResponseWriter) {
	s.mu.Lock()
	s.watched = true
	data := struct {
		UserCode, URI, Complete string
		Done, Failed            bool
		Contacts                []string
	}{s.userCode, s.uri, s.complete, s.done, s.err != nil, s.lines}
	s.mu.Unlock()
	if !data.Done {
		w.Header().Set("Refresh", "2")
	}
	var text bytes.Buffer
	if err := screenTemplate.Execute(&text, data); err != nil {
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(text.Bytes()) // a browser that went away is no fault
	if data.Done {
		s.tellShown()
	}
}

// tellShown lets finish go on.
func (s *screen) tellShown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.shown:
	default:
		close(s.shown)
	}
}
