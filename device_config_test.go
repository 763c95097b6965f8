package oauth2_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestTheDeviceGrantIsServedAndAdvertisedOnlyWhereConfigured(t *testing.T) {
	t.Parallel()
	with, without := newDeviceWorld(t), newWorld(t)
	m := with.metadata()
	require.Equal(t, with.url+"/device_authorization", m["device_authorization_endpoint"])
	require.Contains(t, m["grant_types_supported"], oauth2.GrantDeviceCode)
	require.Subset(t, with.server.Paths(), []string{"/device", "/device_authorization"})

	m = without.metadata()
	require.NotContains(t, m, "device_authorization_endpoint")
	require.NotContains(t, m["grant_types_supported"], oauth2.GrantDeviceCode)
	for _, path := range []string{"/device", "/device_authorization"} {
		require.NotContains(t, without.server.Paths(), path)
		require.Equal(t, http.StatusNotFound, without.post(path, webApp, values()).status)
	}
	for _, endpoint := range []http.HandlerFunc{without.server.Device, without.server.DeviceAuthorization} {
		require.Equal(t, http.StatusNotFound, direct404(endpoint))
	}
	refused(t, without.token(webApp, "grant_type", oauth2.GrantDeviceCode, "device_code", "x"), 400, "unsupported_grant_type")
}

func TestAWrongDeviceGrantIsAMisconfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for text, change := range map[string]func(*oauth2.ServerConfig){
		"Lifetime 1s is shorter":                         func(cfg *oauth2.ServerConfig) { cfg.Grants = deviceGrants(oauth2.DeviceGrant{Lifetime: time.Second}) },
		"Lifetime 1h0m0s is shorter than 1m0s or longer": func(cfg *oauth2.ServerConfig) { cfg.Grants = deviceGrants(oauth2.DeviceGrant{Lifetime: time.Hour}) },
		"Interval 1.5s": func(cfg *oauth2.ServerConfig) {
			cfg.Grants = deviceGrants(oauth2.DeviceGrant{Interval: 1500 * time.Millisecond})
		},
		"Interval -1s": func(cfg *oauth2.ServerConfig) { cfg.Grants = deviceGrants(oauth2.DeviceGrant{Interval: -time.Second}) },
		"Interval 1m1s": func(cfg *oauth2.ServerConfig) {
			cfg.Grants = deviceGrants(oauth2.DeviceGrant{Interval: 61 * time.Second})
		},
		"Consent is required": func(cfg *oauth2.ServerConfig) {
			cfg.Grants, cfg.Consent = []oauth2.GrantHandler{oauth2.DeviceGrant{}}, nil
		},
		`"/token" occurs twice`: func(cfg *oauth2.ServerConfig) {
			cfg.Grants, cfg.Endpoints.Device = []oauth2.GrantHandler{&oauth2.DeviceGrant{}}, "/token"
		},
		`"at_" begins with "at_"`: func(cfg *oauth2.ServerConfig) { cfg.Prefixes.Device = "at_" },
	} {
		cfg := w.config
		change(&cfg)
		_, err := oauth2.New(cfg)
		require.ErrorContains(t, err, text)
	}
}

// direct404 is the status of an endpoint that is called without its server.
func direct404(endpoint http.HandlerFunc) int {
	rec := httptest.NewRecorder()
	endpoint(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	return rec.Code
}

func TestTheLinterAdvisesOnDevices(t *testing.T) {
	t.Parallel()
	cfg := minimal()
	long := &oauth2.Client{ID: "long", GrantTypes: []string{oauth2.GrantDeviceCode}, Scope: oauth2.Scope{"read"}}
	both := &oauth2.Client{ID: "both", GrantTypes: []string{oauth2.GrantDeviceCode, oauth2.GrantAuthorizationCode}, Scope: oauth2.Scope{"read"}}
	advised := func() (found []string) {
		for _, line := range said(oauth2.Lint(oauth2.ProfileOAuth21, cfg, long, both)) {
			if strings.HasPrefix(line, "RFC 8628") {
				found = append(found, line)
			}
		}
		return found
	}
	require.Empty(t, advised(), "it is not served")
	cfg.Grants = deviceGrants(oauth2.DeviceGrant{Lifetime: 20 * time.Minute})
	require.Equal(t, []string{"RFC 8628 section 5.2 | should | Grants", "RFC 8628 section 5.4 | note | client both"}, advised())
	cfg.Grants = deviceGrants(oauth2.DeviceGrant{})
	require.Equal(t, []string{"RFC 8628 section 5.4 | note | client both"}, advised())
}
