// Package ledger keeps the requirements of the specifications that this module claims, one row per
// single requirement: where it stands, how strongly it binds, and the test that proves it. The rows
// are the files in data; docs/requirements.md is made of them.
package ledger

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:generate go run ./generate ../../docs/requirements.md

// Levels are how strongly a requirement binds (RFC 2119). REQUIRED and SHALL are written MUST,
// RECOMMENDED is SHOULD, OPTIONAL is MAY.
var Levels = []string{"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"}

// The words that stand in place of a test.
const (
	NotAdvertised = "not advertised"
	Declined      = "declined"
)

// Words tell why no test of this module proves a requirement: whom it binds instead, or that its
// feature is not served, or that a recommendation is not followed.
var Words = []string{"client", "application", "operator", "resource server", "specification", NotAdvertised, Declined}

// A Specification is one file of data.
type Specification struct {
	Title  string
	Prefix string // of the IDs of its rows
	Scope  string // which sections are listed
	Groups []Group
}

// A Group is the rows of one section.
type Group struct {
	Heading string
	Rows    []Row
}

// A Row is one requirement. It has either Tests or a Word with its Reason.
type Row struct {
	ID          string
	Section     string
	Level       string
	Requirement string
	Tests       []Test
	Word        string
	Reason      string
}

// Binding reports whether the row must be proven by a test unless it binds somebody else.
func (r Row) Binding() bool { return strings.HasPrefix(r.Level, "MUST") }

// A Test names a test function, by the path of its package below the module's and its own name, and
// perhaps one of its subtests.
type Test struct {
	Package string // "" is the root package
	Name    string
	Subtest string
}

// String is the test as a row names it.
func (t Test) String() string {
	s := t.Name
	if t.Package != "" {
		s = t.Package + "." + s
	}
	if t.Subtest != "" {
		s += "/" + t.Subtest
	}
	return s
}

// Rows are all rows of a specification.
func (s *Specification) Rows() []Row {
	var rows []Row
	for _, g := range s.Groups {
		rows = append(rows, g.Rows...)
	}
	return rows
}

//go:embed data/*.txt
var data embed.FS

// Load reads every specification, in the order of the document. An error names the file and the line
// that departs from the format, or an ID that occurs twice.
func Load() ([]*Specification, error) {
	files, err := fs.Glob(data, "data/*.txt")
	if err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	var all []*Specification
	seen := map[string]string{}
	for _, file := range files {
		text, err := data.ReadFile(file)
		if err != nil {
			return nil, err
		}
		s, err := Parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s:%w", file, err)
		}
		for _, row := range s.Rows() {
			if other := seen[row.ID]; other != "" {
				return nil, fmt.Errorf("%s: %s occurs in %s too", file, row.ID, other)
			}
			seen[row.ID] = file
		}
		all = append(all, s)
	}
	return all, nil
}

// rank puts the project's own list first, then the framework, then the RFCs by their numbers, then
// the rest.
func rank(file string) string {
	name := path.Base(file)
	switch {
	case strings.HasPrefix(name, "security"):
		return "0" + name
	case strings.HasPrefix(name, "oauth21"):
		return "1" + name
	case strings.HasPrefix(name, "rfc"):
		return "2" + name
	}
	return "3" + name
}
