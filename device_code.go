package oauth2

import (
	"encoding/binary"
	"strings"
	"unicode"
)

// User codes are eight letters of an alphabet without vowels, which make words, and without letters that
// look alike (RFC 8628 section 6.1): some 34 bits, guarded by their lifetime and by the FailureLimiter.
const (
	userCodeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeChars    = 8
	// userCodes is how many there are: 20 to the power of 8.
	userCodes = 25_600_000_000
)

// newUserCode draws a user code. That 2^64 is no multiple of their number makes no difference that
// anyone could see.
func (s *Server) newUserCode(source *entropy) (string, error) {
	var drawn [8]byte
	if err := source.draw(s, drawn[:]); err != nil {
		return "", err
	}
	n := binary.BigEndian.Uint64(drawn[:]) % userCodes
	var code [userCodeChars]byte
	for i := range code {
		code[i] = userCodeAlphabet[n%uint64(len(userCodeAlphabet))]
		n /= uint64(len(userCodeAlphabet))
	}
	return string(code[:]), nil
}

// readUserCode reads what a user typed: in either case, with whatever between the letters (RFC 8628
// section 6.1).
func readUserCode(text string) (code string, ok bool) {
	code = strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, text)
	foreign := func(r rune) bool { return !strings.ContainsRune(userCodeAlphabet, r) }
	return code, len(code) == userCodeChars && !strings.ContainsFunc(code, foreign)
}

// showUserCode is a user code as a device shows it.
func showUserCode(code string) string { return code[:userCodeChars/2] + "-" + code[userCodeChars/2:] }

// userCodeID is the ID of the record that a user code leads to. It is part of the device code, which is
// no loss: both codes are told together. Who reads the store could try all user codes, unless there is a
// Pepper; a user code lets nobody fetch tokens.
func (s *Server) userCodeID(code string) string {
	return derivedID(s.cfg.Issuer, "user_code", code+string(s.cfg.Pepper))
}
