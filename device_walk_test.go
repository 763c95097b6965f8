//go:build !race

// The walk runs one thing at a time: the race detector would find nothing, and take minutes.

package oauth2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// walkedUserCode leads to the record of the device that is walked.
const walkedUserCode = "BCDFGHJK"

// begunDevice is the request of a device that is good for a while, and what its owner said before.
func begunDevice(lifetime time.Duration, said ...*Approval) (record *Authorization, code string) {
	a := blankRecord()
	a.Subject, a.Scope, a.GrantType = "", nil, GrantDeviceCode
	a.ID = derivedID(a.Issuer, "user_code", walkedUserCode)
	device := newBearerToken(kindDevice, a.ID, a.LineageKey, tokenCore{4})
	a.start(device, DeviceRequest{Scope: Scope{"read", "write"}, Interval: 5, ExpiresAt: noon.Add(lifetime)}, noon)
	for _, approval := range said {
		if err := a.conclude(deviceQuestion(), approval, noon.AddDate(1, 0, 0), noon); err != nil {
			panic(err)
		}
	}
	return a, device.text("dc_")
}

func deviceQuestion() *AuthorizationRequest {
	return &AuthorizationRequest{Client: &Client{ID: "app"}, Scope: Scope{"read", "write"}, Answered: true}
}

func polling(code string) operation {
	return exchanging("poll", "grant_type", GrantDeviceCode, "device_code", code)
}

// deciding is an answer to the page of the device; nil says no.
func deciding(name string, approval *Approval) operation {
	return operation{name, func(s *Server, t *told) {
		a, err := s.findDevice(context.Background(), walkedUserCode)
		if err != nil {
			t.err = err
			return
		}
		page := httptest.NewRecorder()
		s.keepDeviceAnswer(page, httptest.NewRequest(http.MethodPost, "/device", nil), deviceQuestion(), a, approval)
		if page.Code != http.StatusOK {
			t.err = &Error{Code: "status", Status: page.Code, Description: http.StatusText(page.Code)}
		}
	}}
}

// aTokenForAYes: the tokens are fetched once at most, never without a yes, and never after a no that
// was acknowledged; of different answers one is acknowledged.
func aTokenForAYes(w *walk, answers []*told) error {
	fetched, yes, no := succeeded(answers, "poll"), append(succeeded(answers, "yes"), crashed(answers, "yes")...), succeeded(answers, "no")
	switch bob := succeeded(answers, "bob says yes"); {
	case len(fetched) > 1:
		return fmt.Errorf("the tokens were fetched %d times", len(fetched))
	case len(fetched) > 0 && len(yes)+len(bob) == 0:
		return errors.New("tokens, and nobody said yes")
	case len(fetched) > 0 && len(no) > 0:
		return errors.New("tokens, and a no was acknowledged")
	case len(no) > 0 && len(succeeded(answers, "yes")) > 0, len(bob) > 0 && len(succeeded(answers, "yes")) > 0:
		return errors.New("two answers were acknowledged")
	}
	for _, t := range fetched {
		if !w.lives(t.access) {
			return errors.New("a device was given an access token that is dead")
		}
	}
	return nil
}

func crashed(answers []*told, name string) (found []*told) {
	for _, t := range answers {
		if t.operation == name && t.crashed {
			found = append(found, t)
		}
	}
	return found
}

// noYesIsLost: what was acknowledged, and not fetched, is there for the next poll.
func noYesIsLost(code string) func(*walk, []*told) error {
	return func(w *walk, answers []*told) error {
		if len(succeeded(answers, "yes")) == 0 || len(succeeded(answers, "poll")) > 0 || len(crashed(answers, "poll")) > 0 {
			return nil
		}
		s := w.replicas[0].server
		_, err := s.exchange(context.Background(), request(s, "grant_type", GrantDeviceCode, "device_code", code))
		return err
	}
}

// fetchedOnce is what holds of a request that was approved before.
func fetchedOnce(w *walk, answers []*told) error {
	if n := len(succeeded(answers, "poll")); n > 1 {
		return fmt.Errorf("the tokens were fetched %d times", n)
	}
	return revokedStaysDead(w, answers)
}

type deviceScenario struct {
	name     string
	crashes  int
	lifetime time.Duration
	skew     []time.Duration
	said     []*Approval
	set      func(code string) []operation
	judge    func(code string) []judge
}

func deviceScenarios() []deviceScenario {
	alice, bob := &Approval{Subject: "alice"}, &Approval{Subject: "bob"}
	yes, no, bobs := deciding("yes", alice), deciding("no", nil), deciding("bob says yes", bob)
	type judges = []judge
	fair := func(code string) judges { return judges{aTokenForAYes, noYesIsLost(code)} }
	once := func(string) judges { return judges{fetchedOnce} }
	edge := func(string) judges { return judges{aTokenForAYes} }
	return []deviceScenario{
		{name: "yes, no and a poll", set: func(c string) []operation { return []operation{yes, no, polling(c)} }, judge: fair},
		{name: "yes, no and a poll, and any call may crash", crashes: 1, set: func(c string) []operation { return []operation{yes, no, polling(c)} }, judge: edge},
		{name: "yes and two polls", set: func(c string) []operation { return []operation{yes, polling(c), polling(c)} }, judge: fair},
		{name: "yes and two polls, and any call may crash", crashes: 1, set: func(c string) []operation { return []operation{yes, polling(c), polling(c)} }, judge: edge},
		{name: "a double click and a poll", set: func(c string) []operation { return []operation{yes, yes, polling(c)} }, judge: fair},
		{name: "two users and a poll", set: func(c string) []operation { return []operation{yes, bobs, polling(c)} }, judge: fair},
		{name: "yes and polls while it expires", lifetime: time.Second, skew: []time.Duration{0, 2 * time.Second, -2 * time.Second}, set: func(c string) []operation { return []operation{yes, polling(c), polling(c)} }, judge: edge},
		{name: "three fetch the tokens", said: []*Approval{alice}, set: func(c string) []operation { return repeat(3, polling(c)) }, judge: once},
		{name: "two fetch the tokens, and two calls may crash", crashes: 2, said: []*Approval{alice}, set: func(c string) []operation { return repeat(2, polling(c)) }, judge: once},
		{name: "two fetch the tokens while it is revoked", said: []*Approval{alice}, set: func(c string) []operation { return append(repeat(2, polling(c)), revoking(c)) }, judge: once},
		{name: "a poll and a yes while it is revoked", set: func(c string) []operation { return []operation{yes, polling(c), revoking(c)} }, judge: once},
	}
}

// walkDevices plays every schedule of every scenario. wrap may plant a bug.
func walkDevices(wrap func(TokenStore) TokenStore) (schedules int, err error) {
	for _, sc := range deviceScenarios() {
		lifetime := 10 * time.Minute
		if sc.lifetime > 0 {
			lifetime = sc.lifetime
		}
		record, code := begunDevice(lifetime, sc.said...)
		set := sc.set(code)
		w := newWalk(len(set), ServerConfig{Grants: []GrantHandler{DeviceGrant{}, RefreshGrant{}}}, wrap)
		w.crashes = sc.crashes
		for i, r := range w.replicas {
			r.server.cfg.Clients = oneClient{client: &Client{
				ID: "app", GrantTypes: []string{GrantDeviceCode, GrantRefreshToken}, Scope: Scope{"read", "write"},
			}}
			r.server.device = r.server.cfg.device()
			if i < len(sc.skew) {
				r.skew = sc.skew[i]
			}
		}
		n, err := w.play(sc.name, record.Clone, set, sc.judge(code))
		if schedules += n; err != nil {
			return schedules, err
		}
	}
	return schedules, nil
}

func TestEveryInterleavingOfADeviceKeepsTheInvariants(t *testing.T) {
	t.Parallel()
	schedules, err := walkDevices(nil)
	require.NoError(t, err)
	t.Logf("%d schedules walked", schedules)
	require.Greater(t, schedules, 1000)
}

func TestTheWalkOfDevicesFindsPlantedBugs(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(TokenStore) TokenStore{
		"a store that does not compare": func(s TokenStore) TokenStore { return blindStore{s} },
		"a store that resurrects":       func(s TokenStore) TokenStore { return resurrectingStore{s} },
	} {
		_, err := walkDevices(wrap)
		require.Error(t, err, name)
	}
}
