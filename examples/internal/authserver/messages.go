package authserver

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/seed5f5fedc6/oauth2"
)

// The languages of the pages, in the order of the messages' texts. The first is the default.
var (
	languages       = []language.Tag{language.English, language.Dutch}
	languageMatcher = language.NewMatcher(languages)
)

// A lang is the index of a language.
type lang int

// langOf is the language that the browser prefers (RFC 9110 section 12.5.4).
func langOf(r *http.Request) lang {
	_, index := language.MatchStrings(languageMatcher, r.Header.Get("Accept-Language"))
	return lang(index)
}

// Tag is the value of the lang attribute.
func (l lang) Tag() string { return languages[l].String() }

// text is a message with its arguments in the places of %s.
func (l lang) text(key string, args ...any) string {
	format := messages[key][l]
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// html is text for an element's content. The arguments are escaped; the messages need no escaping.
func (l lang) html(key string, args ...any) template.HTML {
	escaped := make([]any, len(args))
	for i, arg := range args {
		escaped[i] = template.HTMLEscapeString(fmt.Sprint(arg))
	}
	return template.HTML(l.text(key, escaped...))
}

func (l lang) date(t time.Time) string { return t.UTC().Format(l.text("date")) }

// scopes says in words what a scope lets a client at, as the object of "access" and of "toegang tot".
func (l lang) scopes(scope oauth2.Scope) []string {
	words := make([]string, 0, len(scope))
	for _, token := range scope {
		if _, known := messages["scope:"+token]; known {
			words = append(words, l.text("scope:"+token))
		} else {
			words = append(words, l.text("scope", token))
		}
	}
	if len(words) == 0 {
		return []string{l.text("scope:")}
	}
	return words
}

// list joins words as in "a, b and c".
func (l lang) list(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + l.text("and") + words[last]
}

// messages are the texts of the pages, in the order of languages. They are part of HTML as they are.
var messages = map[string][2]string{
	"date": {"2 January 2006", "02-01-2006"},
	"and":  {" and ", " en "},

	"scope":                {"“%s”", "“%s”"},
	"scope:":               {"your account", "uw account"},
	"details.export":       {"the %s of at most %d contacts, to export them", "%s van ten hoogste %d contacten, om ze over te nemen"},
	"field:name":           {"name", "de naam"},
	"field:email":          {"e-mail address", "het e-mailadres"},
	"scope:contacts.read":  {"your contacts", "uw contacten"},
	"scope:contacts.stats": {"statistics about contacts", "statistieken over contacten"},
	"scope:openid":         {"your user name", "uw gebruikersnaam"},
	"scope:profile":        {"your profile", "uw profiel"},
	"scope:email":          {"your e-mail address", "uw e-mailadres"},
	"scope:offline_access": {"all this while you are away", "dit alles terwijl u weg bent"},

	"home.title":    {"Your Xmail account", "Uw Xmail-account"},
	"home.nobody":   {"You are not logged in.", "U bent niet ingelogd."},
	"home.who":      {"You are logged in as <strong>%s</strong>.", "U bent ingelogd als <strong>%s</strong>."},
	"home.apps":     {"Connected apps", "Gekoppelde apps"},
	"home.appshint": {"See which apps have access to your account, and withdraw it.", "Bekijk welke apps toegang hebben tot uw account, en trek die in."},

	"login.title":    {"Log in to Xmail", "Inloggen bij Xmail"},
	"login.username": {"User name", "Gebruikersnaam"},
	"login.password": {"Password", "Wachtwoord"},
	"login.submit":   {"Log in", "Inloggen"},
	"login.wrong":    {"The user name and the password do not belong together.", "De gebruikersnaam en het wachtwoord horen niet bij elkaar."},
	"login.limited":  {"There were too many attempts. Please wait a minute and try again.", "Er waren te veel pogingen. Wacht een minuut en probeer het opnieuw."},
	"login.stale":    {"This page was open for too long, or your browser keeps no cookies. Please try again.", "Deze pagina stond te lang open, of uw browser bewaart geen cookies. Probeer het opnieuw."},

	"consent.title":    {"Allow access?", "Toegang geven?"},
	"consent.question": {"Do you allow '%s' to access %s?", "Geeft u '%s' toegang tot %s?"},
	"consent.scopes":   {"If you say yes, '%s' gets access to:", "Als u ja zegt, krijgt '%s' toegang tot:"},
	"consent.host":     {"You then go back to <strong>%s</strong>.", "Daarna gaat u terug naar <strong>%s</strong>."},
	"consent.device":   {"Your device shows <strong>%s</strong>. If it shows something else, or somebody else sent you here, say no.", "Op uw apparaat staat <strong>%s</strong>. Staat er iets anders, of heeft iemand anders u hierheen gestuurd, zeg dan nee."},
	"consent.unknown":  {"'%s' registered itself. Xmail does not know who made it, and its name may be another's. Say yes only if you know where you come from.", "'%s' heeft zichzelf aangemeld. Xmail weet niet wie de maker is, en de naam kan die van een ander zijn. Zeg alleen ja als u weet waar u vandaan komt."},
	"consent.document": {"What '%s' says about itself is from <strong>%s</strong>. Xmail knows nothing else about it. Say yes only if you know this site.", "Wat '%s' over zichzelf zegt, komt van <strong>%s</strong>. Meer weet Xmail er niet over. Zeg alleen ja als u deze site kent."},
	"consent.local":    {"A program on this computer gets the answer, and Xmail cannot tell which one. Say yes only if you have just started it yourself.", "Een programma op deze computer krijgt het antwoord, en Xmail kan niet zien welk. Zeg alleen ja als u het zelf net hebt gestart."},
	"consent.later":    {"You can withdraw this later, under connected apps.", "U kunt dit later intrekken, bij gekoppelde apps."},
	"consent.other":    {"Log in as someone else", "Inloggen als iemand anders"},
	"consent.yes":      {"Yes", "Ja"},
	"consent.no":       {"No", "Nee"},

	"device.title":    {"Connect a device", "Apparaat koppelen"},
	"device.code":     {"The code that your device shows", "De code die op uw apparaat staat"},
	"device.submit":   {"Continue", "Verder"},
	"device.wrong":    {"This code is unknown or has expired. Please look at your device again.", "Deze code is onbekend of verlopen. Kijk nog eens op uw apparaat."},
	"device.limited":  {"There were too many wrong codes. Please wait a minute and try again.", "Er waren te veel verkeerde codes. Wacht een minuut en probeer het opnieuw."},
	"device.done":     {"Thank you", "Dank u wel"},
	"device.approved": {"'%s' has access now.", "'%s' heeft nu toegang."},
	"device.denied":   {"'%s' gets no access.", "'%s' krijgt geen toegang."},
	"device.back":     {"You can close this page and go back to your device.", "U kunt deze pagina sluiten en teruggaan naar uw apparaat."},

	"apps.title":    {"Connected apps", "Gekoppelde apps"},
	"apps.none":     {"No app has access to your account.", "Geen enkele app heeft toegang tot uw account."},
	"apps.scopes":   {"Has access to %s.", "Heeft toegang tot %s."},
	"apps.since":    {"Since %s", "Sinds %s"},
	"apps.withdraw": {"Withdraw access", "Toegang intrekken"},
	"apps.named":    {"of %s", "van %s"},
	"apps.back":     {"Back to your account", "Terug naar uw account"},

	"logout": {"Log out", "Uitloggen"},

	"error.title":       {"This request cannot be answered", "Dit verzoek kan niet worden beantwoord"},
	"error.details":     {"Details for the developer of the app", "Details voor de ontwikkelaar van de app"},
	"error.request":     {"Something is wrong with the request. Go back to the app that you came from and start again.", "Er klopt iets niet aan het verzoek. Ga terug naar de app waar u vandaan kwam en begin opnieuw."},
	"error.foreign":     {"This came from another site, so nothing was done.", "Dit kwam van een andere site, dus er is niets gedaan."},
	"error.stale":       {"This page is no longer valid, so nothing was done. Go back, reload it and try again.", "Deze pagina is niet meer geldig, dus er is niets gedaan. Ga terug, ververs de pagina en probeer het opnieuw."},
	"error.answered":    {"You answered this question before. Your first answer stands. Go back to the app that you came from.", "U hebt deze vraag al beantwoord. Uw eerste antwoord geldt. Ga terug naar de app waar u vandaan kwam."},
	"error.notfound":    {"There is no such page.", "Deze pagina bestaat niet."},
	"error.method":      {"This page cannot be used in this way.", "Deze pagina kan niet op deze manier worden gebruikt."},
	"error.toolarge":    {"The request is too large or malformed.", "Het verzoek is te groot of onleesbaar."},
	"error.unavailable": {"Xmail cannot answer right now. Please try again in a moment.", "Xmail kan nu even niet antwoorden. Probeer het zo opnieuw."},
}
