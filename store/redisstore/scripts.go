package redisstore

import (
	"embed"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts
var scripts embed.FS

// A script is atomic on the server, and touches keys of one hash slot.
type script struct {
	source string
	sha1   string
	// records: it records something, which replicas may have to acknowledge.
	records bool
}

var (
	createScript = load("create", true) // stores a new record
	updateScript = load("update", true) // replaces a record of a given version
	fileScript   = load("file", true)   // adds an entry to an index
	pageScript   = load("page", false)  // reads entries of an index
	dropScript   = load("drop", false)  // removes entries from an index

	replaceClientScript = load("replace_client", true) // replaces a client that is still as it was read
)

func load(name string, records bool) script {
	source, err := scripts.ReadFile("scripts/" + name + ".lua")
	if err != nil {
		panic(err) // the file is part of the program
	}
	return script{source: string(source), sha1: redis.NewScript(string(source)).Hash(), records: records}
}
