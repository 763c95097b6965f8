package sqlite_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
)

// An authorization server that keeps its records and its clients in one file.
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "sqlite")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)

	store, err := sqlite.Open(ctx, filepath.Join(folder, "oauth2.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	secret := oauth2.NewSecret() // shown to the client's developer once
	err = store.Clients().CreateClient(ctx, &oauth2.Client{
		ID:           "web",
		Secrets:      []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secret)}},
		RedirectURIs: []string{"https://app.example.com/callback"},
	})
	if err != nil {
		log.Fatal(err)
	}

	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:  "https://id.example.com",
		Clients: store.Clients(),
		Tokens:  store,
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return &oauth2.Approval{Subject: "alice"}, nil // ask the user here
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(server.Issuer())
	// Output: https://id.example.com
}

// Expired records are harmless. A program that calls Sweep every few minutes keeps the file small;
// any number of replicas may do so.
func ExampleOpen_sweep() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "sqlite")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	store, err := sqlite.Open(ctx, filepath.Join(folder, "oauth2.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	swept, err := store.Sweep(ctx, time.Now(), 10_000)
	fmt.Println(swept, err)
	// Output: 0 <nil>
}
