// Package generic is the adapter of any HTTP tree: no file says anything about
// another, so every path is kept by upstream's validators and a time to live. It
// shows how little an adapter needs.
package generic
