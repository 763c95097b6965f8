package browsertest

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/stretchr/testify/require"
)

// A telling is the story in one language.
type telling struct {
	language, question, yes, no, contacts, refused, withdrawn string
}

var tellings = []telling{
	{"en", "Do you allow 'spam4All' to access your contacts?", "Yes", "No", "Your contacts at Xmail", "You said no", "No app has access to your account."},
	{"nl", "Geeft u 'spam4All' toegang tot uw contacten?", "Ja", "Nee", "Uw contacten bij Xmail", "U zei nee", "Geen enkele app heeft toegang tot uw account."},
}

func TestAliceGivesAccessAndWithdrawsItInHerLanguage(t *testing.T) {
	t.Parallel()
	for _, told := range tellings {
		t.Run(told.language, func(t *testing.T) {
			t.Parallel()
			play(t, newWindow(t, told.language), told)
		})
	}
}

func TestTheWholeStoryWorksWithoutJavaScript(t *testing.T) {
	t.Parallel()
	alice := newWindow(t, "nl")
	alice.do(emulation.SetScriptExecutionDisabled(true))
	told := tellings[1]
	play(t, alice, told)
}

// play is the story of the examples, from spam4All's button to the withdrawal of the access.
func play(t *testing.T, alice *tab, told telling) {
	t.Helper()
	w := newWorld(t)
	look := func(name string) { alice.look(told.language + "-" + name) }

	alice.open(w.ClientURL)
	look("1-client")
	alice.press("#start")
	look("2-login")
	alice.logIn("alice", "wonderland")
	require.Equal(t, told.question, alice.see("h1"))
	require.Equal(t, told.yes, alice.see(yes))
	require.Equal(t, told.no, alice.see(no))
	look("3-consent")

	alice.press(yes)
	require.Equal(t, told.contacts, alice.see("#contacts-title"))
	require.Contains(t, alice.see("#contacts"), "@")
	require.Equal(t, w.ClientURL+"/", alice.url())
	look("4-contacts")
	alice.press("#refresh")
	alice.press("#call")
	require.Contains(t, alice.see("#contacts"), "@")

	alice.open(w.Issuer + "/connected-apps")
	require.Contains(t, alice.see("#connected-apps"), "spam4All")
	look("5-apps")
	alice.press("#connected-apps button")
	require.Equal(t, told.withdrawn, alice.see("#none"))
	look("6-no-apps")
}
