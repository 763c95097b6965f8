// Package columns has the servers that are measured, one file each. Every peer stands in its fastest
// safe configuration; where it has a choice, a comment says which and why.
package columns

import (
	"fmt"
	"strings"

	"github.com/seed5f5fedc6/oauth2/bench"
)

// All returns every column, the baselines first.
func All() []bench.Column {
	return []bench.Column{Harness, Floor, Ours, Fosite, GoOAuth2, Osin, Zitadel, FositeBcrypt}
}

// Named returns the columns with these names, or all of them if there are none.
func Named(names ...string) ([]bench.Column, error) {
	if len(names) == 0 {
		return All(), nil
	}
	var found []bench.Column
	for _, name := range names {
		i := len(found)
		for _, c := range All() {
			if c.Name == name {
				found = append(found, c)
			}
		}
		if len(found) == i {
			return nil, fmt.Errorf("columns: there is no %q among %s", name, strings.Join(Names(), ", "))
		}
	}
	return found, nil
}

// Names are those of All.
func Names() []string {
	var names []string
	for _, c := range All() {
		names = append(names, c.Name)
	}
	return names
}
