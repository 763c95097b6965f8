package authserver

import (
	"net/http"

	"github.com/seed5f5fedc6/oauth2"
)

// A deviceData is what the page of devices shows: the question for a code, and what was wrong with the last
// one; or what was decided about a client.
type deviceData struct {
	Entered, Message string
	Answer, Client   string
}

// devicePage is [oauth2.DeviceGrant].Page.
func (a *App) devicePage(w http.ResponseWriter, r *http.Request, page *oauth2.DevicePage) {
	data := deviceData{Entered: page.Entered}
	switch {
	case page.Answer == oauth2.DeviceApproved:
		data.Answer, data.Client = "device.approved", clientName(page.Client)
	case page.Answer == oauth2.DeviceDenied:
		data.Answer, data.Client = "device.denied", clientName(page.Client)
	case page.Status == http.StatusTooManyRequests:
		data.Message = "device.limited"
	case page.Err != nil:
		data.Message = "device.wrong"
	}
	a.render(w, r, page.Status, "device", nil, data)
}
