package oauth2

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a client sends is refused with the one error there is for it, or becomes details that are read again as
// they are, and are within themselves.
func FuzzAuthorizationDetails(f *testing.F) {
	type export struct {
		Fields []string       `json:"fields,omitempty"`
		Limit  float64        `json:"limit"`
		More   map[string]any `json:"more,omitempty"`
	}
	served := DetailsType[export]{Name: "x", Accept: func(_ context.Context, _ *Client, asked export) (export, error) {
		if asked.Limit < 0 {
			return asked, ErrInvalidAuthorizationDetails.With("limit is negative.")
		}
		return asked, nil
	}}
	s := &Server{cfg: ServerConfig{AuthorizationDetails: []AuthorizationDetailsType{served}}}
	client := &Client{AuthorizationDetailsTypes: []string{"x"}}
	for _, seed := range []string{
		``, `[]`, `[{"type":"x"}]`, `[{"type":"x","limit":1,"fields":["a","<b>"]}]`, `[{"type":"x","limit":-1}]`, `[{"type":"x","Limit":1}]`,
		`[{"type":"x","limit":1,"LIMIT":2}]`, `[{"type":"x","more":{"a":[null,1e2,"é"],"A":1}}]`, `[{"type":"y"}]`, `[{"type":"x"},{"type":"x","limit":3}]`,
		`[{"type":"x","limit":1e999}]`, `[null]`, `{"type":"x"}`, "[{\"type\":\"x\",\"fields\":[\"\xff\"]}]", `[{"type":"x","fields":["\ud800"]}]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		details, err := s.requestedDetails(t.Context(), client, text)
		if err != nil {
			refusal, ok := errors.AsType[*Error](err)
			require.True(t, ok)
			require.Equal(t, ErrInvalidAuthorizationDetails.Code, refusal.Code, "%v", err)
			return
		}
		if text == "" {
			require.Nil(t, details)
			return
		}
		require.True(t, json.Valid(details))
		all, err := served.All(details)
		require.NoError(t, err)
		require.NotEmpty(t, all)
		again, err := s.requestedDetails(t.Context(), client, string(details))
		require.NoError(t, err)
		require.Equal(t, string(details), string(again))
		require.True(t, s.cfg.detailsWithin(again, details))
		require.False(t, s.cfg.detailsWithin(details, nil))
		encoded, err := served.Encode(all...)
		require.NoError(t, err)
		require.Equal(t, string(details), string(encoded))
	})
}
