// Package upstream gets bytes from the mirrors of one repository.
//
// Picture a Group as a short row of doors, one a mirror, in order of
// preference, and a Transport behind all rows that owns the sockets. Open
// knocks at the first door that is not shut, goes on to the next when nobody
// answers, and gives back a Body. When the connection behind a Body breaks,
// Read knocks again from the next byte on, at the same door once and then at
// the others, but only where the bytes are certain to be those of the same
// file; the reader sees one stream or an error, never a spliced file and never
// a clean end that was none. A door that fails is shut for a while (its
// breaker), then one caller is let through to try it.
//
// What a caller may rely on:
//
//   - The only hosts dialled are those that some Config names, the proxies of
//     the environment, and those that a group's Redirects let an answer lead to or
//     that SetListed gave it; the last two never at a private address.
//   - Credentials go to the mirror they were written for, or to the token realm
//     it names where that is its own host or listed; never along a redirect.
//     They are in no error, label or status.
//   - A token is used only for the mirror, scope and identity it was given for.
//   - Every wait ends with the caller's context, and a caller that leaves is
//     no failure of the mirror.
//
// The package knows no disk and no repository format.
package upstream
