package stores

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/redis/go-redis/v9"

	"github.com/seed5f5fedc6/oauth2/store/redisstore"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

// maxConnections is per replica; a database server has about a hundred for all.
const maxConnections = 16

var errStoreURL = errors.New("the URL cannot be read") // it may hold a password, so it is not quoted

// openPostgres keeps everything in PostgreSQL: postgres://USER:PASSWORD@HOST/DATABASE.
func (s *Stores) openPostgres(ctx context.Context, address string) error {
	if _, err := url.Parse(address); err != nil {
		return errStoreURL
	}
	return s.openSQL(ctx, "pgx", address, sqlstore.PostgreSQL)
}

// openMySQL keeps everything in MySQL or MariaDB: mysql://USER:PASSWORD@HOST/DATABASE.
func (s *Stores) openMySQL(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errStoreURL
	}
	config := mysql.NewConfig()
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.Net, config.Addr = "tcp", u.Host
	config.DBName = strings.TrimPrefix(u.Path, "/")
	return s.openSQL(ctx, "mysql", config.FormatDSN(), sqlstore.MySQL)
}

func (s *Stores) openSQL(ctx context.Context, driver, dsn string, dialect sqlstore.Dialect) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return errStoreURL
	}
	s.closers = append(s.closers, db.Close)
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	tokens, err := sqlstore.New(ctx, db, sqlstore.Options{Dialect: dialect})
	if err != nil {
		return err
	}
	s.Tokens, s.Clients = tokens, tokens.Clients()
	s.closers = append([]func() error{tokens.Close}, s.closers...)
	return nil
}

// openRedis keeps everything in Redis: redis://HOST, or, for a cluster, redis://HOST?addr=HOST&addr=HOST.
func (s *Stores) openRedis(ctx context.Context, address string) error {
	client, err := redisClient(address)
	if err != nil {
		return errStoreURL
	}
	s.closers = append(s.closers, client.Close)
	tokens, err := redisstore.New(ctx, client, redisstore.Options{})
	if err != nil {
		return err
	}
	s.Tokens, s.Clients = tokens, tokens.Clients()
	return nil
}

func redisClient(address string) (redis.UniversalClient, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if u.Query().Has("addr") {
		options, err := redis.ParseClusterURL(address)
		if err != nil {
			return nil, err
		}
		return redis.NewClusterClient(options), nil
	}
	options, err := redis.ParseURL(address)
	if err != nil {
		return nil, err
	}
	return redis.NewClient(options), nil
}
