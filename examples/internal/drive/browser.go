package drive

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

// A browser keeps cookies and does what a person would do with it.
type browser struct {
	client *http.Client
	// leaveAt stops at a redirect to a URL that begins so, as if the person had copied it.
	leaveAt string
}

func newBrowser() *browser {
	jar, _ := cookiejar.New(nil) // it fails with options only
	b := &browser{}
	b.client = &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if b.leaveAt != "" && strings.HasPrefix(r.URL.String(), b.leaveAt) || len(via) > 10 {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return b
}

// A page is what the browser ended up at.
type page struct {
	url    *url.URL
	status int
	header http.Header
	text   string           // as it was sent
	words  string           // as a person reads it
	forms  map[string]*form // by id, or by action where there is none
}

// A form is a form of a page, with its fields filled in as the page has them.
type form struct {
	action *url.URL
	fields url.Values
}

func (b *browser) open(ctx context.Context, address string) (*page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return b.do(r)
}

// submit sends a form with some fields filled in, as the page's own origin or as another.
func (b *browser) submit(ctx context.Context, f *form, origin string, fill ...string) (*page, error) {
	fields := url.Values{}
	for name, values := range f.fields {
		fields[name] = values
	}
	for i := 0; i+1 < len(fill); i += 2 {
		fields.Set(fill[i], fill[i+1])
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.action.String(), strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if origin == "" {
		origin = f.action.Scheme + "://" + f.action.Host
	}
	r.Header.Set("Origin", origin)
	return b.do(r)
}

func (b *browser) do(r *http.Request) (*page, error) {
	r.Header.Set("Accept-Language", "en")
	res, err := b.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	p := &page{url: res.Request.URL, status: res.StatusCode, header: res.Header, text: string(body), forms: map[string]*form{}}
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
	p.words = strings.Join(strings.Fields(words.String()), " ")
	return p, nil
}

func (p *page) addForm(node *html.Node) {
	action, err := p.url.Parse(attribute(node, "action"))
	if err != nil {
		return
	}
	f := &form{action: action, fields: url.Values{}}
	for field := range node.Descendants() {
		if field.Type == html.ElementNode && field.Data == "input" && attribute(field, "name") != "" {
			f.fields.Set(attribute(field, "name"), attribute(field, "value"))
		}
	}
	id := attribute(node, "id")
	if id == "" {
		id = action.Path
	}
	p.forms[id] = f
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// form returns a form of the page.
func (p *page) form(id string) (*form, error) {
	f, ok := p.forms[id]
	if !ok {
		return nil, fmt.Errorf("%d %s has no form %q", p.status, p.url.Path, id)
	}
	return f, nil
}

// location is where the page redirects to.
func (p *page) location() (*url.URL, error) {
	target := p.header.Get("Location")
	if target == "" {
		return nil, fmt.Errorf("%d %s redirects nowhere", p.status, p.url.Path)
	}
	return p.url.Parse(target)
}
