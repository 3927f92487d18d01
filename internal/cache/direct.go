package cache

import (
	"context"
	"fmt"
	"hash"
	"io"

	"mirrord/internal/digest"
)

// directWhole is the largest object that is held in memory to be checked before
// it is served, where the store cannot keep it.
const directWhole = 128 << 20

// direct passes the source's bytes to one reader, past the store, for when there
// is no room. Where a digest is known it hashes from the first byte on, and the
// last goes out only when it is right.
type direct struct {
	s    *Store
	ctx  context.Context
	want Want
	size int64
	meta Meta
	off  int64 // the reader's place

	in    *Incoming
	known bool  // size and meta were told to the reader
	given bool  // the reader has had bytes
	pos   int64 // in's place
	hash  hash.Hash
	err   error
}

// direct opens the object past the store.
func (s *Store) direct(ctx context.Context, w Want) (*Content, error) {
	d := &direct{s: s, ctx: ctx, want: w, size: w.Size}
	if err := d.open(); err != nil {
		return nil, err
	}
	c := &Content{ReadSeeker: d, Size: d.size, Digest: w.Digest, Meta: d.meta, How: Miss, store: s}
	if w.Early {
		return c, nil
	}
	defer d.Close()
	data, err := io.ReadAll(io.LimitReader(d, directWhole+1))
	if err != nil {
		return nil, err
	}
	if len(data) > directWhole {
		return nil, fmt.Errorf("%w: more than %d bytes, and they must be checked before they are served", errUnstored, directWhole)
	}
	c.hold(data)
	c.Size = int64(len(data))
	return c, nil
}

// open opens the source at the reader's place, or at 0 where the hash must see
// every byte, or no validator could prove that the rest belongs to the beginning.
func (d *direct) open() error {
	off, held := d.off, d.meta
	if d.want.Digest != "" || !sameStrong(held, held) {
		off, held = 0, Meta{}
	}
	if d.want.Digest != "" {
		d.hash = d.want.Digest.NewHash()
	}
	in, err := d.want.Source.Open(d.ctx, off, held)
	if err != nil {
		return err
	}
	if !d.joins(in, off) || d.size >= 0 && in.Size >= 0 && in.Size != d.size {
		in.Body.Close()
		return fmt.Errorf("%w: upstream has another version now", ErrMismatch)
	}
	d.in, d.pos = in, in.Off
	if !d.known {
		d.meta, d.known = in.Meta, true
	}
	if d.size < 0 {
		d.size = in.Size
	}
	return nil
}

// joins reports whether in, asked for from off, is the version that the reader
// was told of.
func (d *direct) joins(in *Incoming, off int64) bool {
	switch {
	case in.Off != off && in.Off != 0:
		return false
	case d.want.Digest != "" || !d.known || in.Off > 0:
		return true
	case !sameStrong(d.meta, d.meta):
		return !d.given && !sameStrong(in.Meta, in.Meta)
	}
	return sameStrong(in.Meta, d.meta)
}

func (d *direct) Read(p []byte) (int, error) {
	if d.err != nil || len(p) == 0 {
		return 0, d.err
	}
	if d.in == nil {
		if d.err = d.open(); d.err != nil {
			return 0, d.err
		}
	}
	for {
		n, err := d.in.Body.Read(p)
		if d.hash != nil {
			d.hash.Write(p[:n])
		}
		d.pos += int64(n)
		if verr := d.verify(err); verr != nil {
			d.err = verr
			return 0, verr
		}
		before := d.pos - int64(n)
		skip := min(max(d.off-before, 0), int64(n)) // only the hash wanted these
		n = copy(p, p[skip:n])
		d.off += int64(n)
		d.given = d.given || n > 0
		if n > 0 || err != nil {
			if err != nil {
				d.err = err
			}
			return n, err
		}
	}
}

// verify judges at the last byte, before it is passed on.
func (d *direct) verify(err error) error {
	if err == io.EOF && d.size >= 0 && d.pos < d.size {
		return fmt.Errorf("upstream ended after %d of %d bytes: %w", d.pos, d.size, io.ErrUnexpectedEOF)
	}
	if d.hash == nil || d.size >= 0 && d.pos < d.size || d.size < 0 && err == nil {
		return nil
	}
	got := digest.FromSum(d.want.Digest.Algorithm(), d.hash.Sum(nil))
	if got == d.want.Digest {
		return nil
	}
	if d.given {
		d.s.mislead(d.want.Digest)
	}
	wrong := fmt.Errorf("%w: the digest is %s, expected %s", ErrMismatch, got, d.want.Digest)
	return d.want.Source.Reject(wrong)
}

func (d *direct) Seek(offset int64, whence int) (int64, error) {
	to, err := seek(d.off, d.size, offset, whence)
	if err != nil {
		return 0, err
	}
	behind := to < d.pos
	elsewhere := d.hash == nil && to != d.pos
	if d.in != nil && (behind || elsewhere) {
		d.in.Body.Close()
		d.in = nil // opened again at the new place
	}
	d.off = to
	return to, nil
}

func (d *direct) broken() error {
	if d.err == io.EOF {
		return nil
	}
	return d.err
}

// Close ends the source's answer.
func (d *direct) Close() error {
	if d.in == nil {
		return nil
	}
	return d.in.Body.Close()
}
