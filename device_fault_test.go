package oauth2_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A store that fails is 503 at every step of a device, and the same step succeeds once it is back.
func TestAStoreThatFailsIs503AtEveryStepOfADevice(t *testing.T) {
	t.Parallel()
	store := &faultyStore{Store: memory.New()}
	w := newDeviceWorld(t, withTokens(store))
	store.fail(failing("create"), nil)
	unavailable(t, w.post("/device_authorization", "", values("client_id", television)))
	store.fail(nil, nil)
	d := w.start()
	for _, call := range []string{"get", "update"} {
		store.fail(failing(call), nil)
		unavailable(t, d.poll())
	}
	store.fail(failing("get"), nil)
	unavailable(t, w.enter(d.userCode))
	unavailable(t, d.open(w.browser))
	store.fail(nil, nil)
	page := d.open(w.browser)
	for _, call := range []string{"get", "update"} {
		store.fail(failing(call), nil)
		unavailable(t, d.say(w.browser, page, "yes"))
	}
	store.fail(nil, nil)
	refused(t, d.poll(), 400, "authorization_pending")
	require.Contains(t, d.say(w.browser, page, "yes").body, `id="device-done"`, "the page is still good")
	store.fail(failing("update"), nil)
	unavailable(t, d.poll())
	store.fail(nil, nil)
	require.Equal(t, http.StatusOK, d.poll().status)
}

// A connection that was cut in the middle of a commit: the write went through, and nobody was told.
func TestAnAnswerToADeviceWhoseOutcomeIsUnknownCanBeGivenAgain(t *testing.T) {
	t.Parallel()
	store := &faultyStore{Store: memory.New()}
	w := newDeviceWorld(t, withTokens(store))
	d := w.start()
	page := d.open(w.browser)
	store.fail(nil, func(string) error { return errDisk })
	require.Equal(t, http.StatusServiceUnavailable, d.say(w.browser, page, "yes").status)
	store.fail(nil, nil)
	require.Contains(t, d.say(w.browser, page, "yes").body, `id="device-done"`)
	require.Equal(t, http.StatusOK, d.poll().status)
}

// A user code that leads to a record already is not given out again.
func TestAUserCodeThatIsTakenIsDrawnAnew(t *testing.T) {
	t.Parallel()
	store := &faultyStore{Store: memory.New()}
	w := newDeviceWorld(t, withTokens(store))
	taken := 0
	store.fail(func(call string) error {
		if call == "create" && taken < 3 {
			taken++
			return oauth2.ErrExists
		}
		return nil
	}, nil)
	d := w.start()
	require.Equal(t, 3, taken)
	require.Equal(t, http.StatusOK, d.decided("yes").poll().status)
	store.fail(func(string) error { return oauth2.ErrExists }, nil)
	require.Equal(t, http.StatusServiceUnavailable, w.post("/device_authorization", "", values("client_id", television)).status)
}

func TestAPollInVainIsNoEvent(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	d := w.start()
	w.clock.Advance(9 * time.Minute)
	refused(t, d.poll(), 400, "authorization_pending")
	require.Equal(t, []oauth2.EventType{oauth2.EventDeviceStarted}, w.eventTypes())
	refused(t, d.poll(), 400, "slow_down")
	require.Equal(t, oauth2.EventTokenRefused, w.last().Type)
}
