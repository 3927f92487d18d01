// Package admin serves the API of those who run a mirrord: what is stored and why,
// and the verbs that change it.
//
//	request ─► secure enough? ─► token ─► role ─► verb of internal/mirror ─► audit ─► JSON
//
// Handlers return errors; one table says which status each has. The API is written
// down in openapi.yaml, which a test holds against the routes and the answers.
package admin
