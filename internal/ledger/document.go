package ledger

import (
	"fmt"
	"strings"
)

const introduction = `# Requirements

<!-- Made by go generate ./internal/ledger from the files in internal/ledger/data. Change those. -->

What the specifications ask of the server, one row per single requirement, and the test that proves it. A test is named
by its package, below the module's path, and its function; what stands without a package is the root's. After a slash
stands a subtest, and ` + "`*`" + ` there is any name, such as that of a store. Where no test stands, a word tells why:

- **client**, **application**, **resource server**, **operator**, **specification**: it binds the client, the
  application that embeds the server, an API beyond what package resource does for it, who runs the server, or other
  documents.
- **not advertised**: the feature is not served. Its rows bind as soon as the metadata names it.
- **declined**: a recommendation or an option that is not followed, and why.

REQUIRED and SHALL are written MUST, RECOMMENDED is SHOULD, OPTIONAL is MAY. The requirements are told in our own words;
the specification counts. A test fails when a row names a test that does not exist, or when a MUST that binds the server
as it is names none.
`

// Document is docs/requirements.md.
func Document(specifications []*Specification) string {
	var b strings.Builder
	b.WriteString(introduction)
	b.WriteString("\n| specification | requirements | of these MUST | proven by tests | different tests | another's part | not advertised | declined |\n")
	b.WriteString("| --- | --: | --: | --: | --: | --: | --: | --: |\n")
	var total count
	for _, s := range specifications {
		c := counted(s)
		total.add(c)
		writeCount(&b, fmt.Sprintf("[%s](#%s)", s.Title, anchor(s.Title)), c)
	}
	writeCount(&b, "all", total)
	for _, s := range specifications {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", s.Title, s.Scope)
		for _, g := range s.Groups {
			fmt.Fprintf(&b, "\n### %s\n\n| id | section | level | requirement | proof |\n| --- | --- | --- | --- | --- |\n", g.Heading)
			for _, r := range g.Rows {
				fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.ID, r.Section, r.Level, r.Requirement, proofOf(r))
			}
		}
	}
	return b.String()
}

func proofOf(r Row) string {
	if r.Word != "" {
		return r.Word + ": " + r.Reason
	}
	names := make([]string, len(r.Tests))
	for i, t := range r.Tests {
		names[i] = "`" + t.String() + "`"
	}
	return strings.Join(names, ", ")
}

// A count is what the table at the top tells of a specification.
type count struct {
	rows, must, proven, others, notAdvertised, declined int
	tests                                               map[string]bool
}

func counted(s *Specification) count {
	c := count{tests: map[string]bool{}}
	for _, r := range s.Rows() {
		c.rows++
		if r.Binding() {
			c.must++
		}
		switch r.Word {
		case "":
			c.proven++
		case NotAdvertised:
			c.notAdvertised++
		case Declined:
			c.declined++
		default:
			c.others++
		}
		for _, t := range r.Tests {
			c.tests[t.Package+"."+t.Name] = true
		}
	}
	return c
}

func (c *count) add(other count) {
	c.rows += other.rows
	c.must += other.must
	c.proven += other.proven
	c.others += other.others
	c.notAdvertised += other.notAdvertised
	c.declined += other.declined
	if c.tests == nil {
		c.tests = map[string]bool{}
	}
	for name := range other.tests {
		c.tests[name] = true
	}
}

func writeCount(b *strings.Builder, name string, c count) {
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d | %d | %d |\n", name, c.rows, c.must, c.proven, len(c.tests), c.others, c.notAdvertised, c.declined)
}

// anchor is the name that a heading has in a page made of Markdown.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-':
			return '-'
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_':
			return r
		}
		return -1
	}, strings.ToLower(heading))
}
