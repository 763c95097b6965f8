package oauth2

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// However it is typed, a user code is read as the one that was shown, or not at all.
func FuzzUserCode(f *testing.F) {
	for _, seed := range []string{"BCDF-GHJK", "bcdfghjk", " b c d f - g h j k ", "BCDF-GHJ", "AEIO-UYMN", "ＢＣＤＦＧＨＪＫ", "ſbcdfghj", "BCDF–GHJK\x00", "ßßßß"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := readUserCode(typed)
		if !ok {
			return
		}
		require.Len(t, code, userCodeChars)
		require.Empty(t, strings.Trim(code, userCodeAlphabet))
		again, ok := readUserCode(showUserCode(code))
		require.True(t, ok)
		require.Equal(t, code, again)
		lower, ok := readUserCode(strings.ToLower(code))
		require.True(t, ok)
		require.Equal(t, code, lower)
	})
}

// Whatever comes to the page of devices is answered below 500, and approves nothing unless it is the
// answer of a page.
func FuzzDevicePage(f *testing.F) {
	f.Add("user_code=BCDF-GHJK", "", true)
	f.Add("user_code=BCDF-GHJK", "form_token=x&decision=yes", true)
	f.Add("", "user_code=bcdfghjk", true)
	f.Add("user_code=%00&user_code", "user_code=%FF", false)
	f.Fuzz(func(t *testing.T, query, body string, post bool) {
		record, code := fuzzedDevice()
		server, err := New(ServerConfig{
			Issuer: record.Issuer, Clients: deviceClients{}, Tokens: oneDevice{&shelf{record: record}}, Now: func() time.Time { return noon },
			Grants: []GrantHandler{DeviceGrant{}},
			Consent: func(_ http.ResponseWriter, _ *http.Request, req *AuthorizationRequest) (*Approval, error) {
				if req.Answered {
					return &Approval{Subject: "alice"}, nil
				}
				return nil, ErrAnswered
			},
		})
		require.NoError(t, err)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/device", nil)
		if post {
			r = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/device", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		server.Device(w, r)
		require.Less(t, w.Code, 500)
		require.NotContains(t, w.Body.String(), `id="device-done"`)
		require.NotContains(t, w.Body.String(), code)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		if location := w.Header().Get("Location"); location != "" {
			u, err := url.Parse(location)
			require.NoError(t, err)
			require.Equal(t, "/device", u.Path)
			require.Empty(t, u.Host)
		}
	})
}

// deviceClients know every client, and let it use the device grant.
type deviceClients struct{}

func (deviceClients) Client(_ context.Context, id string) (*Client, error) {
	return &Client{ID: id, GrantTypes: []string{GrantDeviceCode}, Scope: Scope{"read"}}, nil
}

// oneDevice is a store that has the record of one device.
type oneDevice struct{ *shelf }

func (s oneDevice) Get(ctx context.Context, id string) (*Authorization, error) {
	if id != s.record.ID {
		return nil, ErrNotFound
	}
	return s.shelf.Get(ctx, id)
}

func fuzzedDevice() (*Authorization, string) {
	a := &Authorization{
		ID: derivedID("https://id.example.com", "user_code", "BCDFGHJK"), Version: 1, Issuer: "https://id.example.com", ClientID: "app",
		GrantType: GrantDeviceCode, LineageKey: "key", CreatedAt: noon,
	}
	code := newBearerToken(kindDevice, a.ID, a.LineageKey, tokenCore{4})
	a.start(code, DeviceRequest{Scope: Scope{"read"}, Interval: 5, ExpiresAt: noon.Add(time.Minute)}, noon)
	return a, code.text("dc_")
}
