package ledger_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/ledger"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

const moduleRoot = "../.."

func load(t *testing.T) []*ledger.Specification {
	t.Helper()
	all, err := ledger.Load()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

func TestEveryRowIsProvenByATestThatIsThereOrTellsWhyNot(t *testing.T) {
	t.Parallel()
	index := ledger.NewIndex(moduleRoot)
	for _, s := range load(t) {
		for _, row := range s.Rows() {
			require.NotEqual(t, len(row.Tests) > 0, row.Word != "", row.ID)
			for _, test := range row.Tests {
				there, err := index.Has(test)
				require.NoError(t, err, row.ID)
				require.True(t, there, "%s: there is no %s", row.ID, test)
			}
		}
	}
}

func TestTheDocumentIsCurrent(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(moduleRoot + "/docs/requirements.md")
	require.NoError(t, err)
	want, got := strings.Split(ledger.Document(load(t)), "\n"), strings.Split(string(text), "\n")
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], "line %d is stale: run go generate ./internal/ledger", i+1)
	}
	require.Len(t, got, len(want))
}

var cited = regexp.MustCompile(`RFC ([0-9]{4,5})`)

func TestEverySpecificationThatTheCodeCitesIsInTheLedger(t *testing.T) {
	t.Parallel()
	told, specifications := map[string]bool{}, map[string]bool{}
	for _, m := range cited.FindAllStringSubmatch(ledger.Document(load(t)), -1) {
		told[m[1]] = true
	}
	require.NoError(t, fs.WalkDir(os.DirFS(moduleRoot), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (path == "internal/ledger" || path == "bench" || entry.Name() == "node_modules" || strings.HasPrefix(path, ".git")):
			return fs.SkipDir // itself, and another module
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(filepath.Join(moduleRoot, path))
		for _, m := range cited.FindAllStringSubmatch(string(source), -1) {
			specifications[m[1]] = true
			require.True(t, told[m[1]], "%s cites RFC %s, which no file of data names", path, m[1])
		}
		return err
	}))
	require.Greater(t, len(specifications), 15)
}

// What the metadata says when a feature is served.
var advertised = map[string]func(metadata map[string]any) bool{
	"token exchange":  listed("grant_types_supported", "urn:ietf:params:oauth:grant-type:token-exchange"),
	"OpenID Connect":  member("id_token_signing_alg_values_supported", "userinfo_endpoint"),
	"signed metadata": member("signed_metadata"),
	"web message":     listed("response_modes_supported", "web_message"),
}

func member(names ...string) func(map[string]any) bool {
	return func(metadata map[string]any) bool {
		return slices.ContainsFunc(names, func(name string) bool { return metadata[name] != nil })
	}
}

func listed(name string, values ...string) func(map[string]any) bool {
	return func(metadata map[string]any) bool {
		list, _ := metadata[name].([]any)
		return slices.ContainsFunc(values, func(value string) bool { return slices.Contains(list, any(value)) })
	}
}

func TestWhatIsNotAdvertisedIsNotInTheMetadata(t *testing.T) {
	t.Parallel()
	clients, err := memory.NewClients()
	require.NoError(t, err)
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer: "https://id.example.com", Clients: clients, Tokens: memory.New(),
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return nil, oauth2.ErrAccessDenied
		},
	})
	require.NoError(t, err)
	told := httptest.NewRecorder()
	server.Metadata(told, httptest.NewRequest(http.MethodGet, "/", nil))
	var metadata map[string]any
	require.NoError(t, json.Unmarshal(told.Body.Bytes(), &metadata))
	require.Equal(t, "https://id.example.com", metadata["issuer"])
	for _, feature := range ledger.Features {
		require.Contains(t, advertised, feature)
		require.False(t, advertised[feature](metadata), "%s is advertised: its rows need tests", feature)
	}
	require.True(t, listed("grant_types_supported", "authorization_code")(metadata), "what is served is found")
	require.True(t, member("token_endpoint")(metadata), "what is served is found")
}

const header = "title: A title\nprefix: X\nscope: All of it.\n\n## A group\n"

func TestARowIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	s, err := ledger.Parse("# a comment\n" + header +
		"X-1.2-01 | 1.2 | MUST NOT | It does `that`. | TestOne, resource.TestTwo/a_b/c, store/memory.FuzzThree\n\n" +
		"X-A.1-02 | A.1 | MAY | It can. | declined: nobody asked\n")
	require.NoError(t, err)
	require.Equal(t, "A title", s.Title)
	require.Equal(t, []ledger.Row{
		{ID: "X-1.2-01", Section: "1.2", Level: "MUST NOT", Requirement: "It does `that`.", Tests: []ledger.Test{
			{Name: "TestOne"}, {Package: "resource", Name: "TestTwo", Subtest: "a_b/c"}, {Package: "store/memory", Name: "FuzzThree"},
		}},
		{ID: "X-A.1-02", Section: "A.1", Level: "MAY", Requirement: "It can.", Word: "declined", Reason: "nobody asked"},
	}, s.Rows())
}

func TestWhatDepartsFromTheFormatIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no header":                   "## A group\nX-1-01 | 1 | MUST | It does. | TestOne\n",
		"a header twice":              "title: A\n" + header,
		"no group":                    "title: A\nprefix: X\nscope: All.\n",
		"a row before the groups":     "title: A\nprefix: X\nscope: All.\nX-1-01 | 1 | MUST | It does. | TestOne\n## A group\n",
		"four fields":                 header + "X-1-01 | 1 | MUST | It does.\n",
		"six fields":                  header + "X-1-01 | 1 | MUST | It | does. | TestOne\n",
		"another prefix":              header + "Y-1-01 | 1 | MUST | It does. | TestOne\n",
		"an ID twice":                 header + "X-1-01 | 1 | MUST | It does. | TestOne\nX-1-01 | 1 | MUST | It does. | TestOne\n",
		"no section":                  header + "X-1-01 | section 1 | MUST | It does. | TestOne\n",
		"no level":                    header + "X-1-01 | 1 | must | It does. | TestOne\n",
		"no sentence":                 header + "X-1-01 | 1 | MUST | It does | TestOne\n",
		"a MUST that is not proven":   header + "X-1-01 | 1 | MUST | It does. | \n",
		"a MUST that is declined":     header + "X-1-01 | 1 | MUST NOT | It does. | declined: nobody asked\n",
		"a word without a reason":     header + "X-1-01 | 1 | MUST | It does. | client: \n",
		"a word that is none":         header + "X-1-01 | 1 | MUST | It does. | somebody: else\n",
		"a feature that is not known": header + "X-1-01 | 1 | MUST | It does. | not advertised: telepathy\n",
		"no test function":            header + "X-1-01 | 1 | MUST | It does. | testOne\n",
	} {
		_, err := ledger.Parse(text)
		require.Error(t, err, name)
	}
}

// The name of a subtest that is none, for the test after it.
const notRun = "a blank in it"

func TestATestThatIsNotThereIsFound(t *testing.T) {
	t.Parallel()
	index := ledger.NewIndex(moduleRoot)
	const here = "internal/ledger"
	for test, want := range map[ledger.Test]bool{
		{Package: here, Name: "TestTheDocumentIsCurrent"}: true,
		{Package: here, Name: "TestTheDocumentIsGone"}:    false,
		{Package: here, Name: "Document"}:                 false,
		{Name: "TestTheDocumentIsCurrent"}:                false,
		{Package: here, Name: "TestATestThatIsNotThereIsFound", Subtest: strings.ReplaceAll(notRun, " ", "_")}: true,
		{Package: here, Name: "TestATestThatIsNotThereIsFound", Subtest: "*/internal/ledger"}:                  true,
		{Package: here, Name: "TestATestThatIsNotThereIsFound", Subtest: "internal/" + "no ledger"}:            false,
	} {
		there, err := index.Has(test)
		require.NoError(t, err)
		require.Equal(t, want, there, test)
	}
	_, err := index.Has(ledger.Test{Package: "internal/nowhere", Name: "TestX"})
	require.Error(t, err)
}
