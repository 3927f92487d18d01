package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const herdSize = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// object is one made-up package. Its bytes are random, so nothing on the way can
// compress them or find them twice.
type object struct {
	Name   string
	Path   string // in the repository
	Size   int64
	CRC    uint32 // Castagnoli, which costs the checking clients next to nothing
	SHA256 [sha256.Size]byte
	Rate   float64 // what the origin gives of it on one connection, bytes/s; 0 is without limit
}

// repository is an unsigned Debian repository on disk with one suite.
type repository struct {
	Dir     string
	Hits    []object
	Herd    []object // one a round, since a cold object is cold once
	Group   []object // two, where a group takes part: each of its rounds has a store of its own
	Indexes []string // what apt asks for before packages, in its order
}

func makeRepository(dir string, hitSizes []int64, opts options) (*repository, error) {
	r := &repository{Dir: dir}
	for _, size := range hitSizes {
		o, err := makeObject(dir, "bench-"+sizeName(size), size)
		if err != nil {
			return nil, err
		}
		r.Hits = append(r.Hits, o)
	}
	for round := range opts.herds {
		o, err := makeObject(dir, fmt.Sprintf("bench-herd%d", round), herdSize)
		if err != nil {
			return nil, err
		}
		o.Rate = herdRate
		r.Herd = append(r.Herd, o)
	}
	for i := range min(opts.groups, 1) * 2 {
		o, err := makeObject(dir, fmt.Sprintf("bench-group%d", i), groupSize)
		if err != nil {
			return nil, err
		}
		o.Rate = groupRate
		r.Group = append(r.Group, o)
	}
	return r, r.writeIndexes()
}

func (r *repository) objects() []object { return slices.Concat(r.Hits, r.Herd, r.Group) }

// digest is the object's name as a blob of a registry.
func (o object) digest() string { return fmt.Sprintf("sha256:%x", o.SHA256) }

func makeObject(dir, name string, size int64) (object, error) {
	o := object{Name: name, Path: "pool/main/b/bench/" + name + "_1_all.deb", Size: size}
	path := filepath.Join(dir, filepath.FromSlash(o.Path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return o, err
	}
	f, err := os.Create(path)
	if err != nil {
		return o, err
	}
	defer f.Close()
	sum, crc := sha256.New(), crc32.New(castagnoli)
	random := rand.NewChaCha8(sha256.Sum256([]byte(name)))
	if _, err := io.CopyN(io.MultiWriter(f, sum, crc), random, size); err != nil {
		return o, err
	}
	o.CRC = crc.Sum32()
	sum.Sum(o.SHA256[:0])
	return o, f.Close()
}

// writeIndexes names every object in a Packages file and that in a Release.
func (r *repository) writeIndexes() error {
	const suite, index = "dists/stable/", "main/binary-amd64/Packages"
	var packages, zipped bytes.Buffer
	for _, o := range r.objects() {
		fmt.Fprintf(&packages, "Package: %s\nVersion: 1\nArchitecture: all\nFilename: %s\nSize: %d\nSHA256: %x\n\n", o.Name, o.Path, o.Size, o.SHA256)
	}
	zip := gzip.NewWriter(&zipped)
	if _, err := zip.Write(packages.Bytes()); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	var release strings.Builder
	fmt.Fprintf(&release, "Origin: bench\nSuite: stable\nCodename: stable\nDate: %s\nArchitectures: amd64 all\nComponents: main\nSHA256:\n",
		time.Now().UTC().Format(time.RFC1123))
	for _, f := range []struct {
		name string
		data []byte
	}{{index, packages.Bytes()}, {index + ".gz", zipped.Bytes()}} {
		fmt.Fprintf(&release, " %x %d %s\n", sha256.Sum256(f.data), len(f.data), f.name)
		if err := writeFile(r.Dir, suite+f.name, f.data); err != nil {
			return err
		}
	}
	r.Indexes = []string{suite + "InRelease", suite + "Release", suite + index + ".gz"}
	return writeFile(r.Dir, suite+"Release", []byte(release.String()))
}

func writeFile(dir, name string, data []byte) error {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// sizeName is a size as people and file names write it: 4k, 1m.
func sizeName(size int64) string {
	if size >= 1<<20 {
		return fmt.Sprintf("%dm", size>>20)
	}
	return fmt.Sprintf("%dk", size>>10)
}
