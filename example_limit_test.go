package oauth2_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A login page that nobody can guess passwords on. It works for any login page of the application,
// whether or not an authorization request led there.
func ExampleServer_VerifyPassword() {
	clients, err := memory.NewClients()
	if err != nil {
		log.Fatal(err)
	}
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:  "https://id.example.com",
		Clients: clients,
		Tokens:  memory.New(),
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return nil, oauth2.ErrAccessDenied
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	hashes := map[string]string{"alice": oauth2.HashPassword("wonderland")}

	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, password := r.PostFormValue("username"), r.PostFormValue("password")
		right, err := server.VerifyPassword(r, name, hashes[name], password)
		var limited *oauth2.Error
		if errors.As(err, &limited) {
			limited.SetRetryAfter(w.Header())
			http.Error(w, "Too many attempts. Please wait a moment.", limited.Status)
			return
		}
		if !right {
			http.Error(w, "The name and the password do not belong together.", http.StatusForbidden)
			return
		}
		fmt.Fprintln(w, "Hello,", name) // begin a session here
	}))
	defer web.Close()

	attempt := func(password string) int {
		res, err := http.PostForm(web.URL, url.Values{"username": {"alice"}, "password": {password}})
		if err != nil {
			log.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	guesses := 0
	for attempt("guess") != http.StatusTooManyRequests {
		guesses++ // ten at once, and one more with every six seconds
	}
	fmt.Println("ten guesses are forgiven:", guesses >= 10)
	fmt.Println("right:", attempt("wonderland"))
	// Output:
	// ten guesses are forgiven: true
	// right: 200
}

// A limiter with budgets of one's own, behind a proxy on a private network.
func ExampleNewMemoryLimiter() {
	cfg := oauth2.ServerConfig{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		FailureLimiter: oauth2.NewMemoryLimiter(oauth2.MemoryLimiterConfig{
			Budgets: map[oauth2.AttemptKind]oauth2.FailureBudgets{
				oauth2.AttemptClient: {PerAddress: oauth2.FailureBudget{Burst: 20, Every: 10 * time.Second}},
			},
		}),
	}
	failure := oauth2.Attempt{Kind: oauth2.AttemptClient, Addr: netip.MustParseAddr("192.0.2.1")}
	for range 20 {
		cfg.FailureLimiter.Failed(context.Background(), failure)
	}
	fmt.Println(cfg.FailureLimiter.Failed(context.Background(), failure) > 0)
	// Output: true
}
