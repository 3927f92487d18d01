package rig

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Package is a binary package to build, and with Source its source beside it. It
// has no maintainer scripts, so dpkg installs it into any directory.
type Package struct {
	Name, Version string
	Depends       string
	Size          int    // bytes of payload beside the few that name the version
	Source        bool   // a native source package of the same name as well
	Arch          string // "" is all
}

// Payload is where the installed package says its version, below the root.
func (p Package) Payload() string { return filepath.Join("usr/share", p.Name, "version") }

// LongText is in the package's long description and nowhere else.
func (p Package) LongText() string { return "The long text of " + p.Name + "." }

func (p Package) control() string {
	depends := ""
	if p.Depends != "" {
		depends = "Depends: " + p.Depends + "\n"
	}
	return fmt.Sprintf(`Package: %s
Version: %s
Architecture: %s
Maintainer: Test archive <archive@example.invalid>
%sDescription: a package of the tests
 %s
`, p.Name, p.Version, p.arch(), depends, p.LongText())
}

func (p Package) arch() string {
	if p.Arch == "" {
		return "all"
	}
	return p.Arch
}

// build makes the package's files in a directory of their own and names it.
// Their names hold the whole version, epoch and colon too: some archives do so.
func (p Package) build(tb testing.TB) string {
	tb.Helper()
	dir, tree := tb.TempDir(), tb.TempDir()
	writeFile(tb, filepath.Join(tree, "DEBIAN/control"), p.control())
	writeFile(tb, filepath.Join(tree, p.Payload()), p.Version)
	if p.Size > 0 {
		noise := make([]byte, p.Size)
		rand.Read(noise)
		writeFile(tb, filepath.Join(tree, filepath.Dir(p.Payload()), "noise"), string(noise))
	}
	deb := filepath.Join(dir, fmt.Sprintf("%s_%s_%s.deb", p.Name, p.Version, p.arch()))
	run(tb, "", nil, "dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, deb)
	if p.Source {
		p.buildSource(tb, dir)
	}
	return dir
}

// buildSource leaves a .dsc and a tarball in dir.
func (p Package) buildSource(tb testing.TB, dir string) {
	tb.Helper()
	tree := filepath.Join(tb.TempDir(), p.Name)
	writeFile(tb, filepath.Join(tree, "debian/source/format"), "3.0 (native)\n")
	writeFile(tb, filepath.Join(tree, "debian/changelog"), fmt.Sprintf(`%s (%s) stable; urgency=low

  * Built by a test.

 -- Test archive <archive@example.invalid>  Thu, 01 Jan 2026 00:00:00 +0000
`, p.Name, p.Version))
	_, description, _ := strings.Cut(p.control(), "Description:")
	writeFile(tb, filepath.Join(tree, "debian/control"), fmt.Sprintf(`Source: %s
Maintainer: Test archive <archive@example.invalid>
Standards-Version: 4.6.2

Package: %s
Architecture: %s
Description:%s`, p.Name, p.Name, p.arch(), description))
	writeFile(tb, filepath.Join(tree, "source.txt"), p.Version)
	run(tb, dir, nil, "dpkg-source", "--build", tree)
}

func writeFile(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}
