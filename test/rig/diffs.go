package rig

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// diffs writes Packages.diff/Index and, for each generation before, the ed script
// that makes this one's Packages of that one's. See https://wiki.debian.org/DebianRepository/Format
func (a *Archive) diffs(g *Generation) {
	a.tb.Helper()
	now := g.Read(a.tb, a.Packages())
	var history, patches, download strings.Builder
	for i, old := range a.made {
		name := fmt.Sprintf("T-%d", i)
		patch := a.edScript(old, g)
		packed := gzipped(patch)
		was := old.Read(a.tb, a.Packages())
		fmt.Fprintf(&history, " %s %d %s\n", Sum(was), len(was), name)
		fmt.Fprintf(&patches, " %s %d %s\n", Sum(patch), len(patch), name)
		fmt.Fprintf(&download, " %s %d %s.gz\n", Sum(packed), len(packed), name)
		writeFile(a.tb, filepath.Join(g.Dir, a.Packages()+".diff", name+".gz"), string(packed))
	}
	// Merged: each patch leads to the last state at once.
	writeFile(a.tb, filepath.Join(g.Dir, a.Packages()+".diff/Index"), fmt.Sprintf(
		"X-Patch-Precedence: merged\nSHA256-Current: %s %d\nSHA256-History:\n%sSHA256-Patches:\n%sSHA256-Download:\n%s",
		Sum(now), len(now), history.String(), patches.String(), download.String()))
}

// edScript is what diff --ed says; its exit code 1 means that there is a difference.
func (a *Archive) edScript(from, to *Generation) []byte {
	a.tb.Helper()
	cmd := exec.CommandContext(a.tb.Context(), "diff", "--ed", filepath.Join(from.Dir, a.Packages()), filepath.Join(to.Dir, a.Packages()))
	patch, err := cmd.Output()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
		a.tb.Fatalf("diff --ed: %v", err)
	}
	return patch
}

// filler makes n stanzas that do not change from one generation to the next and
// do not compress well, so that a patch is smaller than a whole index, which is
// when apt takes patches.
func filler(n int) string {
	noise := rand.NewChaCha8([32]byte{})
	var b strings.Builder
	for i := range n {
		var hash [32]byte
		noise.Read(hash[:])
		fmt.Fprintf(&b, "Package: filler-%d\nVersion: 1\nArchitecture: all\nMaintainer: Test archive <archive@example.invalid>\n"+
			"Filename: pool/main/f/filler/filler-%d_1_all.deb\nSize: %d\nSHA256: %x\nDescription: not in the pool\n\n", i, i, 1000+i, hash)
	}
	return b.String()
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// Sum is the SHA-256 of data in hex, as by-hash paths end.
func Sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}
