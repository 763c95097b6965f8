package ledger

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	idSyntax      = regexp.MustCompile(`^[A-Z0-9]+(-[A-Z0-9.]+)*-[0-9]{2,3}$`)
	sectionSyntax = regexp.MustCompile(`^([0-9]+|[A-Z])(\.[0-9]+)*$`)
	testSyntax    = regexp.MustCompile(`^(?:([a-z0-9_/]+)\.)?((?:Test|Fuzz|Example)[A-Za-z0-9_]*)(?:/(.+))?$`)
)

// Parse reads one specification:
//
//	title: RFC 6749, The OAuth 2.0 Authorization Framework
//	prefix: RFC6749
//	scope: Which sections are listed.
//
//	## 3.1 Authorization endpoint
//	RFC6749-3.1-01 | 3.1 | MUST | The requirement. | TestOne, resource.TestTwo/subtest
//	RFC6749-3.1-02 | 3.1 | MUST | Another one. | client: why it is the client's
//
// Lines that begin with # are comments. An error begins with the number of the line.
func Parse(text string) (*Specification, error) {
	p := reader{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if err := p.line(strings.TrimRight(line, "\n")); err != nil {
			return nil, fmt.Errorf("%d: %w", n, err)
		}
	}
	switch s := &p.spec; {
	case s.Title == "" || s.Prefix == "" || s.Scope == "":
		return nil, fmt.Errorf("%d: title, prefix or scope is missing", n)
	case len(s.Groups) == 0:
		return nil, fmt.Errorf("%d: there is no group", n)
	}
	return &p.spec, nil
}

type reader struct {
	spec Specification
	seen []string // the IDs so far
}

func (p *reader) line(line string) error {
	switch {
	case line == "", strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "##"):
		return nil
	case strings.HasPrefix(line, "## "):
		p.spec.Groups = append(p.spec.Groups, Group{Heading: line[3:]})
		return nil
	case len(p.spec.Groups) == 0:
		return p.header(line)
	}
	row, err := p.row(line)
	if err != nil {
		return err
	}
	group := &p.spec.Groups[len(p.spec.Groups)-1]
	group.Rows = append(group.Rows, row)
	return nil
}

func (p *reader) header(line string) error {
	name, value, ok := strings.Cut(line, ": ")
	field := map[string]*string{"title": &p.spec.Title, "prefix": &p.spec.Prefix, "scope": &p.spec.Scope}[name]
	if !ok || field == nil || *field != "" {
		return fmt.Errorf("%q is neither a header line nor in a group", line)
	}
	*field = value
	return nil
}

func (p *reader) row(line string) (Row, error) {
	fields := strings.Split(line, " | ")
	if len(fields) != 5 || strings.Count(line, "|") != 4 {
		return Row{}, fmt.Errorf("%q has not five fields", line)
	}
	r := Row{ID: fields[0], Section: fields[1], Level: fields[2], Requirement: fields[3]}
	switch {
	case !idSyntax.MatchString(r.ID) || !strings.HasPrefix(r.ID, p.spec.Prefix+"-"):
		return r, fmt.Errorf("%q is no ID with the prefix %q", r.ID, p.spec.Prefix)
	case slices.Contains(p.seen, r.ID):
		return r, fmt.Errorf("%s occurs twice", r.ID)
	case !sectionSyntax.MatchString(r.Section):
		return r, fmt.Errorf("%s: %q is no section", r.ID, r.Section)
	case !slices.Contains(Levels, r.Level):
		return r, fmt.Errorf("%s: %q is no level", r.ID, r.Level)
	case !strings.HasSuffix(r.Requirement, "."):
		return r, fmt.Errorf("%s: the requirement is no sentence", r.ID)
	}
	p.seen = append(p.seen, r.ID)
	return r, r.prove(fields[4])
}

// prove reads what proves the row, or the word in its place.
func (r *Row) prove(proof string) error {
	if word, reason, ok := strings.Cut(proof, ": "); ok && !strings.Contains(word, "Test") {
		switch {
		case !slices.Contains(Words, word) || reason == "" || strings.HasSuffix(reason, "."):
			return fmt.Errorf("%s: %q is no word with a reason", r.ID, proof)
		case word == Declined && r.Binding():
			return fmt.Errorf("%s: what is a %s cannot be declined", r.ID, r.Level)
		case word == NotAdvertised && !slices.Contains(Features, reason):
			return fmt.Errorf("%s: %q is no feature", r.ID, reason)
		}
		r.Word, r.Reason = word, reason
		return nil
	}
	for name := range strings.SplitSeq(proof, ", ") {
		m := testSyntax.FindStringSubmatch(name)
		if m == nil {
			return fmt.Errorf("%s: %q is neither a test nor a word with a reason", r.ID, name)
		}
		r.Tests = append(r.Tests, Test{Package: m[1], Name: m[2], Subtest: m[3]})
	}
	return nil
}
