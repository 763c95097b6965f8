package clientcache_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/clientcache"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

func Example() {
	ctx := context.Background()
	registry, err := memory.NewClients(&oauth2.Client{ID: "web", Name: "Shop"})
	if err != nil {
		panic(err)
	}
	clients, err := clientcache.New(registry, clientcache.Options{For: time.Minute})
	if err != nil {
		panic(err)
	}
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:  "https://id.example.com",
		Clients: clients,
		Tokens:  memory.New(),
		Grants:  []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(server.Issuer())

	// This process sees its own changes at once, others within a minute.
	if err := registry.UpdateClient(ctx, &oauth2.Client{ID: "web", Name: "Shop and more"}); err != nil {
		panic(err)
	}
	clients.Forget("web")
	client, err := clients.Client(ctx, "web")
	if err != nil {
		panic(err)
	}
	fmt.Println(client.Name)
	// Output:
	// https://id.example.com
	// Shop and more
}
