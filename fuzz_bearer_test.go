package oauth2_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/dpop/dpoptest"
)

// Nobody but a trusted issuer asserts anything, however it is written; and what one of them signs is either
// a good assertion by every claim, or refused.
func FuzzBearerAssertion(f *testing.F) {
	b := newBearerWorld(f, nil)
	good, err := json.Marshal(b.claims(b.issuer, nil))
	require.NoError(f, err)
	for _, claims := range []string{
		string(good), `{"iss":"` + theIssuer + `"}`, `{"iss":["` + theIssuer + `"]}`, `{"iss":"` + theIssuer + `","ISS":"x","aud":[],"exp":1e300}`,
		`{"act":{"act":{"act":{}}}}`, `{"cnf":[]}`, `[]`, `"`, ``, strings.Replace(string(good), `"sub"`, `"cnf":{"jkt":""},"sub"`, 1),
	} {
		f.Add(`{"alg":"ES256","kid":"1"}`, claims, false)
		f.Add(`{"alg":"none"}`, claims, true)
	}
	f.Fuzz(func(t *testing.T, header, claims string, signed bool) {
		encode := base64.RawURLEncoding.EncodeToString
		assertion := encode([]byte(header)) + "." + encode([]byte(claims)) + "." + encode(make([]byte, 64))
		if signed {
			assertion = dpoptest.SignPayload(jose.ES256, b.issuer.key, map[string]any{"kid": "1"}, []byte(claims))
		}
		got := b.handle(values("grant_type", oauth2.GrantJWTBearer, "assertion", assertion))
		require.Less(t, got.Code, http.StatusInternalServerError, got.Body.String())
		if got.Code != http.StatusOK {
			return
		}
		require.True(t, signed)
		var said map[string]any // which tells iss from ISS
		require.NoError(t, json.Unmarshal([]byte(claims), &said))
		require.Equal(t, theIssuer, said["iss"])
		require.True(t, strings.HasPrefix(said["sub"].(string), "U-"))
		require.Equal(t, b.url, soleOf(said["aud"]))
		require.Greater(t, said["exp"], float64(b.clock.Now().Unix()))
		require.NotEmpty(t, said["jti"])
	})
}

// soleOf is the one audience there is.
func soleOf(audience any) any {
	if list, ok := audience.([]any); ok && len(list) == 1 {
		return list[0]
	}
	return audience
}

// handle asks the token endpoint as agent.
func (b *bearerWorld) handle(form url.Values) *httptest.ResponseRecorder {
	return b.handleAs(agent, form)
}

func (w *world) handleAs(client string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, secretOf(client))
	got := httptest.NewRecorder()
	w.server.ServeHTTP(got, r)
	return got
}

// Whatever is exchanged, in whatever words, leads to the scope, the resource and the life of a subject
// token that is live, or to less.
func FuzzTokenExchange(f *testing.F) {
	w := newExchangeWorld(f, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Delegate)})
	access := w.userToken("scope", "read")
	for _, form := range []string{
		"subject_token=TOKEN&subject_token_type=" + url.QueryEscape(oauth2.TokenTypeAccessToken),
		"subject_token=TOKEN&subject_token_type=" + url.QueryEscape(oauth2.TokenTypeJWT) + "&requested_token_type=" + url.QueryEscape(oauth2.TokenTypeJWT),
		"subject_token=TOKEN&scope=write&resource=" + url.QueryEscape(mailAPI) + "&audience=" + url.QueryEscape(contactsAPI),
		"subject_token=TOKEN&actor_token=TOKEN&actor_token_type=x&subject_token_type=" + url.QueryEscape(oauth2.TokenTypeIDToken), "subject_token=%00", "",
	} {
		f.Add(form)
	}
	f.Fuzz(func(t *testing.T, text string) {
		form, err := url.ParseQuery(strings.ReplaceAll(text, "TOKEN", access))
		if err != nil {
			return
		}
		form.Set("grant_type", oauth2.GrantTokenExchange)
		form.Del("client_id")
		got := w.handleAs(upstream, form)
		require.Less(t, got.Code, http.StatusInternalServerError, got.Body.String())
		if got.Code != http.StatusOK {
			return
		}
		var answer map[string]any
		require.NoError(t, json.Unmarshal(got.Body.Bytes(), &answer))
		require.Equal(t, access, form.Get("subject_token"))
		require.Equal(t, "read", answer["scope"])
		info, err := w.server.Check(t.Context(), answer["access_token"].(string))
		require.NoError(t, err)
		require.Equal(t, []string{contactsAPI}, info.Audience)
		require.Equal(t, "alice", info.Subject)
		require.Equal(t, upstream, info.Actor.Subject)
		require.LessOrEqual(t, answer["expires_in"], time.Hour.Seconds())
	})
}
