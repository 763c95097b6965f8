package authserver

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// What a proof is good for. A proof for one purpose is none for another.
const (
	proofLogin   = "login"   // this browser was shown the login page
	proofConsent = "consent" // this user was shown this consent page
	proofSite    = "site"    // this user was shown a page of this site
)

// prove makes the value of a hidden field: whoever sends it back was shown it.
func prove(key, purpose, value string) string {
	nonce := rand.Text()
	return nonce + "." + proof(key, purpose, nonce, value)
}

// proven reports whether prove made the field, for the same key, purpose and value.
func proven(field, key, purpose, value string) bool {
	nonce, sum, ok := strings.Cut(field, ".")
	return ok && hmac.Equal([]byte(sum), []byte(proof(key, purpose, nonce, value)))
}

func proof(key, purpose, nonce, value string) string {
	mac := hmac.New(sha256.New, []byte(key))
	// No part but the last can hold a line feed, so the parts cannot run into each other.
	mac.Write([]byte(purpose + "\n" + strings.ReplaceAll(nonce, "\n", "") + "\n" + value))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
