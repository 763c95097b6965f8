package oauth2_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// An export is what a client may take of an address book.
type export struct {
	Fields []string `json:"fields"`
	Limit  int      `json:"limit,omitempty"` // 0: ten
}

var exports = oauth2.DetailsType[export]{
	Name: "contacts_export",
	Accept: func(_ context.Context, _ *oauth2.Client, asked export) (export, error) {
		if len(asked.Fields) == 0 || asked.Limit < 0 {
			return asked, oauth2.ErrInvalidAuthorizationDetails.With("fields is empty, or limit is negative.")
		}
		if asked.Limit == 0 {
			asked.Limit = 10
		}
		return asked, nil
	},
	NoMore: func(asked, granted export) bool {
		return asked.Limit <= granted.Limit && !slices.ContainsFunc(asked.Fields, func(f string) bool { return !slices.Contains(granted.Fields, f) })
	},
}

// A payment is made as it was asked for, or not at all.
type payment struct {
	Amount  json.Number `json:"amount"`
	To      string      `json:"to"`
	Account string      `json:"account,omitempty"`
}

// paymentType is written without the help of DetailsType.
type paymentType struct{}

func (paymentType) Type() string { return "payment" }

func (paymentType) Check(_ context.Context, client *oauth2.Client, detail json.RawMessage) (json.RawMessage, error) {
	var p payment
	switch err := json.Unmarshal(detail, &p); {
	case err != nil || p.To == "":
		return nil, oauth2.ErrInvalidRequest.With("to is missing.")
	case p.To == "down":
		return nil, context.DeadlineExceeded
	case p.To == "another":
		return json.RawMessage(`{"type":"contacts_export"}`), nil
	case p.To == "nothing":
		return nil, nil
	}
	return detail, nil
}

func (paymentType) Within(asked, granted json.RawMessage) bool {
	var a, g payment
	return json.Unmarshal(asked, &a) == nil && json.Unmarshal(granted, &g) == nil && a.Amount == g.Amount && a.To == g.To && (g.Account == "" || a.Account == g.Account)
}

const (
	tenNames     = `[{"type":"contacts_export","fields":["name","email"],"limit":10}]`
	fiveNames    = `[{"type":"contacts_export","fields":["name"],"limit":5}]`
	elevenNames  = `[{"type":"contacts_export","fields":["name"],"limit":11}]`
	aPayment     = `[{"type":"payment","amount":45,"to":"Zoë"}]`
	aPaymentFrom = `[{"type":"payment","amount":45,"to":"Zoë","account":"1"}]`
)

func withDetails(cfg *oauth2.ServerConfig) {
	cfg.AuthorizationDetails = []oauth2.AuthorizationDetailsType{exports, paymentType{}}
}

// newDetailsWorld serves two types. webApp and machine may ask for both, otherApp for payments.
func newDetailsWorld(t testing.TB, configure ...func(*oauth2.ServerConfig)) *world {
	w := newWorld(t, append([]func(*oauth2.ServerConfig){withDetails}, configure...)...)
	for client, types := range map[string][]string{webApp: {"contacts_export", "payment"}, machine: {"contacts_export", "payment"}, otherApp: {"payment"}} {
		w.changeClient(client, func(c *oauth2.Client) { c.AuthorizationDetailsTypes = types })
	}
	return w
}

func (w *world) changeClient(id string, change func(*oauth2.Client)) {
	registered, err := w.clients.Client(w.t.Context(), id)
	require.NoError(w.t, err)
	client := registered.Clone()
	change(client)
	require.NoError(w.t, w.clients.UpdateClient(w.t.Context(), client))
}

// approving grants details on the page.
func (w *world) approving(details string) {
	ask := w.consent
	w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		approval, err := ask(rw, r, req)
		if approval != nil {
			approval.Details = json.RawMessage(details)
		}
		return approval, err
	}
}

// detailsOf are the details in an answer, as text.
func (a answer) details(t testing.TB) string {
	details, there := a.json["authorization_details"]
	if !there {
		return ""
	}
	text, err := json.Marshal(details)
	require.NoError(t, err)
	return string(text)
}

// nothing accepts everything.
func nothing[T any](_ context.Context, _ *oauth2.Client, asked T) (T, error) { return asked, nil }

// payloadOf are the claims of a JWT, unverified.
func payloadOf(t testing.TB, token string) (claims map[string]any) {
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(payload, &claims))
	return claims
}
