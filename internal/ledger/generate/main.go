// Command generate writes the document of the requirements to the file that its argument names.
package main

import (
	"log"
	"os"

	"github.com/seed5f5fedc6/oauth2/internal/ledger"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: generate FILE")
	}
	specifications, err := ledger.Load()
	if err != nil {
		log.Fatal(err)
	}
	document := []byte(ledger.Document(specifications))
	if err := os.WriteFile(os.Args[1], document, 0o644); err != nil { //nolint:gosec // a document is for everyone to read
		log.Fatal(err)
	}
}
