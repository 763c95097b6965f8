package storetest

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestSamplesHaveAValueInEveryField(t *testing.T) {
	t.Parallel()
	require.Empty(t, zeroFields(reflect.ValueOf(fullRecord()).Elem(), ""))
	require.Empty(t, intersection(
		zeroFields(reflect.ValueOf(fullClient("web")).Elem(), ""),
		zeroFields(reflect.ValueOf(remoteClient("web")).Elem(), ""),
	))
}

// zeroFields names the fields that are zero; of a slice, those that are zero in all elements.
func zeroFields(v reflect.Value, path string) (zero []string) {
	if v.IsZero() {
		return []string{path}
	}
	switch {
	case v.Kind() == reflect.Pointer:
		return zeroFields(v.Elem(), path)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		inAll := zeroFields(v.Index(0), path+"[]")
		for i := range v.Len() {
			inThis := zeroFields(v.Index(i), path+"[]")
			inAll = intersection(inAll, inThis)
		}
		return inAll
	case v.Kind() == reflect.Struct && v.Type().PkgPath() == reflect.TypeFor[oauth2.Authorization]().PkgPath():
		for i := range v.NumField() {
			if v.Field(i).Type() == reflect.PointerTo(v.Type()) && v.Field(i).IsNil() {
				continue // a chain has an end
			}
			zero = append(zero, zeroFields(v.Field(i), path+"."+v.Type().Field(i).Name)...)
		}
	}
	return zero
}

func intersection(a, b []string) (both []string) {
	for _, s := range a {
		for _, other := range b {
			if s == other {
				both = append(both, s)
			}
		}
	}
	return both
}

func TestThereIsAnExpiredRecordThatMustStayAtAnyTimeOfDay(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)
	midnight := noon.Add(12 * time.Hour)
	for _, change := range []time.Time{noon, midnight} {
		for at := change.Add(-2 * time.Minute); at.Before(change.Add(2 * time.Minute)); at = at.Add(500 * time.Millisecond) {
			records := expiredRecords(at)
			require.Len(t, records, 6)
			for _, a := range records {
				require.True(t, a.ExpiresAt.Before(at), at)
				require.False(t, a.SweepAfter().Before(at.Add(30*time.Second)), at)
			}
		}
	}
}

func TestScrambleReachesEverything(t *testing.T) {
	t.Parallel()
	a := fullRecord()
	shallow := *a
	scramble(&shallow)
	require.Equal(t, "scrambled", a.Scope[0])
	require.Equal(t, "scrambled", a.AMR[0])
	require.Equal(t, byte('0'), a.Claims[0])
	require.Equal(t, "scrambled", a.Code.Digest)
	require.Equal(t, "scrambled", a.Refresh.Rotations[0].Salt)
	require.Equal(t, "scrambled", a.Access[0].Audience[0])
	require.NotEqual(t, "scrambled", a.ID, "the struct itself was copied")
}
