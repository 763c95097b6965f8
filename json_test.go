package oauth2

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

var hardTexts = []string{"", "plain", "two words", `"`, `\`, "<script>", "a&b", "\x00", "\n", "\u2028", "é", "日本", "\xff", "~", " ", "\x7f"}

func FuzzJSONText(f *testing.F) {
	for _, text := range hardTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain, err := json.Marshal(text)
		require.NoError(t, err)
		require.Equal(t, string(plain), string(appendJSON(nil, text)))
	})
}

func TestAnObjectIsThatOfEncodingJSON(t *testing.T) {
	t.Parallel()
	members := map[string]any{"tenant": "a<b", "level": 3, "own": map[string]any{"x": nil}, "exp": "reserved"}
	for _, text := range hardTexts {
		o := newObject().text("a", text).number("b", math.MinInt64).texts("c", []string{text, ""}).texts("d", nil).scope(Scope{"read", "a!~"}).scope(nil)
		require.NoError(t, o.others(members, []string{"exp"}))
		want, err := json.Marshal(map[string]any{
			"a": text, "b": int64(math.MinInt64), "c": []string{text, ""}, "d": []string{}, "scope": Scope{"read", "a!~"},
			"tenant": "a<b", "level": 3, "own": map[string]any{"x": nil},
		})
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(o.end()))
	}
	require.Equal(t, "{}", string(newObject().end()))
	require.Error(t, newObject().others(map[string]any{"f": func() {}}, nil))
}
