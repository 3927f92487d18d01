// Package login finds mirrord's own credentials where docker keeps them.
//
// Picture a docker config.json on the desk: in its drawer lie user names and
// passwords by host, and some hosts have a note instead, the name of a
// credential helper to run. Each question opens the file anew, so that what
// `docker login` changes counts at once, and gives back one Login or nobody's.
// No error has a secret in it, or what a helper printed.
package login
