package rig

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// RPMLayout is how a repository of rpms is made.
type RPMLayout struct {
	Compress string // of the metadata: gz, xz or zstd
	Simple   bool   // the names of the metadata have no checksums
	More     bool   // with sqlite and zchunk beside the xml
	Signed   bool
}

// RPMBase is where the repository stands in its tree, whose other releases are not
// there.
const RPMBase = "releases/40/os"

// RPMs makes generations of a repository with rpmbuild and createrepo_c.
type RPMs struct {
	Key *Key

	tb     testing.TB
	layout RPMLayout
	built  map[Package]string // the rpm
	first  time.Time          // date of the first generation
	made   int
}

// NewRPMs makes a repository without generations.
func NewRPMs(tb testing.TB, layout RPMLayout) *RPMs {
	tb.Helper()
	r := &RPMs{tb: tb, layout: layout, built: make(map[Package]string), first: time.Now().Add(-6 * time.Hour).Truncate(time.Second)}
	if layout.Signed {
		r.Key = NewKey(tb)
	}
	return r
}

// Build makes the next generation, which has exactly these packages.
func (r *RPMs) Build(packages ...Package) *Generation {
	r.tb.Helper()
	g := &Generation{Dir: r.tb.TempDir(), Date: r.first.Add(time.Duration(r.made) * time.Minute)}
	r.made++
	base := filepath.Join(g.Dir, RPMBase)
	for _, p := range packages {
		if r.built[p] == "" {
			r.built[p] = p.buildRPM(r.tb)
		}
		rpm, err := os.ReadFile(r.built[p])
		if err != nil {
			r.tb.Fatal(err)
		}
		to := filepath.Join(base, "Packages", p.Name[:1], filepath.Base(r.built[p]))
		writeFile(r.tb, to, string(rpm))
		// primary.xml has it: where the package is the same its lines shall be.
		if err := os.Chtimes(to, r.first, r.first); err != nil {
			r.tb.Fatal(err)
		}
	}
	r.index(base, g.Date)
	if r.layout.Signed {
		repomd := filepath.Join(base, "repodata/repomd.xml")
		r.Key.Detach(repomd, repomd+".asc")
	}
	g.listRPMs(r.tb)
	return g
}

// index writes the metadata.
func (r *RPMs) index(base string, date time.Time) {
	r.tb.Helper()
	compress := r.layout.Compress
	if compress == "zstd" {
		compress = "gz" // createrepo_c has no zstd before 1.0
	}
	args := []string{"--quiet", "--general-compress-type=" + compress,
		"--revision=" + strconv.FormatInt(date.Unix(), 10), "--set-timestamp-to-revision"}
	if r.layout.Simple {
		args = append(args, "--simple-md-filenames")
	}
	if r.layout.More {
		args = append(args, "--database", "--zck")
	} else {
		args = append(args, "--no-database")
	}
	run(r.tb, base, nil, "createrepo_c", append(args, ".")...)
	if r.layout.Compress == "zstd" {
		zstdMetadata(r.tb, base)
	}
}

var (
	gzData     = regexp.MustCompile(`(?s)<data type=.*?</data>`)
	gzLocation = regexp.MustCompile(`href="(repodata/.*?\.gz)"`)
	gzChecksum = regexp.MustCompile(`<checksum type="sha256">(.*?)<`)
	gzSize     = regexp.MustCompile(`<size>.*?<`)
)

// zstdMetadata packs gzipped metadata anew, and has repomd.xml name that.
func zstdMetadata(tb testing.TB, base string) {
	tb.Helper()
	repomd := filepath.Join(base, "repodata/repomd.xml")
	text, err := os.ReadFile(repomd)
	if err != nil {
		tb.Fatal(err)
	}
	writeFile(tb, repomd, gzData.ReplaceAllStringFunc(string(text), func(data string) string {
		location, sum := gzLocation.FindStringSubmatch(data), gzChecksum.FindStringSubmatch(data)
		if location == nil || sum == nil {
			tb.Fatalf("createrepo_c wrote %s, want .gz with a SHA-256", data)
		}
		name := strings.TrimSuffix(location[1], ".gz")
		run(tb, base, nil, "gzip", "-d", name+".gz")
		run(tb, base, nil, "zstd", "-q", "--rm", name)
		packed, err := os.ReadFile(filepath.Join(base, name+".zst"))
		if err != nil {
			tb.Fatal(err)
		}
		to := strings.Replace(name, sum[1], Sum(packed), 1) + ".zst"
		if err := os.Rename(filepath.Join(base, name+".zst"), filepath.Join(base, to)); err != nil {
			tb.Fatal(err)
		}
		data = gzLocation.ReplaceAllString(data, `href="`+to+`"`)
		data = gzChecksum.ReplaceAllString(data, `<checksum type="sha256">`+Sum(packed)+"<")
		return gzSize.ReplaceAllString(data, fmt.Sprintf("<size>%d<", len(packed)))
	}))
}

// listRPMs sorts the files of the generation by what they are.
func (g *Generation) listRPMs(tb testing.TB) {
	tb.Helper()
	err := filepath.WalkDir(g.Dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(g.Dir, file)
		switch {
		case strings.HasPrefix(path.Base(name), "repomd.xml"):
			g.Roots = append(g.Roots, name)
		case strings.Contains(name, "/repodata/"):
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

// buildRPM makes the package as an rpm and names it. It has no scripts, so rpm
// installs it into any directory.
func (p Package) buildRPM(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	requires := ""
	if p.Depends != "" {
		requires = "Requires: " + p.Depends + "\n"
	}
	spec := filepath.Join(dir, p.Name+".spec")
	writeFile(tb, filepath.Join(dir, "version"), p.Version)
	writeFile(tb, filepath.Join(dir, "noise"), string(Content(uint64(len(p.Name+p.Version)), p.Size)))
	writeFile(tb, spec, fmt.Sprintf(`Name: %[1]s
Version: %[2]s
Release: 1
Summary: a package of the tests
License: none
BuildArch: noarch
%[3]s%%description
%[4]s
%%install
install -D -m 644 -t %%{buildroot}/usr/share/%[1]s %[5]s/version %[5]s/noise
%%files
/usr/share/%[1]s
`, p.Name, p.Version, requires, p.LongText(), dir))
	run(tb, dir, []string{"HOME=" + dir}, "rpmbuild", "--quiet", "-bb", "--target", "noarch",
		"--define", "_topdir "+dir, "--define", "_tmppath "+dir, spec)
	return filepath.Join(dir, "RPMS/noarch", p.Name+"-"+p.Version+"-1.noarch.rpm")
}
