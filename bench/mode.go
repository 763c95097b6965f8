package bench

import (
	"fmt"
	"runtime"
)

// A Mode is how a workload is put on a server.
type Mode struct {
	// Name is a word for flags and files, Title a heading.
	Name, Title string
	// Workers call at the same time.
	Workers func() int
	// Loopback is true where every call goes over a TCP connection.
	Loopback bool
}

// Modes are all of them.
var Modes = []Mode{
	{Name: "serial", Title: "one caller, in process", Workers: func() int { return 1 }},
	{Name: "parallel", Title: "as many callers as processors, in process", Workers: func() int { return runtime.GOMAXPROCS(0) }},
	{Name: "loopback", Title: "four callers for each processor, over loopback", Workers: func() int { return 4 * runtime.GOMAXPROCS(0) }, Loopback: true},
}

// Suits reports whether a workload can be put on a server in this mode.
func (m Mode) Suits(w Workload) bool { return w.Loopback || !m.Loopback }

// ModeNamed returns the mode with this name.
func ModeNamed(name string) (Mode, error) {
	for _, m := range Modes {
		if m.Name == name {
			return m, nil
		}
	}
	return Mode{}, fmt.Errorf("bench: there is no mode %q", name)
}
