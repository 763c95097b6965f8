package oauth2_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func withExports(c *oauth2.RegistrationConfig) {
	c.Policy.AuthorizationDetailsTypes = []string{"contacts_export"}
}

func TestARegisteredClientHasTheTypesOfDetailsThatThePolicyAllows(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t, withRegistration(withExports))
	wanted := members{"token_endpoint_auth_method": "none", "authorization_details_types": []string{"payment", "contacts_export", "unknown", "Contacts_Export", "contacts_export", ""}}
	got := w.registered(wanted)
	require.Equal(t, []any{"contacts_export"}, got.json["authorization_details_types"], "what is left out is told")

	request := func(details string) url.Values {
		return codeRequest("client_id", got.str("client_id"), "redirect_uri", "https://new.example.com/cb", "scope", "read", "authorization_details", details)
	}
	require.NotEmpty(t, w.approve(request(tenNames)))
	refusedOnPage(t, w.ask(request(aPayment)), http.StatusBadRequest, "not registered for the client")

	changed := w.manage(http.MethodPut, got, replacement(got, members{"token_endpoint_auth_method": "none"}))
	require.Equal(t, http.StatusOK, changed.status, changed.body)
	require.NotContains(t, changed.json, "authorization_details_types", "a change that does not name them ends them")
	refusedOnPage(t, w.ask(request(tenNames)), http.StatusBadRequest, "not registered for the client")
	again := w.manage(http.MethodPut, changed, replacement(got, wanted))
	require.Equal(t, []any{"contacts_export"}, again.json["authorization_details_types"])
	require.Equal(t, again.json, w.manage(http.MethodGet, again, nil).json)
}

func TestWithoutAPolicyARegisteredClientHasNoTypesOfDetails(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t, withRegistration())
	got := w.registered(members{"authorization_details_types": []string{"contacts_export"}})
	require.NotContains(t, got.json, "authorization_details_types")
	for _, bad := range []any{"contacts_export", members{}, []int{1}, make([]string, 21)} {
		refused(t, w.register(appMetadata(members{"authorization_details_types": bad})), http.StatusBadRequest, "invalid_client_metadata")
	}
}

func TestAClientKeepsTheTypesOfDetailsThatItWasRegisteredFor(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t, withRegistration(withExports))
	types := members{"authorization_details_types": []string{"contacts_export", "payment"}}
	got := w.registered(types)
	w.changeClient(got.str("client_id"), func(c *oauth2.Client) { c.AuthorizationDetailsTypes = []string{"payment"} })
	changed := w.manage(http.MethodPut, got, replacement(got, types))
	require.Equal(t, []any{"contacts_export", "payment"}, changed.json["authorization_details_types"])
}

func TestADocumentHasTheTypesOfDetailsThatTheConfigurationAllows(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	id := h.publishes("/client", map[string]any{"authorization_details_types": []string{"payment", "contacts_export"}})
	silent := h.publishes("/silent", nil)
	for name, allowed := range map[string][]string{"none": nil, "exports": {"contacts_export"}} {
		w := newDetailsWorld(t, h.withDocuments(func(cfg *oauth2.ClientIDMetadataConfig) { cfg.AuthorizationDetailsTypes = allowed }))
		c, err := w.config.Clients.Client(t.Context(), id)
		require.NoError(t, err, name)
		require.ElementsMatch(t, allowed, c.AuthorizationDetailsTypes, name)
		c, err = w.config.Clients.Client(t.Context(), silent)
		require.NoError(t, err, name)
		require.Empty(t, c.AuthorizationDetailsTypes, name)
	}
}

func TestTypesOfDetailsThatAreNotServedAreAMisconfiguration(t *testing.T) {
	t.Parallel()
	cfg := minimal()
	cfg.Registration = &oauth2.RegistrationConfig{Open: true, Policy: oauth2.RegistrationPolicy{AuthorizationDetailsTypes: []string{"payment"}}}
	cfg.Clients = oauth2.NewClientIDMetadata(cfg.Clients, oauth2.ClientIDMetadataConfig{AuthorizationDetailsTypes: []string{"export"}})
	_, err := oauth2.New(cfg)
	require.ErrorContains(t, err, `Registration: Policy: authorization details of the type "payment" are not served`)
	require.ErrorContains(t, err, `ClientIDMetadata: AuthorizationDetailsTypes: "export" is not served`)
}

func TestEventsTellTheTypesOfDetailsAndNothingOfWhatTheyHold(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t)
	const both = `[{"type":"payment","amount":45,"to":"Zoë"},{"type":"contacts_export","fields":["name"],"limit":1},{"type":"payment","amount":46,"to":"Zoë"}]`
	code := w.approve(codeRequest("authorization_details", both))
	require.Equal(t, oauth2.EventCodeIssued, w.last().Type)
	require.Equal(t, []string{"contacts_export", "payment"}, w.last().DetailsTypes)

	got := w.post("/token", webApp, redemption(code, "authorization_details", `[{"type":"payment","amount":46,"to":"Zoë"}]`))
	require.Equal(t, oauth2.EventTokenIssued, w.last().Type)
	require.Equal(t, []string{"payment"}, w.last().DetailsTypes, "those of the token")
	w.refresh(got.str("refresh_token"))
	require.Equal(t, oauth2.EventTokenRefreshed, w.last().Type)
	require.Equal(t, []string{"contacts_export", "payment"}, w.last().DetailsTypes)
	w.tokens()
	require.Empty(t, w.last().DetailsTypes)

	for _, e := range w.events {
		require.NotContains(t, fmt.Sprintf("%+v %v", e, e.Err), "Zoë")
	}
}

func TestDetailsOfATypeThatWasTakenAwayAreInNoTokenFromTheNextRefreshOn(t *testing.T) {
	t.Parallel()
	const both = `[{"type":"payment","amount":45,"to":"Zoë"},{"type":"contacts_export","fields":["name"],"limit":1}]`
	const export = `[{"type":"contacts_export","fields":["name"],"limit":1}]`
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newDetailsWorld(t, withTokens(store))
		registered := func(types ...string) {
			w.changeClient(webApp, func(c *oauth2.Client) { c.AuthorizationDetailsTypes = types })
		}
		carries := func(got answer, want string) {
			t.Helper()
			require.Equal(t, http.StatusOK, got.status, got.body)
			info, err := w.server.Check(t.Context(), got.str("access_token"))
			require.NoError(t, err)
			told, inspected := got.json["authorization_details"], w.told(got.str("access_token"))["authorization_details"]
			require.Equal(t, told, inspected)
			if want == "" {
				require.Empty(t, info.Details)
				require.Nil(t, told)
				return
			}
			require.JSONEq(t, want, string(info.Details))
			require.Len(t, told, strings.Count(want, `"type"`))
		}
		first := w.post("/token", webApp, redemption(w.approve(codeRequest("authorization_details", both))))
		carries(first, both)
		registered("contacts_export")
		less := w.refresh(first.str("refresh_token"))
		carries(less, export)
		carries(w.refresh(first.str("refresh_token")), export) // the same once more, as the answer was lost
		refused(t, w.refresh(less.str("refresh_token"), "authorization_details", aPayment), http.StatusBadRequest, "invalid_authorization_details")
		registered()
		none := w.refresh(less.str("refresh_token"))
		carries(none, "")
		registered("contacts_export", "payment")
		carries(w.refresh(none.str("refresh_token")), both) // the grant is as it was
	})
}

func TestWhereNothingButDetailsWasGrantedAndAllAreTakenAwayNothingIsIssued(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t)
	w.changeClient(webApp, func(c *oauth2.Client) { c.Scope = nil })
	request := codeRequest("authorization_details", aPayment)
	request.Del("scope")
	refresh := w.post("/token", webApp, redemption(w.approve(request))).str("refresh_token")
	w.changeClient(webApp, func(c *oauth2.Client) { c.AuthorizationDetailsTypes = nil })
	refused(t, w.refresh(refresh), http.StatusBadRequest, "invalid_authorization_details")
	w.changeClient(webApp, func(c *oauth2.Client) { c.AuthorizationDetailsTypes = []string{"payment"} })
	require.Equal(t, http.StatusOK, w.refresh(refresh).status, "nothing was spent")
}

func TestDetailsOfATypeThatIsServedNoMoreAreInNoToken(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t)
	got := w.post("/token", webApp, redemption(w.approve(codeRequest("authorization_details", aPayment))))
	require.NotNil(t, got.json["authorization_details"])
	cfg := w.config
	cfg.AuthorizationDetails = []oauth2.AuthorizationDetailsType{exports}
	smaller, err := oauth2.New(cfg)
	require.NoError(t, err)
	w.http.Config.Handler = smaller
	refreshed := w.refresh(got.str("refresh_token"))
	require.Equal(t, http.StatusOK, refreshed.status, refreshed.body)
	require.NotContains(t, refreshed.json, "authorization_details")
}
