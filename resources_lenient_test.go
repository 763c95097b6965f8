package oauth2_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestOtherSpellingsMeanALenientResourceAndNoOther(t *testing.T) {
	t.Parallel()
	const exact, lenient, slashed = "https://exact.example.com/api", "https://lenient.example.com/api", "https://slashed.example.com/"
	w := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Resources = []oauth2.Resource{{URI: exact}, {URI: lenient, Lenient: true}, {URI: slashed, Lenient: true}}
	})
	for asked, audience := range map[string]string{
		exact: exact, exact + "/": "", "https://EXACT.example.com/api": "",
		lenient: lenient, lenient + "/": lenient, "HTTPS://lenient.example.com/api": lenient, "https://Lenient.Example.COM/api/": lenient,
		lenient + "//": "", "https://lenient.example.com/API": "", "https://lenient.example.com": "", lenient + "?": "", lenient + "?a=b": "",
		"http://lenient.example.com/api": "", "https://lenient.example.com:443/api": "", "https://u@lenient.example.com/api": "", "lenient.example.com/api": "",
		slashed: slashed, "https://slashed.example.com": slashed, "https://SLASHED.example.com": slashed, "https://slashed.example.com//": "",
	} {
		got := w.token(machine, "grant_type", "client_credentials", "resource", asked)
		if audience == "" {
			refused(t, got, 400, "invalid_target")
			continue
		}
		require.Equal(t, 200, got.status, got.body)
		info, err := w.server.Check(t.Context(), got.str("access_token"))
		require.NoError(t, err)
		require.Equal(t, []string{audience}, info.Audience, asked)
	}
}

func TestTheSameResourceInTwoSpellingsIsAskedForOnce(t *testing.T) {
	t.Parallel()
	const lenient = "https://lenient.example.com/api"
	w := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Resources = []oauth2.Resource{{URI: lenient, Lenient: true}, {URI: openAPI}}
	})
	query := codeRequest("resource", lenient+"/")
	query.Add("resource", "HTTPS://lenient.example.com/api")
	got := w.post("/token", webApp, redemption(w.approve(query), "resource", lenient))
	require.Equal(t, 200, got.status, got.body)
	info, err := w.server.Check(t.Context(), got.str("access_token"))
	require.NoError(t, err)
	require.Equal(t, []string{lenient}, info.Audience)
}

func TestALenientResourceIsNoOtherInAnotherSpelling(t *testing.T) {
	t.Parallel()
	for _, uris := range [][2]string{
		{"https://a.example.com", "https://a.example.com/"}, {"https://a.example.com/x/", "https://A.example.com/x"}, {"https://a.example.com/x", "HTTPS://a.example.com/x"},
	} {
		cfg := minimal()
		cfg.Resources = []oauth2.Resource{{URI: uris[0]}, {URI: uris[1]}}
		_, err := oauth2.New(cfg)
		require.NoError(t, err, "as strings they differ")
		cfg.Resources[0].Lenient = true
		_, err = oauth2.New(cfg)
		require.ErrorContains(t, err, "differs from another in its spelling alone")
	}
}
