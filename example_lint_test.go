package oauth2_test

import (
	"context"
	"fmt"

	"github.com/seed5f5fedc6/oauth2"
)

// A test of an application can hold its configuration to a profile.
func ExampleLint() {
	cfg := oauth2.ServerConfig{
		Issuer:        "https://id.example.com",
		Resources:     []oauth2.Resource{{URI: "https://api.example.com"}},
		Pepper:        []byte("from a vault"),
		SubjectActive: func(context.Context, string) (bool, error) { return true, nil },
		OnEvent:       func(context.Context, oauth2.Event) {},
	}
	app := &oauth2.Client{
		ID:           "app",
		Secrets:      []oauth2.ClientSecret{{Hash: oauth2.HashSecret(oauth2.NewSecret())}},
		RedirectURIs: []string{"http://app.example.com/callback"},
		Scope:        oauth2.Scope{"notes.read"},
	}
	for _, finding := range oauth2.Lint(oauth2.ProfileOAuth21, cfg, app) {
		if finding.Level == oauth2.LevelMust {
			fmt.Println(finding)
		}
	}
	// Output:
	// must: client app, redirect URI http://app.example.com/callback: the redirect URI is http, which only a native client may use, and on the loopback interface alone (RFC 9700 section 2.6)
}
