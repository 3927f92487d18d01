// Package yumrepos reads and rewrites what a machine has told dnf, yum or zypper
// about its repositories. The text of a .repo file goes in; out come Sections, each
// one repository with the lines that say where it is (baseurl, mirrorlist, metalink).
// Rewriting puts one baseurl in the place of those lines and touches no others, so
// comments, order and layout stay as their author left them, and so do dnf's own
// variables within the URL.
//
// On top of that stand three uses, as for apt: Origins tells which upstreams a
// machine uses, Rewrite points them at a mirrord, and Dir applies and reverts that.
package yumrepos
