package cold_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/cold"
)

func TestEveryProgramServesEveryGrant(t *testing.T) {
	t.Chdir("..")
	for _, p := range cold.Programs {
		t.Run(p.Name, func(t *testing.T) {
			weight, binary, err := p.Build(t.Context(), t.TempDir())
			require.NoError(t, err)
			require.Greater(t, weight.Bytes, weight.Stripped)
			require.Positive(t, weight.Lines)
			if p.Name != "floor" {
				require.Positive(t, weight.Modules)
				require.Greater(t, weight.Packages, 2)
			}

			process, err := cold.Run(t.Context(), binary)
			require.NoError(t, err)
			defer process.Stop()
			newCaller, hangUp := bench.Dial(process.Address)
			defer hangUp()
			target := &bench.Target{TokenPath: p.TokenPath, AuthorizePath: "/authorize"}
			if p.Name == "zitadel" {
				target.Login = func(location string) (string, error) {
					a, err := newCaller().Get(location)
					if err != nil {
						return "", err
					}
					return a.Location, nil
				}
			}
			d := bench.NewDriver(target, newCaller())
			require.NoError(t, d.Credentials())
			require.NoError(t, d.Authorize())
			require.NoError(t, d.Redeem())
			require.NoError(t, d.Rotate())
			require.NoError(t, d.Rotate())
		})
	}
}

func TestAStartIsTimedUntilTheFirstToken(t *testing.T) {
	t.Chdir("..")
	p := cold.Programs[1]
	_, binary, err := p.Build(t.Context(), t.TempDir())
	require.NoError(t, err)
	s, err := p.Start(t.Context(), binary)
	require.NoError(t, err)
	require.Positive(t, s.Elapsed)

	p.TokenPath = "/nowhere"
	_, err = p.Start(t.Context(), binary)
	var refused *bench.StatusError
	require.ErrorAs(t, err, &refused)
	_, err = cold.Run(t.Context(), "/bin/true")
	require.ErrorContains(t, err, "does not listen")
}

func TestOurSmallestServerLinksNoDriver(t *testing.T) {
	t.Chdir("..")
	packages, err := cold.Dependencies(t.Context(), "./cold/ours")
	require.NoError(t, err)
	require.Contains(t, packages, "github.com/seed5f5fedc6/oauth2/store/memory")
	for _, p := range packages {
		own := strings.HasPrefix(p, "github.com/seed5f5fedc6/oauth2") && !strings.Contains(p, "/sqlstore") && !strings.Contains(p, "/redisstore")
		require.True(t, own || strings.HasPrefix(p, "golang.org/x/") || strings.HasPrefix(p, "github.com/go-jose/"), p)
	}
}
