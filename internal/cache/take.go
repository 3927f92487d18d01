package cache

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"mirrord/internal/clone"
	"mirrord/internal/digest"
)

// Offer is a file that is another's, and what it must hold.
type Offer struct {
	// File is open for reading; it stays the caller's.
	File *os.File
	// Name is the entry that is to lead to the object, "" where its Digest is enough.
	// It begins as one that upstream never confirmed.
	Name   string
	Digest digest.Digest // that the bytes must have; "" where nobody vouches for them
	Size   int64         // that they must have, -1 unknown
	// Account pays for the object.
	Account string
	Meta    Meta
	// Link has the object be the file itself, where that is on the same file system
	// and the process's own. Whoever still writes the file then writes the object.
	Link bool
}

// Manner says how an object came by its bytes.
type Manner int

// There: they were stored already.
const (
	There Manner = iota
	Linked
	Cloned
	Copied
)

// ErrNoRoom reports that the budget has no room for what is offered.
var ErrNoRoom = errors.New("no room")

// Take makes an object of the file. It is hashed once, from what the store will hold.
// Nothing is evicted for it: ErrNoRoom tells that it does not fit, ErrMismatch that it
// is not what it must be.
func (s *Store) Take(ctx context.Context, o Offer) (Manner, digest.Digest, error) {
	if d := s.canonical(o.Digest); d != "" && s.Has(d) {
		return There, d, s.lead(o, d)
	}
	info, err := o.File.Stat()
	if err != nil {
		return There, "", err
	}
	if o.Size >= 0 && info.Size() != o.Size {
		return There, "", fmt.Errorf("%w: it has %d bytes, expected %d", ErrMismatch, info.Size(), o.Size)
	}
	if o.Link {
		m, d, err := s.takeBy(ctx, s.linked, o, info.Size())
		if !errors.Is(err, errNoLink) {
			return m, d, err
		}
		o.Link = false
	}
	return s.takeBy(ctx, s.brought, o, info.Size())
}

// errNoLink: the file cannot have a further name in the data directory.
var errNoLink = errors.New("no link")

func (s *Store) takeBy(ctx context.Context, bring func(context.Context, Offer) (*taken, error), o Offer, size int64) (Manner, digest.Digest, error) {
	h := hold{account: o.Account, reserved: size}
	if err := s.space.claim(o.Account, size); err != nil {
		return There, "", err
	}
	defer s.space.release(h)
	t, err := bring(ctx, o)
	if err != nil {
		return There, "", err
	}
	m, err := s.makeOf(t, o, size)
	return m, t.object, err
}

// taken is a file in partial/ whose bytes are known.
type taken struct {
	sums
	file   *os.File
	name   string // in partial/
	manner Manner
}

// isFor tells whether it is what was offered.
func (t *taken) isFor(o Offer) error {
	if o.Digest != "" && t.vouched != o.Digest {
		return fmt.Errorf("%w: the digest is %v, expected %v", ErrMismatch, t.vouched, o.Digest)
	}
	return nil
}

var errUnsteady = fmt.Errorf("%w: it changed while it was read", ErrMismatch)

// makeOf makes an object of what was taken, where it is what was offered.
func (s *Store) makeOf(t *taken, o Offer, size int64) (Manner, error) {
	if t.manner != Linked {
		defer t.file.Close()
	}
	err := t.isFor(o)
	if err == nil && t.size != size {
		err = errUnsteady
	}
	if err == nil && s.Has(t.object) {
		s.removeQuietly(s.partialPath(t.name))
		return There, s.lead(o, t.object)
	}
	if err == nil {
		err = s.commit(t.file, t.name, t.sums, Want{Name: o.Name, Account: o.Account, Unconfirmed: true}, o.Meta, nil)
	}
	if err != nil {
		s.removeQuietly(s.partialPath(t.name))
	}
	return t.manner, err
}

// lead has the offer's name lead to a stored object.
func (s *Store) lead(o Offer, d digest.Digest) error {
	if o.Name == "" {
		return nil
	}
	return s.Propose(o.Name, Entry{Digest: d, Meta: o.Meta})
}

// linked gives the file itself a name in partial/, errNoLink where that cannot be. Its
// mode is not touched before it proves right.
func (s *Store) linked(ctx context.Context, o Offer) (*taken, error) {
	before, err := o.File.Stat()
	if err != nil {
		return nil, err
	}
	t := &taken{file: o.File, manner: Linked}
	if t.name, err = s.linkPartial(o.File); err != nil {
		return nil, errNoLink
	}
	if t.sums, err = sumFile(ctx, o.File, o.Digest, io.Discard); err == nil {
		err = t.isFor(o)
	}
	if err == nil && o.File.Chmod(objectMode) != nil {
		err = errNoLink // it is another's
	}
	if err == nil {
		err = steady(o.File, before)
	}
	if err != nil {
		s.removeQuietly(s.partialPath(t.name))
		return nil, err
	}
	return t, nil
}

// steady tells whether nobody wrote the file since.
func steady(file *os.File, since os.FileInfo) error {
	now, err := file.Stat()
	if err != nil {
		return err
	}
	if !now.ModTime().Equal(since.ModTime()) || now.Size() != since.Size() {
		return errUnsteady
	}
	return nil
}

// linkPartial gives the file a name of Put's kind.
func (s *Store) linkPartial(file *os.File) (name string, err error) {
	for range 100 { // a name is taken once in 2^64
		name = fmt.Sprintf("%s%016x", putPrefix, rand.Uint64())
		if err = clone.Link(file, s.partialPath(name)); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return name, err
}

// brought gives the store bytes of its own: a clone where there are such, else a copy.
func (s *Store) brought(ctx context.Context, o Offer) (t *taken, err error) {
	file, err := os.CreateTemp(filepath.Join(s.dir, "partial"), putPrefix+"*")
	if err != nil {
		return nil, err
	}
	t = &taken{file: file, name: filepath.Base(file.Name()), manner: Cloned}
	from, to := file, io.Discard
	if clone.Bytes(file, o.File) != nil {
		t.manner, from, to = Copied, o.File, io.Writer(file)
	}
	if t.sums, err = sumFile(ctx, from, o.Digest, to); err != nil {
		file.Close()
		s.removeQuietly(file.Name())
		return nil, err
	}
	return t, nil
}

// sumFile hashes a file from its start and writes what it reads to another.
func sumFile(ctx context.Context, from *os.File, vouched digest.Digest, to io.Writer) (sums, error) {
	main := sha256.New()
	writers := []io.Writer{main, to}
	other := hash.Hash(nil)
	if vouched != "" && vouched.Algorithm() != digest.SHA256 {
		other = vouched.NewHash()
		writers = append(writers, other)
	}
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return sums{}, err
	}
	n, err := io.CopyBuffer(onlyWriter{io.MultiWriter(writers...)}, readerUntil{ctx, from}, make([]byte, verifyBuffer))
	sm := sums{object: digest.FromSum(digest.SHA256, main.Sum(nil)), size: n, streamed: true}
	sm.vouched = sm.object
	if other != nil {
		sm.vouched = digest.FromSum(vouched.Algorithm(), other.Sum(nil))
	}
	return sm, err
}

// onlyWriter hides that what is copied to could read by itself: the hashes need the bytes.
type onlyWriter struct{ io.Writer }

// readerUntil reads until its context ends.
type readerUntil struct {
	ctx context.Context
	r   io.Reader
}

func (r readerUntil) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// File opens a stored object's own file, which must only be read.
func (s *Store) File(d digest.Digest) (*os.File, int64, error) {
	o, err := s.lookup(d)
	if err != nil {
		return nil, 0, err
	}
	f, err := openSized(s.blobPath(o.digest), o.Size)
	return f, o.Size, err
}
