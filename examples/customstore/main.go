// Command customstore keeps authorizations in a storage engine that the library has no adapter for:
// bbolt, a key-value store in a file. boltstore.go is all that a server needs; capabilities.go adds
// listing and sweeping; boltstore_test.go proves both.
//
// It issues an access token, starts anew, and finds the token still good.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/probe"
)

func main() {
	launch.Main("customstore", func(ctx context.Context, _ []string) error {
		folder, err := os.MkdirTemp("", "customstore")
		if err != nil {
			return err
		}
		return errors.Join(run(ctx, filepath.Join(folder, "oauth2.db"), os.Stdout), os.RemoveAll(folder))
	})
}

func run(ctx context.Context, path string, out io.Writer) error {
	secret := oauth2.NewSecret()
	clients, err := memory.NewClients(&oauth2.Client{
		ID:         "machine",
		Secrets:    []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secret)}},
		GrantTypes: []string{oauth2.GrantClientCredentials},
		Scope:      oauth2.Scope{"read"},
	})
	if err != nil {
		return err
	}
	var token string
	err = serve(ctx, path, clients, func(server *oauth2.Server) (err error) {
		token, err = issue(ctx, server, "machine", secret)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "issued a token")
	return serve(ctx, path, clients, func(server *oauth2.Server) error {
		info, err := server.Check(ctx, token)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "after a restart it is good: client %s, scope %s\n", info.ClientID, info.Scope)
		return nil
	})
}

// serve plays the life of one process: it opens the file, makes sure that the store can be trusted,
// and closes the file in the end.
func serve(ctx context.Context, path string, clients oauth2.ClientStore, use func(*oauth2.Server) error) (err error) {
	store, err := openStore(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.db.Close()) }()
	if err := probe.Store(ctx, store); err != nil {
		return err
	}
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:  "http://localhost:8660",
		Clients: clients,
		Tokens:  store,
		Grants:  []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
	})
	if err != nil {
		return err
	}
	return use(server)
}

// issue asks for an access token as a client does (RFC 6749 section 4.4.2), without a network between.
func issue(ctx context.Context, server *oauth2.Server, id, secret string) (string, error) {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, server.Issuer()+"/token", strings.NewReader("grant_type=client_credentials"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(id, secret)
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		return "", err
	}
	if w.Code != http.StatusOK {
		return "", fmt.Errorf("the token endpoint answers %d %s", w.Code, answer.Error)
	}
	return answer.AccessToken, nil
}
