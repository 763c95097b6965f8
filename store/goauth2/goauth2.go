// Package goauth2 is the bridge from github.com/go-oauth2/oauth2/v4: an authorization server that
// takes over from one of that library goes on using its registered clients ([Clients]) and its live
// tokens ([Adopt]), so that nobody is logged out on the day.
//
// Only the interfaces of that library are used, so any of its stores will do. What a store keeps, it
// keeps in clear: client secrets and tokens. Everything issued from here on is kept as this library
// keeps it, in the TokenStore of ServerConfig.
package goauth2

import (
	"database/sql"
	"errors"

	goerrors "github.com/go-oauth2/oauth2/v4/errors"
)

// notFoundText is what the ClientStore in memory that comes with go-oauth2 answers. It has no variable.
const notFoundText = "not found"

// IsNotFound reports whether an error of a go-oauth2 store means that there is no such client or
// token: its own ClientStore's "not found", sql.ErrNoRows, and the variables of its package errors
// for an unknown or expired client or token. It is the default of ClientOptions.NotFound and of
// AdoptOptions.NotFound. Any other error is a fault: a store that is down must not pass for one that
// is empty.
func IsNotFound(err error) bool {
	for _, known := range []error{
		sql.ErrNoRows,
		goerrors.ErrInvalidClient,
		goerrors.ErrInvalidAccessToken,
		goerrors.ErrInvalidRefreshToken,
		goerrors.ErrExpiredAccessToken,
		goerrors.ErrExpiredRefreshToken,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return err != nil && err.Error() == notFoundText
}

func orIsNotFound(own func(error) bool) func(error) bool {
	if own == nil {
		return IsNotFound
	}
	return own
}
