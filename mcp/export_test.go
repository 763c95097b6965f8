package mcp

import (
	"net/http"
	"net/http/httptest"
	"strings"
)

// ReadCalls reads a message of a POST. It is false where the message is refused.
func ReadCalls(message string) ([]Call, bool) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(message))
	calls, err := readCalls(httptest.NewRecorder(), r, defaultMaxMessageBytes)
	return calls, err == nil
}
