package columns

import (
	"context"
	"net/http"

	"github.com/seed5f5fedc6/oauth2/bench"
)

// Harness answers with what was written beforehand and allocates nothing: what is measured of it is the
// harness's own, and is subtracted from every column.
var Harness = bench.Column{
	Name: "harness", Baseline: true, Build: newHarness,
	Signing: map[string]func() (*bench.Target, error){bench.ES256: newHarness, bench.EdDSA: newHarness},
}

func newHarness() (*bench.Target, error) {
	const token = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	var (
		redirect   = []string{bench.RedirectURI + "?code=ac_" + token + "&state=" + bench.State}
		tokens     = []byte(`{"access_token":"at_` + token + `","token_type":"Bearer","expires_in":3600,"refresh_token":"rt_` + token + `","scope":"` + bench.WebScope + `"}`)
		introspect = []byte(`{"active":true,"client_id":"web-app","exp":1800003600,"iat":1800000000,"iss":"` + bench.Issuer + `","scope":"` + bench.WebScope + `","sub":"alice","token_type":"Bearer"}`)
	)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case authorizePath:
			w.Header()["Location"] = redirect
			w.WriteHeader(http.StatusSeeOther)
		case introspectPath:
			_, _ = w.Write(introspect)
		default:
			_, _ = w.Write(tokens)
		}
	})
	return &bench.Target{
		Handler: handler, TokenPath: tokenPath, AuthorizePath: authorizePath, IntrospectPath: introspectPath,
		Check: func(context.Context, string) error { return nil },
	}, nil
}
