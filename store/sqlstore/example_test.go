package sqlstore_test

import (
	"context"
	"database/sql"
	"log"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

// A pool that the application has already, here of PostgreSQL connections, keeps the records too.
func ExampleNew() {
	ctx := context.Background()
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(20) // database/sql has no bound of its own, and the server has one

	store, err := sqlstore.New(ctx, db, sqlstore.Options{Dialect: sqlstore.PostgreSQL})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
}
