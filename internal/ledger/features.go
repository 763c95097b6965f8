package ledger

// Features are what rows may call not advertised. Their rows bind as soon as the server serves them;
// a test asks its metadata.
var Features = []string{
	"OpenID Connect",
	"signed metadata", "web message",
}
