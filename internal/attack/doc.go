// Package attack has tests only: what strangers, other clients, other users and other sites try
// against an authorization server, over HTTP, and what must come of it.
//
// TestAttacks attacks an application that embeds the library, on each store;
// TestAttacksOnTheExampleServer attacks the program examples/authserver, on each store,
// over TLS, and with JWTs for access tokens.
// The attacks are data, in one file for each area; each cites the section that demands its outcome, or
// the advisory that tells of a server where it went through. After the attacks on a target, no secret
// that passed over its wire may be found in what it told and kept.
package attack
