// Package token keeps the bearer tokens of the admin API and of a fleet: who they belong to,
// what they may do and until when, and of each secret only its hash.
package token
