package oauth2

import (
	"html/template"
	"net/http"
)

// A DevicePage is a page of [Server.Device] that is not Consent's: the question for a code, or, with an
// Answer, the word that the user may go back to the device.
type DevicePage struct {
	// Status is the HTTP status to write: 200; 400 with an Err, or 429 after too many wrong codes.
	Status int
	// Answer is DeviceApproved or DeviceDenied once the user has decided about Client. DeviceWaiting: the page
	// asks for the code that the device shows. Its form has the method POST, no action, and an input named
	// user_code.
	Answer DeviceStatus
	Client *Client
	// Entered is the code that was not accepted, as it was typed; it must be escaped. Err tells why. Empty
	// and nil: none was entered yet.
	Entered string
	Err     *Error
}

var devicePageTemplate = template.Must(template.New("device").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Connect a device</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"></head>
<body>{{if .Answer}}<main id="device-done"><h1>{{if eq .Answer "approved"}}Your device is connected{{else}}Your device was not connected{{end}}</h1>
<p>You may close this page and go back to your device.</p></main>
{{else}}<main><h1>Connect a device</h1>
{{with .Err}}<p role="alert">{{.Description}}</p>
{{end}}<form id="device" method="post"><p><label for="user_code">The code that your device shows</label>
<input id="user_code" name="user_code" value="{{.Entered}}" autocomplete="off" autocapitalize="characters" spellcheck="false" required autofocus></p>
<p><button>Continue</button></p></form></main>
{{end}}</body></html>
`))

func defaultDevicePage(w http.ResponseWriter, _ *http.Request, page *DevicePage) {
	w.Header().Set("Content-Security-Policy", ownPagePolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(page.Status)
	_ = devicePageTemplate.Execute(w, page) // a browser that went away is no fault
}
