package columns

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
)

// OursOnSQLite is Ours over database files in a folder, a new one for each server. It is for the
// measures of growth and stands in no table: the peers ship no such store.
func OursOnSQLite(folder string) bench.Column {
	var built atomic.Int64
	return bench.Column{Name: "ours+sqlite", Module: Ours.Module, Build: func() (*bench.Target, error) {
		path := filepath.Join(folder, fmt.Sprintf("tokens%d.db", built.Add(1)))
		store, err := sqlite.Open(context.Background(), path)
		if err != nil {
			return nil, err
		}
		return OursOn(store)
	}}
}
