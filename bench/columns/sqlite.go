package columns

import (
	"context"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
)

// OursOnSQLite is Ours over a database file, which must not exist yet. It is for the measures of growth
// and stands in no table: the peers ship no such store.
func OursOnSQLite(path string) bench.Column {
	return bench.Column{Name: "ours+sqlite", Module: Ours.Module, Build: func() (*bench.Target, error) {
		store, err := sqlite.Open(context.Background(), path)
		if err != nil {
			return nil, err
		}
		return OursOn(store)
	}}
}
