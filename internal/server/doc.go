// Package server speaks HTTP: it turns a request into a question to the mirror,
// and the Answer, or the error, into a response. What status an error has is
// written in one table, in errors.go.
package server
