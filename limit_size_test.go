package oauth2_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

const (
	longEnough = time.Minute
	shortly    = 5 * time.Millisecond
)

// manyScopes is a scope of so many tokens, all different.
func manyScopes(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.Write([]byte{'a' + byte(i%26), 'a' + byte(i/26%26), 'a' + byte(i/676)})
	}
	return b.String()
}

// The server answers each of these and goes on. That it is quick about it is what the test's own time
// limit shows; none of it is read by anything whose work grows faster than its size.
func TestWhatIsTooLargeIsRefusedWithA4xx(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := func(n int) string { return strings.Repeat("a", n) }
	post := func(body string, headers ...string) func() answer {
		return func() answer { return w.raw(http.MethodPost, "/token", strings.NewReader(body), headers...) }
	}
	ask := func(name, value string) func() answer {
		return func() answer { return w.get(newBrowser(t), "/authorize", codeRequest(name, value)) }
	}
	for name, c := range map[string]struct {
		send func() answer
		want []int
	}{
		"a header of 2 MB":               {post(machineForm, "X-Large", long(2<<20)), []int{431}},
		"an Authorization of 100 kB":     {post(machineForm, "Authorization", "Basic "+long(100<<10)), []int{400, 401}},
		"a Basic client_id of 100 kB":    {post("grant_type=client_credentials", "Authorization", basic(long(75<<10), "x")), []int{401}},
		"a Basic secret of 100 kB":       {post("grant_type=client_credentials", "Authorization", basic(machine, long(75<<10))), []int{401}},
		"a Content-Type of 100 kB":       {post(machineForm, "Content-Type", "application/"+long(100<<10)), []int{400}},
		"an X-Forwarded-For of 100 kB":   {post("grant_type=client_credentials", "X-Forwarded-For", strings.Repeat("1.1.1.1,", 12<<10)), []int{401}},
		"100 Authorization headers":      {post(machineForm, strings.Split(strings.Repeat("Authorization|Basic x|", 100), "|")...), []int{400, 401}},
		"a body of 65 kB":                {post(machineForm + "&x=" + long(65<<10)), []int{413}},
		"a client_id of 60 kB":           {post("grant_type=client_credentials&client_id=" + long(60<<10)), []int{401}},
		"a client_secret of 60 kB":       {post("grant_type=client_credentials&client_id=" + machine + "&client_secret=" + long(60<<10)), []int{401}},
		"a grant_type of 60 kB":          {post(strings.Replace(machineForm, "client_credentials", long(60<<10), 1)), []int{400}},
		"a scope of 10,000 tokens":       {post(machineForm + "&scope=" + strings.ReplaceAll(manyScopes(10_000), " ", "+")), []int{400}},
		"a scope of one token, repeated": {post(machineForm + "&scope=" + strings.Repeat("read+", 10_000) + "read"), []int{400}},
		"101 parameters":                 {post(machineForm + strings.Repeat("&resource=x", 101)), []int{400}},
		"20,000 parameters":              {post(machineForm + strings.Repeat("&x", 20_000)), []int{400}},
		"a query of 100 kB":              {ask("state", long(100<<10)), []int{400, 413, 414}},
		"a scope of 8,000 in the query":  {ask("scope", manyScopes(8_000)), []int{303}},
	} {
		require.Contains(t, c.want, c.send().status, name)
	}
	require.Equal(t, 200, w.token(machine, "grant_type", "client_credentials").status)
	require.Equal(t, 200, w.token(machine, "grant_type", "client_credentials", "scope", strings.TrimSuffix(strings.Repeat("read ", 50), " ")).status)
}

func TestAScopeHasAThousandTokensAtMost(t *testing.T) {
	t.Parallel()
	scope, err := oauth2.ParseScope(manyScopes(1000))
	require.NoError(t, err)
	require.Len(t, scope, 1000)
	_, err = oauth2.ParseScope(manyScopes(1001))
	require.Error(t, err)
}
