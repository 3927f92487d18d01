// Package audit writes down who changed what: one JSON object a line, appended to
// a file and synced before the caller is told that it is done.
package audit
