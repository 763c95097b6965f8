package authserver

import (
	"crypto/x509"
	"fmt"
	"os"

	"github.com/seed5f5fedc6/oauth2"
)

// authMethods are all those that can be served: tls_client_auth needs somebody to vouch for names.
func (o *Options) authMethods() []string {
	methods := []string{
		oauth2.AuthMethodPrivateKeyJWT, oauth2.AuthMethodSelfSignedTLS, oauth2.AuthMethodBasic, oauth2.AuthMethodPost, oauth2.AuthMethodNone,
	}
	if o.ClientCA != "" {
		methods = append(methods, oauth2.AuthMethodTLS)
	}
	return methods
}

// mutualTLS believes the certificates of TLS connections. Those that vouch for clients are read from
// the file.
func (o *Options) mutualTLS() (*oauth2.MutualTLSConfig, error) {
	config := &oauth2.MutualTLSConfig{}
	if o.ClientCA == "" {
		return config, nil
	}
	data, err := os.ReadFile(o.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("-client-ca: %w", err)
	}
	config.Roots = x509.NewCertPool()
	if !config.Roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("-client-ca %s: no certificate in PEM", o.ClientCA)
	}
	return config, nil
}
