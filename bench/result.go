package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// An Environment is what a run ran on.
type Environment struct {
	Go, Platform       string
	Processors, Rounds int
}

// Here is the environment of this process.
func Here(rounds int) Environment {
	return Environment{runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, runtime.NumCPU(), rounds}
}

func (e Environment) String() string {
	return fmt.Sprintf("%d rounds, %s, %s, %d processors", e.Rounds, e.Go, e.Platform, e.Processors)
}

// A Spread is the median of some ratios, with the least and the greatest.
type Spread struct{ Median, Low, High float64 }

func (s Spread) String() string {
	return fmt.Sprintf("%s (%s–%s)", Short(s.Median), Short(s.Low), Short(s.High))
}

// Ratios compares two series round by round. It is zero where one of them has no round that the other
// has.
func Ratios[T any](own, floor []T, value func(T) float64) Spread {
	var ratios []float64
	for i := range min(len(own), len(floor)) {
		ratios = append(ratios, value(own[i])/value(floor[i]))
	}
	if len(ratios) == 0 {
		return Spread{}
	}
	return Spread{median(ratios), slices.Min(ratios), slices.Max(ratios)}
}

// MedianOf is the median of a value over some measurements. It is zero where there is none.
func MedianOf[T any](measured []T, value func(T) float64) float64 {
	if len(measured) == 0 {
		return 0
	}
	return median(each(measured, value))
}

// WriteResult writes what a run found as JSON, for the page. An empty path writes nothing.
func WriteResult(path string, result any) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(result, "", " ")
	if err != nil {
		return err
	}
	return WriteDocument(path, append(text, '\n'))
}

// WriteDocument writes a file that everybody may read, and its folder if need be.
func WriteDocument(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // for everybody
		return err
	}
	return os.WriteFile(path, text, 0o644) //nolint:gosec // as above
}

// ReadResult reads what WriteResult wrote.
func ReadResult(path string, result any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, result)
}

// MarshalText makes a Key the name of a member of a JSON object.
func (k Key) MarshalText() ([]byte, error) {
	return []byte(strings.Join([]string{k.Workload, k.Mode, k.Column}, "/")), nil
}

// UnmarshalText reads what MarshalText wrote.
func (k *Key) UnmarshalText(text []byte) error {
	names := strings.Split(string(text), "/")
	if len(names) != 3 {
		return fmt.Errorf("bench: %q is no workload, mode and column", text)
	}
	*k = Key{Workload: names[0], Mode: names[1], Column: names[2]}
	return nil
}
