package resource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
)

const typeJSON = "application/json"

// maxAnswerBytes bounds what is read of an answer, the metadata included.
const maxAnswerBytes = 256 << 10

// newHTTPClient is given, or a client with a pool that is wide enough for one host. A redirect would
// carry the token and the credentials elsewhere.
func newHTTPClient(given *http.Client) *http.Client {
	client := http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: defaultTimeout,
	}}
	if given != nil {
		client = *given
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

var (
	errAnswerTooLarge = errors.New("the answer is too large")
	errAnswerNotJSON  = errors.New("the answer has another media type than JSON")
	errCredentials    = errors.New("the authorization server does not accept the credentials of this resource server")
)

// fetch returns the JSON of a 200 in one of the media types. Its errors hold nothing of the body.
func fetch(client *http.Client, r *http.Request, mediaTypes ...string) ([]byte, error) {
	r.Header.Set("Accept", strings.Join(mediaTypes, ", "))
	res, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var body bytes.Buffer
	n, err := io.Copy(&body, io.LimitReader(res.Body, maxAnswerBytes+1))
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return nil, err
	case res.StatusCode == http.StatusUnauthorized:
		return nil, errCredentials
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the authorization server answered %d", res.StatusCode)
	case n > maxAnswerBytes:
		return nil, errAnswerTooLarge
	case !slices.Contains(mediaTypes, mediaType):
		return nil, errAnswerNotJSON
	}
	return body.Bytes(), nil
}

// once makes one call of all concurrent ones with the same key. Each caller waits as long as its own
// context allows, and none can cancel the call for the others; only the timeout does.
func once[T any](ctx context.Context, group *singleflight.Group, key string, timeout time.Duration, call func(context.Context) (T, error)) (T, error) {
	done := group.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		return call(ctx)
	})
	var none T
	select {
	case <-ctx.Done():
		return none, unavailable(ctx.Err())
	case result := <-done:
		if result.Err != nil {
			return none, result.Err
		}
		return result.Val.(T), nil
	}
}
