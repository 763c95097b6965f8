package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// A Call is what one JSON-RPC message to the MCP server does.
type Call struct {
	// Method is the method, such as "tools/call". It is empty for an answer of the client.
	Method string
	// Name is what the method is done to: the name of a tool or a prompt (params.name), or the URI of a
	// resource (params.uri). A "completion/complete" has what its ref names, and a "subscriptions/listen" is a
	// Call without a Name and one more for each resource that it listens to. It is empty for other methods.
	Name string
}

// maxCalls bounds the calls of one message. Nobody means more, and each costs its time.
const maxCalls = 1000

// The codes of JSON-RPC 2.0 section 5.1.
const (
	codeParseError     = -32700
	codeInvalidRequest = -32600
)

// A messageError is why a message is refused.
type messageError struct {
	status, code int
	text         string
}

var (
	errNotJSON     = &messageError{http.StatusBadRequest, codeParseError, "The body is no JSON."}
	errAmbiguous   = &messageError{http.StatusBadRequest, codeInvalidRequest, "The message is no JSON-RPC, or can be read in two ways."}
	errTooLarge    = &messageError{http.StatusRequestEntityTooLarge, codeInvalidRequest, "The message is too large."}
	errInterrupted = &messageError{http.StatusBadRequest, codeParseError, "The body ended early."}
)

// refuseMessage answers with a JSON-RPC error without an id, as the transport allows for what is refused
// before it is a request.
func refuseMessage(w http.ResponseWriter, status, code int, text string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	type failure struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	// A client that went away is no fault.
	_ = json.NewEncoder(w).Encode(struct {
		Version string  `json:"jsonrpc"`
		Error   failure `json:"error"`
	}{"2.0", failure{code, text}})
}

// readCalls reads the messages of a POST: one, or the batch of an earlier revision. The body is whole for
// the handler afterwards. Other methods carry no message.
//
// The handler will read the message again, with another parser perhaps. So what two parsers could read in
// two ways is refused: a member that decides, twice or in another case.
func readCalls(w http.ResponseWriter, r *http.Request, most int64) ([]Call, *messageError) {
	if r.Method != http.MethodPost {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, errTooLarge
	}
	switch {
	case err != nil:
		return nil, errInterrupted
	case !json.Valid(body):
		return nil, errNotJSON
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	calls, err := callsIn(body)
	switch {
	case errors.Is(err, errMany):
		return nil, errTooLarge
	case err != nil:
		return nil, errAmbiguous
	}
	return calls, nil
}

// callsIn are the calls of a body that is JSON.
func callsIn(body []byte) (calls []Call, err error) {
	messages, err := split(body)
	if err != nil {
		return nil, err
	}
	for _, message := range messages {
		more, err := readCall(message)
		if err != nil {
			return nil, err
		}
		if calls = append(calls, more...); len(calls) > maxCalls {
			return nil, errMany
		}
	}
	return calls, nil
}

// split takes the batch of an earlier revision apart.
func split(body []byte) ([]json.RawMessage, error) {
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) {
		return items(body)
	}
	return []json.RawMessage{body}, nil
}

// readCall reads what decides about one message.
func readCall(message json.RawMessage) ([]Call, error) {
	top, err := members(message, "method", "params")
	if err != nil {
		return nil, err
	}
	method, err := text(top["method"])
	if err != nil {
		return nil, err
	}
	names, err := namesOf(method, top["params"])
	calls := make([]Call, len(names))
	for i, name := range names {
		calls[i] = Call{Method: method, Name: name}
	}
	return calls, err
}

// namesOf are what a method is done to. There is at least one, which may be empty.
func namesOf(method string, params json.RawMessage) ([]string, error) {
	switch method {
	case "tools/call", "prompts/get":
		return textsIn(params, "name")
	case "resources/read", "resources/subscribe", "resources/unsubscribe":
		return textsIn(params, "uri")
	case "completion/complete":
		found, err := members(params, "ref")
		if err != nil {
			return nil, err
		}
		return textsIn(found["ref"], "name", "uri")
	case "subscriptions/listen":
		return listened(params)
	}
	return []string{""}, nil
}

// listened are the resources whose changes a client wants to hear of, behind the empty name that stands
// for the rest.
func listened(params json.RawMessage) ([]string, error) {
	found, err := members(params, "notifications")
	if err != nil {
		return nil, err
	}
	wanted, err := members(found["notifications"], "resourceSubscriptions")
	if err != nil {
		return nil, err
	}
	names := []string{""}
	list, there := wanted["resourceSubscriptions"]
	if !there {
		return names, nil
	}
	values, err := items(list)
	if err != nil {
		return nil, err
	}
	for _, value := range values {
		name, err := text(value)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}
