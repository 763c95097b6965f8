// Package browser is what a person would do with a browser, for programs: it keeps cookies, follows
// redirects, reads forms and submits them.
package browser

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// A Browser belongs to one person, who does one thing at a time.
type Browser struct {
	// Client sends the requests. Its jar has the cookies.
	Client *http.Client
	// LeaveAt stops at a redirect to a URL that begins so, as if the person had copied it.
	LeaveAt string
}

// New returns a browser without cookies. Pages are asked for in English.
func New() *Browser {
	jar, _ := cookiejar.New(nil) // it fails with options only
	b := &Browser{}
	b.Client = &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if b.LeaveAt != "" && strings.HasPrefix(r.URL.String(), b.LeaveAt) || len(via) > 10 {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return b
}

// A Page is what the browser ended up at.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Text   string           // as it was sent
	Words  string           // as a person reads it
	Forms  map[string]*Form // by id, or by the action's path where there is none
}

// A Form is a form of a page, with its fields filled in as the page has them.
type Form struct {
	Action *url.URL
	Fields url.Values
}

// Open goes to an address.
func (b *Browser) Open(ctx context.Context, address string) (*Page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return b.do(r)
}

// Submit sends a form with some fields filled in, names and values in turn. The origin is that of the
// form's action, unless another is named.
func (b *Browser) Submit(ctx context.Context, f *Form, origin string, fill ...string) (*Page, error) {
	fields := url.Values{}
	for name, values := range f.Fields {
		fields[name] = values
	}
	for i := 0; i+1 < len(fill); i += 2 {
		fields.Set(fill[i], fill[i+1])
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.Action.String(), strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if origin == "" {
		origin = f.Action.Scheme + "://" + f.Action.Host
	}
	r.Header.Set("Origin", origin)
	return b.do(r)
}

func (b *Browser) do(r *http.Request) (*Page, error) {
	r.Header.Set("Accept-Language", "en")
	res, err := b.Client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	p := &Page{URL: res.Request.URL, Status: res.StatusCode, Header: res.Header, Text: string(body), Forms: map[string]*Form{}}
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	var words strings.Builder
	for node := range root.Descendants() {
		switch {
		case node.Type == html.TextNode:
			words.WriteString(node.Data)
		case node.Type == html.ElementNode && node.Data == "form":
			p.addForm(node)
		}
	}
	p.Words = strings.Join(strings.Fields(words.String()), " ")
	return p, nil
}

func (p *Page) addForm(node *html.Node) {
	action, err := p.URL.Parse(attribute(node, "action"))
	if err != nil {
		return
	}
	f := &Form{Action: action, Fields: url.Values{}}
	for field := range node.Descendants() {
		if field.Type == html.ElementNode && field.Data == "input" && attribute(field, "name") != "" {
			f.Fields.Set(attribute(field, "name"), attribute(field, "value"))
		}
	}
	id := attribute(node, "id")
	if id == "" {
		id = action.Path
	}
	p.Forms[id] = f
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Form returns a form of the page.
func (p *Page) Form(id string) (*Form, error) {
	f, ok := p.Forms[id]
	if !ok {
		return nil, fmt.Errorf("%d %s has no form %q", p.Status, p.URL.Path, id)
	}
	return f, nil
}

// Location is where the page redirects to.
func (p *Page) Location() (*url.URL, error) {
	target := p.Header.Get("Location")
	if target == "" {
		return nil, fmt.Errorf("%d %s redirects nowhere", p.Status, p.URL.Path)
	}
	return p.URL.Parse(target)
}
