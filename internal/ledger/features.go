package ledger

// Features are what rows may call not advertised. Their rows bind as soon as the server serves them;
// a test asks its metadata.
var Features = []string{
	"implicit", "password", "device", "token exchange", "registration",
	"OpenID Connect", "RAR",
	"signed metadata", "web message",
}
