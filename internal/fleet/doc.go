// Package fleet makes a mirrord a hub, which other mirrords are served by, or an edge,
// which is served by one, or both. docs/design/fleet.md has the whole.
//
// Hub answers below Prefix to those whose token is an edge's, and to each for the
// repositories that it is granted. The bytes go the way that all others go: the server
// serves them, and an edge asks for them as of any mirror, by internal/upstream.
//
// What changes at a hub stands in its Journal, which Hub tells edges as it comes. An Edge
// does at its own mirrord what it is told, and writes down how far it is:
//
//	mirror ─ Change ─> Journal ─ Entry ─> Hub ═ lines ═> Edge ─ Heed, Purge, Refresh ─> mirror
package fleet
