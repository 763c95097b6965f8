package ledger

// Features are what rows may call not advertised. Their rows bind as soon as the server serves them;
// a test asks its metadata.
var Features = []string{
	"implicit", "password", "PAR", "JAR", "JARM", "DPoP", "mTLS", "device", "token exchange", "registration",
	"JWT access tokens", "OpenID Connect", "client assertions", "RAR", "metadata of protected resources",
	"signed metadata", "JWKS", "web message",
}
