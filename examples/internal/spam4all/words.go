package spam4all

import (
	"net/http"

	"golang.org/x/text/language"
)

// A locale is a language that the pages are written in.
type locale int

const (
	english locale = iota
	dutch
)

// matcher prefers the first language where the browser asks for neither.
var matcher = language.NewMatcher([]language.Tag{language.English, language.Dutch})

func localeOf(r *http.Request) locale {
	_, index := language.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	return locale(index)
}

func (l locale) String() string { return [...]string{"en", "nl"}[l] }

// A phrase is a text in English and in Dutch.
type phrase [2]string

// A fault is something that can go wrong, in words.
type fault struct {
	status      int
	title, text phrase
}

// A problem is a fault that occurred. detail is what a server said of it: any text at all.
type problem struct {
	*fault
	detail string
}

func (f *fault) problem(detail string) *problem { return &problem{f, detail} }

// What can go wrong.
var (
	accessDenied = &fault{http.StatusForbidden,
		phrase{"You said no", "U zei nee"},
		phrase{"You did not give spam4All access to your contacts. Nothing was shared.", "U gaf spam4All geen toegang tot uw contacten. Er is niets gedeeld."}}
	serverRefused = &fault{http.StatusBadGateway,
		phrase{"Xmail refused", "Xmail weigerde"},
		phrase{"The authorization server of Xmail did not allow the request. It said:", "De authorization server van Xmail stond het verzoek niet toe. Hij meldde:"}}
	// answerRefused is the same, told by way of the browser.
	answerRefused = &fault{http.StatusBadRequest, serverRefused.title, serverRefused.text}
	serverDown    = &fault{http.StatusBadGateway,
		phrase{"Xmail does not answer", "Xmail antwoordt niet"},
		phrase{"The authorization server of Xmail cannot be reached, or does not answer as it should. Try again in a moment.", "De authorization server van Xmail is niet bereikbaar, of antwoordt niet zoals het hoort. Probeer het straks opnieuw."}}
	apiDown = &fault{http.StatusBadGateway,
		phrase{"Your contacts cannot be fetched", "Uw contacten kunnen niet worden opgehaald"},
		phrase{"spam4All has access, but the contacts API of Xmail cannot be reached, or does not answer as it should. Try again in a moment.", "spam4All heeft toegang, maar de contacten-API van Xmail is niet bereikbaar, of antwoordt niet zoals het hoort. Probeer het straks opnieuw."}}
	apiRefused = &fault{http.StatusBadGateway,
		phrase{"The access does not suffice", "De toegang volstaat niet"},
		phrase{"The contacts API of Xmail says that this access does not include your contacts.", "De contacten-API van Xmail zegt dat uw contacten niet bij deze toegang horen."}}
	accessEnded = &fault{http.StatusForbidden,
		phrase{"The access has ended", "De toegang is beëindigd"},
		phrase{"Xmail no longer gives spam4All access to your contacts: it was withdrawn, or it expired.", "Xmail geeft spam4All geen toegang meer tot uw contacten: die is ingetrokken of verlopen."}}
	codeRefused = &fault{http.StatusBadRequest,
		phrase{"The code is not accepted", "De code wordt niet aanvaard"},
		phrase{"Xmail says that the code was used before or has expired. Start again.", "Xmail zegt dat de code al is gebruikt of is verlopen. Begin opnieuw."}}
	answerUnknown = &fault{http.StatusBadRequest,
		phrase{"This answer was not expected", "Dit antwoord werd niet verwacht"},
		phrase{"It was used before, took too long, or belongs to another browser. Nothing was done with it.", "Het is al gebruikt, duurde te lang, of hoort bij een andere browser. Er is niets mee gedaan."}}
	answerMalformed = &fault{http.StatusBadRequest,
		phrase{"This answer cannot be understood", "Dit antwoord is onbegrijpelijk"},
		phrase{"The answer of the authorization server is malformed. Nothing was shared.", "Het antwoord van de authorization server is onjuist. Er is niets gedeeld."}}
	issuerUnexpected = &fault{http.StatusBadRequest,
		phrase{"This answer came from elsewhere", "Dit antwoord kwam van elders"},
		phrase{"It does not come from the authorization server that was asked. Nothing was done with it.", "Het komt niet van de authorization server die gevraagd was. Er is niets mee gedaan."}}
	notConnected = &fault{http.StatusConflict,
		phrase{"There is no access", "Er is geen toegang"},
		phrase{"spam4All has no access to your contacts, or your session has ended. Start again.", "spam4All heeft geen toegang tot uw contacten, of uw sessie is voorbij. Begin opnieuw."}}
	noRefreshToken = &fault{http.StatusConflict,
		phrase{"There is nothing to refresh", "Er valt niets te verversen"},
		phrase{"Xmail gave no refresh token.", "Xmail gaf geen refresh-token."}}
	foreignForm = &fault{http.StatusForbidden,
		phrase{"This came from another site", "Dit kwam van een andere site"},
		phrase{"A button of spam4All can only be pressed on its own page. Nothing was done.", "Een knop van spam4All werkt alleen op de eigen pagina. Er is niets gedaan."}}
)

// words are the texts of the page.
var words = map[string]phrase{
	"lead":      {"Fetch your contacts from Xmail, without giving us your password.", "Haal uw contacten op uit Xmail, zonder ons uw wachtwoord te geven."},
	"start":     {"Give access to my Xmail contacts", "Toegang geven tot mijn Xmail-contacten"},
	"explain":   {"Xmail will ask you to log in and whether you agree. You can withdraw the access at any time.", "Xmail vraagt u in te loggen en of u akkoord gaat. U kunt de toegang altijd weer intrekken."},
	"contacts":  {"Your contacts at Xmail", "Uw contacten bij Xmail"},
	"none":      {"You have no contacts.", "U hebt geen contacten."},
	"unfetched": {"The contacts have not been fetched yet.", "De contacten zijn nog niet opgehaald."},
	"name":      {"Name", "Naam"},
	"email":     {"E-mail address", "E-mailadres"},
	"call":      {"Fetch again", "Opnieuw ophalen"},
	"refresh":   {"Refresh the access token", "Access-token verversen"},
	"revoke":    {"Give the access back", "Toegang teruggeven"},
	"actions":   {"What you can do", "Wat u kunt doen"},
	"steps":     {"What happened, step by step", "Wat er gebeurde, stap voor stap"},
	"home":      {"Back to the start", "Terug naar het begin"},
	"error":     {"Something went wrong", "Er ging iets mis"},
	"footer":    {"spam4All is an example of an OAuth 2.1 client. Codes and tokens are shown by their beginning only.", "spam4All is een voorbeeld van een OAuth 2.1-client. Van codes en tokens is alleen het begin te zien."},

	"step1":     {"spam4All is registered at the authorization server", "spam4All staat geregistreerd bij de authorization server"},
	"step2":     {"spam4All asked for access to your contacts, and your browser went to the authorization server", "spam4All vroeg toegang tot uw contacten, en uw browser ging naar de authorization server"},
	"step3":     {"You said yes, and your browser came back with a temporary code", "U zei ja, en uw browser kwam terug met een tijdelijke code"},
	"step4":     {"spam4All exchanged the code for a refresh token and an access token", "spam4All ruilde de code in voor een refresh-token en een access-token"},
	"step5":     {"With the access token, spam4All fetched your contacts from the API", "Met het access-token haalde spam4All uw contacten op bij de API"},
	"secret":    {"known to the client and the authorization server only", "alleen bekend bij de client en de authorization server"},
	"refreshed": {"times refreshed", "keer ververst"},
	"expires":   {"valid until", "geldig tot"},
}
