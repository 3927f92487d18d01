package rig

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// ByHash is what an archive does about by-hash paths.
type ByHash int

// An archive without them, one that has them, one whose Release says that it has
// them and that has none.
const (
	NoByHash ByHash = iota
	HasByHash
	LiesByHash
)

// Layout is how an archive is made.
type Layout struct {
	Flat     bool // all files in one directory, "deb URI ./"
	ByHash   ByHash
	Detached bool // Release and Release.gpg, and no InRelease
	Plain    bool // indexes are not compressed
	Diffs    bool // with patches of Packages (PDiff) from each generation to the last
	Filler   int  // further stanzas in Packages, of packages that are nowhere
}

// Archive makes generations of a signed repository with Debian's own tools.
type Archive struct {
	Arch string // of this machine

	tb     testing.TB
	layout Layout
	key    *Key
	built  map[Package]string // directories with a package's files
	first  time.Time          // date of the first generation
	made   []*Generation
}

// Generation is one state of an archive, in a directory of its own. Its Release
// and its files are a minute younger than those of the one before.
type Generation struct {
	Dir  string
	Date time.Time
	// Files below Dir, relative: what clients begin with, what that lists, and
	// what the indexes list.
	Roots, Indexes, Pool []string
}

// NewArchive makes an archive without generations.
func NewArchive(tb testing.TB, layout Layout) *Archive {
	tb.Helper()
	arch := strings.TrimSpace(string(run(tb, "", nil, "dpkg", "--print-architecture")))
	return &Archive{
		Arch: arch, tb: tb, layout: layout, key: NewKey(tb), built: make(map[Package]string),
		// In the past, as clients take no Release from the future.
		first: time.Now().Add(-6 * time.Hour).Truncate(time.Second),
	}
}

// Lines are the sources.list of a client that finds the archive at url.
func (a *Archive) Lines(url string) string {
	what := "stable main"
	if a.layout.Flat {
		what = "./"
	}
	return fmt.Sprintf("deb [signed-by=%[1]s] %[2]s %[3]s\ndeb-src [signed-by=%[1]s] %[2]s %[3]s\n", a.key.Keyring, url, what)
}

// Suite is the path of a file of the suite.
func (a *Archive) Suite(name string) string {
	if a.layout.Flat {
		return name
	}
	return path.Join("dists/stable", name)
}

// Packages is the path of the index of the machine's architecture.
func (a *Archive) Packages() string {
	if a.layout.Flat {
		return "Packages"
	}
	return a.Suite("main/binary-" + a.Arch + "/Packages")
}

// Build makes the next generation, which has exactly these packages.
func (a *Archive) Build(packages ...Package) *Generation {
	a.tb.Helper()
	g := &Generation{Dir: a.tb.TempDir(), Date: a.first.Add(time.Duration(len(a.made)) * time.Minute)}
	for _, p := range packages {
		a.addFiles(g, p)
	}
	a.index(g, packages)
	a.sign(g)
	a.byHash(g)
	g.list(a.tb)
	a.made = append(a.made, g)
	return g
}

// addFiles puts a package into the pool; each is built once.
func (a *Archive) addFiles(g *Generation, p Package) {
	a.tb.Helper()
	if a.built[p] == "" {
		a.built[p] = p.build(a.tb)
	}
	to := g.Dir
	if !a.layout.Flat {
		to = filepath.Join(g.Dir, "pool/main", p.Name[:1], p.Name)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		a.tb.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(a.built[p])); err != nil {
		a.tb.Fatal(err)
	}
}

// index writes the indexes, and their compressions.
func (a *Archive) index(g *Generation, packages []Package) {
	a.tb.Helper()
	from := "pool"
	if a.layout.Flat {
		from = "."
	}
	archive := func(what string) string {
		return string(run(a.tb, g.Dir, nil, "apt-ftparchive", "-q", "-o", "APT::FTPArchive::LongDescription=false", what, from))
	}
	stanzas := archive("packages")
	indexes := map[string]string{
		a.Packages():                        stanzas + filler(a.layout.Filler),
		a.Suite("main/source/Sources"):      archive("sources"),
		a.Suite("main/i18n/Translation-en"): translations(stanzas, packages),
		a.Suite("main/Contents-" + a.Arch):  archive("contents"),
	}
	if a.layout.Flat {
		indexes = map[string]string{"Packages": stanzas, "Sources": archive("sources")}
	}
	var names []string
	for name, text := range indexes {
		writeFile(a.tb, filepath.Join(g.Dir, name), text)
		names = append(names, name)
	}
	if a.layout.Diffs {
		a.diffs(g)
	}
	if a.layout.Plain {
		return
	}
	for _, tool := range []string{"gzip", "xz", "zstd"} {
		run(a.tb, g.Dir, nil, tool, append([]string{"-q", "-k"}, names...)...)
	}
}

// translations is the Translation-en of packages, whose Description-md5 is taken
// from their stanzas.
func translations(stanzas string, packages []Package) string {
	var b strings.Builder
	for stanza := range strings.SplitSeq(stanzas, "\n\n") {
		name, sum := field(stanza, "Package"), field(stanza, "Description-md5")
		i := slices.IndexFunc(packages, func(p Package) bool { return p.Name == name })
		if i >= 0 {
			fmt.Fprintf(&b, "Package: %s\nDescription-md5: %s\nDescription-en: a package of the tests\n %s\n\n", name, sum, packages[i].LongText())
		}
	}
	return b.String()
}

// field is the value of a stanza's field that has one line.
func field(stanza, name string) string {
	_, rest, _ := strings.Cut("\n"+stanza, "\n"+name+": ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

var dateLine = regexp.MustCompile(`(?m)^Date: .*`)

// sign writes the root: the Release that lists the indexes, and its signature.
func (a *Archive) sign(g *Generation) {
	a.tb.Helper()
	options := []string{"-q"}
	fields := map[string]string{
		"Origin": "Test", "Label": "Test", "Suite": "stable", "Codename": "stable",
		"Architectures": a.Arch, "Components": "main",
	}
	if a.layout.ByHash != NoByHash {
		fields["Acquire-By-Hash"] = "yes"
	}
	for name, value := range fields {
		options = append(options, "-o", "APT::FTPArchive::Release::"+name+"="+value)
	}
	suite := filepath.Join(g.Dir, a.Suite("."))
	text := run(a.tb, suite, nil, "apt-ftparchive", append(options, "release", ".")...)
	// apt-ftparchive knows no date but now.
	text = dateLine.ReplaceAll(text, []byte("Date: "+g.Date.UTC().Format(time.RFC1123Z)))
	release := filepath.Join(suite, "Release")
	writeFile(a.tb, release, string(text))
	a.key.Detach(release, release+".gpg")
	if !a.layout.Detached {
		a.key.Clearsign(release, filepath.Join(suite, "InRelease"))
	}
}

// byHash gives each index its second name.
func (a *Archive) byHash(g *Generation) {
	a.tb.Helper()
	if a.layout.ByHash != HasByHash {
		return
	}
	g.list(a.tb)
	for _, name := range g.Indexes {
		text := g.Read(a.tb, name)
		writeFile(a.tb, filepath.Join(g.Dir, path.Dir(name), "by-hash/SHA256", Sum(text)), string(text))
	}
}

// list sorts the files of the generation by what they are.
func (g *Generation) list(tb testing.TB) {
	tb.Helper()
	g.Roots, g.Indexes, g.Pool = nil, nil, nil
	err := filepath.WalkDir(g.Dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(g.Dir, file)
		switch base := path.Base(name); {
		case base == "InRelease", base == "Release", base == "Release.gpg":
			g.Roots = append(g.Roots, name)
		case strings.HasPrefix(name, "dists/"), strings.HasPrefix(base, "Packages"), strings.HasPrefix(base, "Sources"):
			g.Indexes = append(g.Indexes, name)
		default:
			g.Pool = append(g.Pool, name)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// Read gives the bytes of one of its files.
func (g *Generation) Read(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(g.Dir, name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
