// Package faulty is an upstream that misbehaves on demand, for tests.
//
// Picture a web server on loopback with three drawers: files (path to bytes),
// faults (path to a queue of things to do wrong next) and a log of every
// request. A request takes the first fault that is waiting for its path, or
// for every path; without one the answer is right: strong ETag,
// Last-Modified, Range, If-Range and conditionals as RFC 9110 has them.
//
//	u := faulty.New(t)
//	u.Set("/pool/a.deb", data)
//	u.Fail("/pool/a.deb", faulty.Cut(1000).Times(2))
//	u.Fail(faulty.All, faulty.Status(503))
//	... u.Requests() ...
//
// A fault serves one request unless Times or Always says otherwise, and
// faults for one path are used up in the order they were given.
// Only _test files import this package.
package faulty
