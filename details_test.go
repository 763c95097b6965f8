package oauth2_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestDetailsAreServedAndAdvertisedOnlyWhereConfigured(t *testing.T) {
	t.Parallel()
	on, off := newDetailsWorld(t), newWorld(t)
	require.Equal(t, []any{"contacts_export", "payment"}, on.get(direct, "/.well-known/oauth-authorization-server", nil).json["authorization_details_types_supported"])
	require.NotContains(t, off.get(direct, "/.well-known/oauth-authorization-server", nil).body, "authorization_details")
	got := off.post("/token", webApp, redemption(off.approve(codeRequest("authorization_details", tenNames))))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Empty(t, got.details(t))
}

func TestGrantedDetailsAreToldWhereverTheScopeIs(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*oauth2.ServerConfig){
		"opaque": func(*oauth2.ServerConfig) {},
		"JWT": func(cfg *oauth2.ServerConfig) {
			cfg.Keys = &oauth2.SigningKeys{SealingKeys: [][]byte{[]byte(strings.Repeat("k", 32))}}
			cfg.Resources = []oauth2.Resource{{URI: "https://api.example.com", Format: oauth2.FormatJWT}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newDetailsWorld(t, configure)
			user := w.post("/token", webApp, redemption(w.approve(codeRequest("authorization_details", tenNames))))
			own := w.token(machine, "grant_type", "client_credentials", "authorization_details", tenNames)
			for _, got := range []answer{user, own} {
				require.Equal(t, http.StatusOK, got.status, got.body)
				require.JSONEq(t, tenNames, got.details(t))
				told := w.post("/introspect", api, values("token", got.str("access_token")))
				require.JSONEq(t, tenNames, told.details(t), told.body)
				info, err := w.server.Check(t.Context(), got.str("access_token"))
				require.NoError(t, err)
				all, err := exports.All(info.Details)
				require.NoError(t, err)
				require.Equal(t, []export{{[]string{"name", "email"}, 10}}, all)
			}
			if name == "JWT" {
				require.JSONEq(t, tenNames, answer{json: payloadOf(t, user.str("access_token"))}.details(t))
			}
			again := w.refresh(user.str("refresh_token"))
			require.JSONEq(t, tenNames, again.details(t), again.body)
		})
	}
}

func TestTheRequestHasItsDetailsAsTheirTypesSayThem(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t)
	var asked json.RawMessage
	ask := w.consent
	w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		asked = req.Details
		return ask(rw, r, req)
	}
	got := w.post("/token", webApp, redemption(w.approve(codeRequest("authorization_details", ` [ {"fields":["name"], "type":"contacts_export"}, {"to":"Zoë","type":"payment","amount":1e2} ] `))))
	const normal = `[{"type":"contacts_export","fields":["name"],"limit":10},{"to":"Zoë","type":"payment","amount":1e2}]`
	require.JSONEq(t, normal, string(asked), "defaults are filled in")
	require.Len(t, string(asked), len(normal), "and blanks are gone")
	require.JSONEq(t, normal, got.details(t))
}

// badDetails are refused wherever they are sent.
var badDetails = map[string]string{
	"no JSON":                    `contacts_export`,
	"cut":                        tenNames[:20],
	"something behind":           tenNames + "]",
	"an object":                  `{"type":"payment","amount":1,"to":"Zoë"}`,
	"null":                       `null`,
	"an empty array":             `[]`,
	"no object in it":            `["contacts_export"]`,
	"null in it":                 `[null]`,
	"no type":                    `[{"fields":["name"]}]`,
	"an empty type":              `[{"type":"","fields":["name"]}]`,
	"a type that is no text":     `[{"type":1,"fields":["name"]}]`,
	"an unknown type":            `[{"type":"contacts"}]`,
	"a type in other capitals":   `[{"type":"Contacts_export","fields":["name"]}]`,
	"type in other capitals":     `[{"Type":"contacts_export","fields":["name"]}]`,
	"a type that begins alike":   `[{"type":"contacts_export ","fields":["name"]}]`,
	"two types":                  `[{"type":"contacts_export","type":"payment","fields":["name"]}]`,
	"a member twice":             `[{"type":"contacts_export","fields":["name"],"limit":1,"limit":1000}]`,
	"a deep member twice":        `[{"type":"payment","amount":1,"to":"Zoë","more":{"a":[{"b":1,"b":2}]}}]`,
	"an unknown member":          `[{"type":"contacts_export","fields":["name"],"all":true}]`,
	"a member in other capitals": `[{"type":"contacts_export","fields":["name"],"LIMIT":1000}]`,
	"both spellings":             `[{"type":"contacts_export","fields":["name"],"limit":1,"Limit":1000}]`,
	"a malformed member":         `[{"type":"contacts_export","fields":"name"}]`,
	"what the hook refuses":      `[{"type":"contacts_export","fields":[]}]`,
	"one bad among good ones":    strings.TrimSuffix(tenNames, "]") + `,{"type":"payment"}]`,
	"too many":                   "[" + strings.Repeat(aPayment[1:len(aPayment)-1]+",", 20) + aPayment[1:],
	"too large":                  `[{"type":"contacts_export","fields":["` + strings.Repeat("n", 8<<10) + `"]}]`,
	"too deep":                   `[{"type":"payment","amount":1,"to":"Zoë","more":` + strings.Repeat("[", 8000),
}

func TestBadDetailsAreRefusedAtEveryEndpoint(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t, pushing)
	refresh := w.post("/token", webApp, redemption(w.approve(codeRequest("authorization_details", tenNames)))).str("refresh_token")
	code := w.approve(codeRequest("authorization_details", tenNames))
	for name, bad := range badDetails {
		sent := w.ask(codeRequest("authorization_details", bad))
		require.Equal(t, http.StatusSeeOther, sent.status, name)
		require.Equal(t, "invalid_authorization_details", sent.location(t).Get("error"), name)
		require.Equal(t, "xyz", sent.location(t).Get("state"), name)
		refused(t, w.push(webApp, "authorization_details", bad), 400, "invalid_authorization_details")
		refused(t, w.token(machine, "grant_type", "client_credentials", "authorization_details", bad), 400, "invalid_authorization_details")
		refused(t, w.post("/token", webApp, redemption(code, "authorization_details", bad)), 400, "invalid_authorization_details")
		refused(t, w.refresh(refresh, "authorization_details", bad), 400, "invalid_authorization_details")
	}
	require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(code)).status, "nothing was spent")
	require.Equal(t, http.StatusOK, w.refresh(refresh).status)
}

func TestAClientAsksForItsOwnTypesAlone(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t)
	ask := codeRequest("client_id", otherApp, "redirect_uri", otherRedirect, "authorization_details", tenNames)
	require.Equal(t, "invalid_authorization_details", w.ask(ask).location(t).Get("error"))
	ask.Set("authorization_details", aPayment)
	require.NotEmpty(t, w.approve(ask))
	ask = codeRequest("client_id", browserApp, "redirect_uri", browserRedirect, "scope", "read", "authorization_details", aPayment)
	require.Equal(t, "invalid_authorization_details", w.ask(ask).location(t).Get("error"), "a client that is registered for none")
}

func TestTheFaultOfATypeIsNoRefusal(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t)
	for to, status := range map[string]int{"down": http.StatusServiceUnavailable, "another": http.StatusInternalServerError, "nothing": http.StatusInternalServerError} {
		got := w.token(machine, "grant_type", "client_credentials", "authorization_details", `[{"type":"payment","to":"`+to+`"}]`)
		require.Equal(t, status, got.status, got.body)
	}
}

func TestATokenMayHaveLessThanWasGrantedAndNeverMore(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t)
	code := w.approve(codeRequest("authorization_details", tenNames))
	for _, wider := range []string{elevenNames, aPayment, `[{"type":"contacts_export","fields":["phone"],"limit":1}]`, fiveNames[:len(fiveNames)-1] + "," + fiveNames[1:]} {
		refused(t, w.post("/token", webApp, redemption(code, "authorization_details", wider)), 400, "invalid_authorization_details")
	}
	less := w.post("/token", webApp, redemption(code, "authorization_details", fiveNames))
	require.JSONEq(t, fiveNames, less.details(t), less.body)
	require.JSONEq(t, fiveNames, w.post("/introspect", api, values("token", less.str("access_token"))).details(t))

	all := w.refresh(less.str("refresh_token"))
	require.JSONEq(t, tenNames, all.details(t), "what was granted is kept for later")
	refused(t, w.refresh(all.str("refresh_token"), "authorization_details", elevenNames), 400, "invalid_authorization_details")
	require.JSONEq(t, fiveNames, w.refresh(all.str("refresh_token"), "authorization_details", fiveNames).details(t))

	none := w.post("/token", webApp, redemption(w.approve(codeRequest()), "authorization_details", fiveNames))
	refused(t, none, 400, "invalid_authorization_details")
}

func TestALostAnswerIsToldAgainOnlyForTheSameDetails(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t)
	_, refresh := w.tokens("authorization_details", tenNames)
	first := w.refresh(refresh)
	require.Equal(t, first.str("access_token"), w.refresh(refresh).str("access_token"))
	less := w.refresh(refresh, "authorization_details", fiveNames)
	require.NotEqual(t, first.str("access_token"), less.str("access_token"))
	require.Equal(t, first.str("refresh_token"), less.str("refresh_token"))
	require.JSONEq(t, fiveNames, less.details(t))
}

func TestEachObjectThatWasGrantedIsGoodForOne(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t)
	names := func(limits ...int) string {
		var all []export
		for _, limit := range limits {
			all = append(all, export{[]string{"name"}, limit})
		}
		text, err := exports.Encode(all...)
		require.NoError(t, err)
		return string(text)
	}
	for _, c := range []struct {
		granted, asked []int
		ok             bool
	}{
		{[]int{100, 10}, []int{5, 50}, true},
		{[]int{100, 10}, []int{50, 50}, false},
		{[]int{100, 10}, []int{10, 100}, true},
		{[]int{3, 2, 1}, []int{1, 2, 3}, true},
		{[]int{3, 2, 1}, []int{2, 2, 2}, false},
		{[]int{3}, []int{1, 1}, false},
	} {
		got := w.post("/token", webApp, redemption(w.approve(codeRequest("authorization_details", names(c.granted...))), "authorization_details", names(c.asked...)))
		require.Equal(t, c.ok, got.status == http.StatusOK, "%v of %v", c.asked, c.granted)
	}
}

func TestTheResourceOwnerMayGrantLessOrNoneOrFillIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ asked, granted, told string }{
		"less":             {tenNames, fiveNames, fiveNames},
		"none":             {tenNames, `[]`, ""},
		"the account":      {aPayment, aPaymentFrom, aPaymentFrom},
		"one of the two":   {tenNames[:len(tenNames)-1] + "," + aPayment[1:], aPayment, aPayment},
		"all, in silence":  {aPayment, "", aPayment},
		"what no one asks": {"", "[]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newDetailsWorld(t)
			if c.granted != "" {
				w.approving(c.granted)
			}
			got := w.post("/token", webApp, redemption(w.approve(codeRequest("authorization_details", c.asked))))
			require.Equal(t, http.StatusOK, got.status, got.body)
			if c.told == "" {
				require.Empty(t, got.details(t))
			} else {
				require.JSONEq(t, c.told, got.details(t))
			}
		})
	}
}

func TestAnApprovalOfMoreThanWasAskedForIsAFault(t *testing.T) {
	t.Parallel()
	for _, granted := range []string{elevenNames, aPayment, `{`, `[1]`, `null`, "[" + strings.Repeat(" ", 9000) + "]x"} {
		w := newDetailsWorld(t)
		w.approving(granted)
		query := codeRequest("authorization_details", tenNames)
		sent := w.decide(query, formTokenIn(w.ask(query).body), "yes")
		if granted == "null" { // which is the empty list
			require.Equal(t, http.StatusSeeOther, sent.status)
			continue
		}
		require.Equal(t, http.StatusInternalServerError, sent.status, granted)
	}
}

func TestADoubleClickGrantsTheSameDetailsOrNothing(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t)
	query := codeRequest("authorization_details", tenNames)
	token := formTokenIn(w.ask(query).body)
	first := w.decide(query, token, "yes")
	require.Equal(t, first.header.Get("Location"), w.decide(query, token, "yes").header.Get("Location"))
	w.approving(fiveNames)
	require.Equal(t, http.StatusConflict, w.decide(query, token, "yes").status)
	query.Set("authorization_details", fiveNames)
	require.Equal(t, http.StatusForbidden, w.decide(query, formTokenIn(w.ask(codeRequest("authorization_details", tenNames)).body), "yes").status, "the page was shown for others")
}

func TestPushedDetailsAreThoseThatCount(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t, pushing)
	query := w.pushed("authorization_details", fiveNames)
	query.Set("authorization_details", tenNames)
	got := w.post("/token", webApp, redemption(w.approve(query)))
	require.JSONEq(t, fiveNames, got.details(t), got.body)
}

func TestDetailsInARequestObjectAreJSON(t *testing.T) {
	t.Parallel()
	w := newJARWorld(t, func(cfg *oauth2.ServerConfig, c *oauth2.Client) {
		withDetails(cfg)
		c.AuthorizationDetailsTypes = []string{"contacts_export"}
	})
	asked := []any{map[string]any{"type": "contacts_export", "fields": []string{"name"}, "limit": 5}}
	code := w.approve(values("client_id", webApp, "request", object(t, w.key, w.claims("authorization_details", asked)), "authorization_details", tenNames))
	got := w.post("/token", webApp, redemption(code))
	require.JSONEq(t, fiveNames, got.details(t), got.body)
}

func TestWhatAConfigurationOfDetailsLacksIsAMisconfiguration(t *testing.T) {
	t.Parallel()
	type own struct {
		Type string `json:"type"`
	}
	for name, types := range map[string][]oauth2.AuthorizationDetailsType{
		"is nil":             {nil},
		"has no type":        {oauth2.DetailsType[export]{Accept: exports.Accept}},
		"twice":              {exports, exports},
		"Accept is required": {oauth2.DetailsType[export]{Name: "x"}},
		"no JSON object":     {oauth2.DetailsType[int]{Name: "x", Accept: nothing[int]}},
		"type of its own":    {oauth2.DetailsType[own]{Name: "x", Accept: nothing[own]}},
	} {
		cfg := minimal()
		cfg.AuthorizationDetails = types
		_, err := oauth2.New(cfg)
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, "AuthorizationDetails")
	}
}

func TestWithoutAComparisonOnlyTheSameMayBeAskedForAgain(t *testing.T) {
	t.Parallel()
	equal := oauth2.DetailsType[export]{Name: "x", Accept: nothing[export]}
	one, err := equal.Encode(export{Fields: []string{"a"}, Limit: 2})
	require.NoError(t, err)
	require.JSONEq(t, `[{"type":"x","fields":["a"],"limit":2}]`, string(one))
	detail := one[1 : len(one)-1]
	require.True(t, equal.Within(json.RawMessage(`{"limit":2,"fields":["a"],"type":"x"}`), detail))
	require.False(t, equal.Within(json.RawMessage(`{"limit":1,"fields":["a"],"type":"x"}`), detail))
	_, err = equal.All(json.RawMessage(`[{"type":"x","other":1}]`))
	require.Error(t, err)
	_, err = equal.All(json.RawMessage(`{`))
	require.Error(t, err)
	none, err := equal.All(json.RawMessage(aPayment))
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestADeviceAsksForDetailsToo(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t, withDetails)
	w.changeClient(television, func(c *oauth2.Client) { c.AuthorizationDetailsTypes = []string{"contacts_export"} })
	refused(t, w.post("/device_authorization", "", values("client_id", television, "authorization_details", aPayment)), 400, "invalid_authorization_details")
	got := w.start("authorization_details", tenNames).decided("yes").poll()
	require.JSONEq(t, tenNames, got.details(t), got.body)

	w.approving(fiveNames)
	less := w.start("authorization_details", tenNames).decided("yes")
	refused(t, less.poll("authorization_details", tenNames), 400, "invalid_authorization_details")
	require.JSONEq(t, fiveNames, less.poll().details(t))
}

func TestAnExchangedTokenHasTheDetailsOfTheSubjectToken(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Grants = []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.TokenExchangeGrant{
			Policy: func(context.Context, *oauth2.TokenExchange) (oauth2.ExchangeMode, error) {
				return oauth2.Impersonate, nil
			},
		}}
	})
	w.changeClient(machine, func(c *oauth2.Client) { c.GrantTypes = []string{oauth2.GrantTokenExchange} })
	got := w.post("/token", webApp, redemption(w.approve(codeRequest("authorization_details", tenNames)), "authorization_details", fiveNames))
	exchange := func(pairs ...string) answer {
		return w.token(machine, append([]string{"grant_type", oauth2.GrantTokenExchange, "subject_token", got.str("access_token"), "subject_token_type", oauth2.TokenTypeAccessToken}, pairs...)...)
	}
	require.JSONEq(t, fiveNames, exchange().details(t))
	refused(t, exchange("authorization_details", tenNames), 400, "invalid_authorization_details")
	refused(t, exchange("authorization_details", aPayment), 400, "invalid_authorization_details")
}

func TestAnExchangedTokenHasDetailsOfTheClientsOwnTypesAlone(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Grants = []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Impersonate)}}
	})
	both := tenNames[:len(tenNames)-1] + "," + aPayment[1:]
	subject := w.post("/token", webApp, redemption(w.approve(codeRequest("authorization_details", both))))
	require.JSONEq(t, both, subject.details(t))
	for _, own := range []struct {
		types   []string
		details string
	}{{[]string{"payment", "contacts_export"}, both}, {[]string{"payment"}, aPayment}, {nil, ""}} {
		w.changeClient(machine, func(c *oauth2.Client) {
			c.GrantTypes, c.AuthorizationDetailsTypes = []string{oauth2.GrantTokenExchange}, own.types
		})
		got := w.exchange(machine, subject.str("access_token"))
		require.Equal(t, http.StatusOK, got.status, got.body)
		if own.details == "" {
			require.Empty(t, got.details(t))
			require.NotContains(t, w.told(got.str("access_token")), "authorization_details")
			continue
		}
		require.JSONEq(t, own.details, got.details(t))
	}
}

func TestARecordWithDetailsIsNotForOlderReplicas(t *testing.T) {
	t.Parallel()
	w := newDetailsWorld(t)
	for details, format := range map[string]int{"": 1, tenNames: 3} {
		code := w.approve(codeRequest("authorization_details", details))
		a, err := w.store.Get(t.Context(), strings.TrimPrefix(code, "ac_")[:20])
		require.NoError(t, err)
		require.Equal(t, format, a.Format)
	}
}
