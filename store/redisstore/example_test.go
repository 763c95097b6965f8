package redisstore_test

import (
	"context"
	"log"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/redisstore"
)

// An authorization server that keeps its records in a Redis with Sentinel, and counts a write as
// done once a replica has it.
func Example() {
	ctx := context.Background()
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs:      []string{"sentinel-1:26379", "sentinel-2:26379", "sentinel-3:26379"},
		MasterName: "oauth2",
	})
	defer client.Close()

	store, err := redisstore.New(ctx, client, redisstore.Options{
		WaitReplicas: 1,
		WaitTimeout:  500 * time.Millisecond,
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
	log.Fatal((&http.Server{Addr: ":8080", Handler: server, ReadHeaderTimeout: time.Minute}).ListenAndServe())
}
