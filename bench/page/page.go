// Package page writes what was measured into docs/performance.md.
//
// The document is written by hand, except for blocks between two comments:
//
//	<!-- measured: NAME -->
//	<!-- end -->
//
// What stands between them is replaced, so that nobody types a figure.
package page

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/cold"
	"github.com/seed5f5fedc6/oauth2/bench/growth"
)

// Results are what the commands found. A nil one has not been measured.
type Results struct {
	Table  *bench.Report
	Growth *growth.Report
	Cold   *cold.Report
}

// Read reads the results in a folder: table.json, growth.json and cold.json. One that is missing is
// left out.
func Read(folder string) (r Results, err error) {
	return r, errors.Join(
		read(filepath.Join(folder, "table.json"), &r.Table),
		read(filepath.Join(folder, "growth.json"), &r.Growth),
		read(filepath.Join(folder, "cold.json"), &r.Cold),
	)
}

func read[T any](path string, into **T) error {
	var found T
	switch err := bench.ReadResult(path, &found); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("page: %s: %w", path, err)
	}
	*into = &found
	return nil
}

var block = regexp.MustCompile(`(?s)(<!-- measured: (\S+) -->\n).*?(<!-- end -->)`)

// ErrBlock means that the document has a block that no result goes into.
var ErrBlock = errors.New("page: unknown block")

// Fill replaces the measured blocks of a document. plots is the folder of the plots, as the document
// links to it.
func Fill(document []byte, r Results, plots string) ([]byte, error) {
	var unknown error
	filled := block.ReplaceAllFunc(document, func(found []byte) []byte {
		m := block.FindSubmatch(found)
		name := string(m[2])
		write, ok := blocks(plots)[name]
		if !ok {
			unknown = errors.Join(unknown, fmt.Errorf("%w %q", ErrBlock, name))
			return found
		}
		var text bytes.Buffer
		write(&text, r)
		if text.Len() == 0 {
			text.WriteString("Not measured yet.\n")
		}
		return bytes.Join([][]byte{m[1], bytes.TrimSpace(text.Bytes()), []byte("\n"), m[3]}, nil)
	})
	return filled, unknown
}

type writer func(io.Writer, Results)

// blocks are the writers, by name.
func blocks(plots string) map[string]writer {
	all := map[string]writer{
		"targets": targets,
		"table":   func(w io.Writer, r Results) { table(w, r, plots) },
		"cold": func(w io.Writer, r Results) {
			if r.Cold != nil {
				fmt.Fprintf(w, "%s.\n\n", r.Cold.Environment)
				r.Cold.Markdown(w)
			}
		},
	}
	for _, p := range growth.Parts {
		all[p.Name] = func(w io.Writer, r Results) {
			if r.Growth == nil || len(r.Growth.Points[p.Name]) == 0 {
				return
			}
			r.Growth.Markdown(w, p)
			if c, ok := r.Growth.Chart(p); ok {
				fmt.Fprintf(w, "![%s](%s/growth-%s.svg)\n", c.Title, plots, p.Name)
			}
		}
	}
	return all
}

func table(w io.Writer, r Results, plots string) {
	if r.Table == nil {
		return
	}
	fmt.Fprintf(w, "%s.\n\n", r.Table.Environment)
	r.Table.Markdown(w)
	for _, workload := range bench.Workloads {
		if r.Table.Has(workload, bench.Modes[0]) {
			fmt.Fprintf(w, "\n![%s](%s/%s-%s.svg)\n", workload.Title, plots, workload.Name, bench.Modes[0].Name)
		}
	}
}

// Plots draws the plots into a folder.
func Plots(r Results, folder string) error {
	if r.Table != nil {
		if err := r.Table.Plots(folder, ours); err != nil {
			return err
		}
	}
	if r.Growth == nil {
		return nil
	}
	for _, p := range growth.Parts {
		c, ok := r.Growth.Chart(p)
		if !ok {
			continue
		}
		var text bytes.Buffer
		if err := c.SVG(&text); err != nil {
			return err
		}
		if err := bench.WriteDocument(filepath.Join(folder, "growth-"+p.Name+".svg"), text.Bytes()); err != nil {
			return err
		}
	}
	return nil
}
