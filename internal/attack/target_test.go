package attack

import (
	"crypto/ecdsa"
	"crypto/tls"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/secrecy"
	"github.com/seed5f5fedc6/oauth2/internal/testserver"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/redisstore"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
)

// A target is what a server under attack is given: a place for its records, clients and users; and
// what the attackers' side remembers of it.
type target struct {
	place     place
	secrets   map[string]string // of the confidential clients, by ID
	passwords map[string]string // of the users, by name
	// sealingKey seals the signing keys of embedded servers.
	sealingKey []byte
	seen       *secrecy.Recorder
	// signerKey is the key of signer, signerSet what it registered.
	signerKey *ecdsa.PrivateKey
	signerSet jose.JSONWebKeySet
	// card is the certificate of carded.
	card tls.Certificate
}

func newTarget(t *testing.T, k keeper) *target {
	tg := &target{
		place: k.start(t), seen: secrecy.New(), sealingKey: []byte(oauth2.NewSecret())[:32],
		secrets:   map[string]string{odd: "s: %+/ü&=~" + oauth2.NewSecret()},
		passwords: map[string]string{"alice": oauth2.NewSecret(), "bob": oauth2.NewSecret(), "carol": oauth2.NewSecret()},
	}
	for _, id := range []string{web, rival, reader, legacy, postOnly, noCode, signer, relay, agent, box, oldApp, machine, api, farAPI} {
		tg.secrets[id] = oauth2.NewSecret()
	}
	tg.signerKey, tg.signerSet = signingKey()
	tg.card = newPair(t)
	return tg
}

// The clients.
const (
	web      = "web"          // confidential: code and refresh
	rival    = "rival"        // confidential: code and refresh; another party
	reader   = "reader"       // confidential: code only
	legacy   = "legacy"       // confidential: code, and exempt from PKCE
	postOnly = "post-only"    // confidential: sends its secret in the body
	noCode   = "no-code"      // confidential: has a redirect URI, but not the grant
	odd      = "odd:client %" // confidential: characters that Basic and forms treat
	spa      = "spa"          // public: code and refresh; its exemption from PKCE has no effect
	native   = "native"       // public: code, loopback redirects
	bound    = "bound"        // public: code and refresh, DPoP-bound tokens alone
	signer   = "signer"       // confidential: code, and signs its requests
	tv       = "tv"           // public: device codes and refresh
	box      = "box"          // confidential: device codes
	oldPage  = "old-page"     // public: code, and the implicit grant where it is served
	oldApp   = "old-app"      // confidential: the password grant where it is served
	machine  = "machine"      // confidential: client credentials
	relay    = "relay"        // confidential: token exchange and client credentials
	agent    = "agent"        // confidential: assertions of an identity provider
	api      = "api"          // resource server
	farAPI   = "far-api"      // resource server, of another resource
)

const (
	scopeRead  = "contacts.read"
	scopeStats = "contacts.stats"
)

// redirects are where each client's answers are sent by default.
var redirects = map[string]string{
	web: "https://app.example/callback", rival: "https://rival.example/callback", reader: "https://reader.example/callback",
	legacy: "https://legacy.example/callback", noCode: "https://nocode.example/callback", odd: "https://odd.example/callback?fixed=1",
	signer: "https://signer.example/callback", spa: "https://spa.example/callback", bound: "https://bound.example/callback", oldPage: "https://page.example/callback", native: "http://127.0.0.1/callback", postOnly: "https://post.example/callback",
}

// webLoopback is web's second redirect URI. A confidential client is no native one.
const webLoopback = "http://127.0.0.1:7000/callback"

// registrations are the clients in the member names of RFC 7591, as a file has them.
func (tg *target) registrations(t testing.TB) []byte {
	type members = map[string]any
	both, code := []string{"authorization_code", "refresh_token"}, []string{"authorization_code"}
	everything := scopeRead + " " + scopeStats
	clients := []members{
		{"client_id": web, "client_name": `Web <script>alert("1")</script> & 'co'`, "grant_types": both, "scope": everything, "authorization_details_types": []string{exportType}},
		{"client_id": rival, "grant_types": both, "scope": everything},
		{"client_id": reader, "grant_types": code, "scope": scopeRead},
		{"client_id": legacy, "grant_types": both, "scope": everything, "pkce_optional": true},
		{"client_id": postOnly, "grant_types": both, "scope": scopeRead, "token_endpoint_auth_method": "client_secret_post"},
		{"client_id": noCode, "grant_types": []string{"refresh_token"}, "scope": scopeRead},
		{"client_id": odd, "grant_types": append(slices.Clone(both), "client_credentials"), "scope": scopeRead},
		{"client_id": spa, "grant_types": append(slices.Clone(both), "client_credentials"), "scope": scopeRead, "pkce_optional": true},
		{"client_id": bound, "grant_types": both, "scope": scopeRead, "dpop_bound_access_tokens": true},
		{"client_id": signer, "grant_types": code, "scope": everything, "jwks": tg.signerSet},
		{"client_id": native, "grant_types": code, "scope": scopeRead},
		{"client_id": relay, "grant_types": []string{oauth2.GrantTokenExchange, "client_credentials"}, "scope": everything},
		{"client_id": tv, "client_name": `Television <script>`, "grant_types": []string{oauth2.GrantDeviceCode, "refresh_token"}, "scope": everything},
		{"client_id": box, "grant_types": []string{oauth2.GrantDeviceCode}, "scope": scopeRead},
		{"client_id": agent, "grant_types": []string{oauth2.GrantJWTBearer}, "scope": everything},
		{"client_id": oldPage, "grant_types": []string{"authorization_code", "implicit", "refresh_token"}, "scope": everything},
		{"client_id": oldApp, "grant_types": []string{"password", "refresh_token"}, "scope": scopeRead},
		{"client_id": machine, "grant_types": []string{"client_credentials"}, "scope": scopeStats, "authorization_details_types": []string{exportType}},
		{"client_id": api, "grant_types": []string{}, "resource_server": true},
		{"client_id": farAPI, "grant_types": []string{}, "resource_server": true, "resources": []string{"https://far.example/api"}},
	}
	clients = append(clients, tg.clientsWithKeys(t)...)
	for _, c := range clients {
		id := c["client_id"].(string)
		c["client_secret"] = tg.secrets[id]
		switch uri, ok := redirects[id]; {
		case id == native:
			c["redirect_uris"] = []string{uri, "http://[::1]:1234/callback?fixed=1", "http://localhost:9094/callback", "com.example.app:/callback"}
		case id == web:
			c["redirect_uris"] = []string{uri, webLoopback}
		case id == postOnly:
			c["redirect_uris"] = []string{uri, redirects[web]} // so that no redirect URI tells the two apart
		case ok:
			c["redirect_uris"] = []string{uri}
		}
	}
	data, err := json.Marshal(clients)
	require.NoError(t, err)
	return data
}

// A place is where the records of a target live.
type place struct {
	// flag is what the program's -store says.
	flag string
	// open opens the store for a server in this process.
	open func(t *testing.T) oauth2.TokenStore
	// read is everything that is kept there, keys included. It is nil where nothing outlasts the process.
	read func(t *testing.T) []byte
}

// A keeper starts a new place.
type keeper struct {
	name  string
	start func(t *testing.T) place
}

var inMemory = keeper{"memory", func(*testing.T) place {
	store := memory.New()
	return place{flag: "memory", open: func(*testing.T) oauth2.TokenStore { return store }}
}}

var inSQLite = keeper{"sqlite", func(t *testing.T) place {
	path := filepath.Join(t.TempDir(), "records.db")
	return place{
		flag: "sqlite:" + path,
		open: func(t *testing.T) oauth2.TokenStore {
			store, err := sqlite.Open(t.Context(), path)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			return store
		},
		read: func(t *testing.T) []byte {
			var all []byte
			files, err := filepath.Glob(path + "*") // the log of writes beside it too
			require.NoError(t, err)
			for _, file := range files {
				data, err := os.ReadFile(file)
				require.NoError(t, err)
				all = append(all, data...)
			}
			return all
		},
	}
}}

var inRedis = keeper{"redis", func(t *testing.T) place {
	addr, _ := testserver.Redis(t, "--appendonly", "no")
	client := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return place{
		flag: "redis://" + addr,
		open: func(t *testing.T) oauth2.TokenStore {
			store, err := redisstore.New(t.Context(), client, redisstore.Options{})
			require.NoError(t, err)
			return store
		},
		read: func(t *testing.T) []byte { return readRedis(t, client) },
	}
}}

// readRedis is every key and every value.
func readRedis(t *testing.T, client *redis.Client) []byte {
	var all strings.Builder
	keys := client.Scan(t.Context(), 0, "*", 1000).Iterator()
	for keys.Next(t.Context()) {
		key := keys.Val()
		all.WriteString(key + "\n")
		kind, err := client.Type(t.Context(), key).Result()
		require.NoError(t, err)
		switch kind {
		case "string":
			value, err := client.Get(t.Context(), key).Result()
			require.NoError(t, err)
			all.WriteString(value + "\n")
		case "zset":
			members, err := client.ZRange(t.Context(), key, 0, -1).Result()
			require.NoError(t, err)
			all.WriteString(strings.Join(members, "\n") + "\n")
		default:
			require.Equal(t, "none", kind, "%s: this type of value is not read here", key) // none: it went meanwhile
		}
	}
	require.NoError(t, keys.Err())
	return []byte(all.String())
}
