// Package interop has tests only: client libraries that others wrote drive the example server.
//
// Each library is a small program in testdata, or a Go function. It is told about a site, on standard
// input; it asks for a person who opens an authorization request in a browser, logs in and answers; and
// it tells each feature that went through. TestClientLibrariesDriveTheExampleServer runs them all, on
// each store and over TLS. docs/interop.md has the table of what they show.
//
// A program whose interpreter or library is missing is skipped. With REQUIRE_CLIENTS=python,npm in the
// environment it fails instead.
package interop
