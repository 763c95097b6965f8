//go:build !linux

package testserver

import (
	"os/exec"
	"testing"
)

// Elsewhere than on Linux, servers run as the user of the tests.
func runAs(_ string, cmd *exec.Cmd) *exec.Cmd { return cmd }

func endWithTests(*exec.Cmd) {}

func giveTo(testing.TB, string, string) {}
