package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mirrord/internal/durable"

	bolt "go.etcd.io/bbolt"
)

// begin opens the partial and the source, and settles size, meta and space. The
// Incoming is nil where the partial lacks nothing.
func (f *flight) begin() (*Incoming, *fetcher, error) {
	old := f.openPartial()
	off := int64(0)
	if gap, ok := old.Have.Gap(0, old.Size); ok {
		off = gap.Off
	} else if old.Size > 0 {
		f.adopt(old, old.Size, old.Meta)
		return nil, nil, f.reserve()
	} else if f.want.From > near {
		off = f.want.From
	}
	asked, end := f.s.now(), f.firstPart(off, old)
	in, kept, err := f.openFirst(off, end, old)
	if err == nil {
		kept = kept.without(origin(in))
	}
	if err == nil && kept.Have.Len() < old.Have.Len() {
		err = f.void(in, kept)
	}
	if err != nil {
		return nil, nil, err
	}
	size := in.Size
	if size < 0 {
		size = f.want.Size
	} else if f.want.Size >= 0 && size != f.want.Size {
		in.Body.Close()
		return nil, nil, f.mismatch("the size", size, f.want.Size)
	}
	meta := in.Meta
	if f.want.Digest == "" && kept.Have.Len() > 0 {
		meta = kept.Meta // a 206 need not repeat it
	}
	t := f.adopt(kept, size, meta)
	f.mu.Lock()
	t.pos, t.goal = in.Off, max(in.Off, kept.Have.Upto(0))
	f.noRange = in.Off < off || f.want.Digest == "" && !sameStrong(meta, meta)
	f.framed = in.Framed
	if end > 0 && in.Off == off && in.End == end {
		t.end, f.base = end, off
		t.began = asked
	} else if end > 0 {
		f.unpart(t)
	}
	f.fetchers = append(f.fetchers, t)
	f.mu.Unlock()
	if err := f.reserve(); err != nil {
		in.Body.Close()
		return nil, nil, err
	}
	return in, t, nil
}

// openFirst opens the source where the partial ends. A source that has another
// version, or another size, is opened anew at 0: nothing is spliced.
func (f *flight) openFirst(off, end int64, old part) (*Incoming, part, error) {
	held := old.Meta
	if f.want.Digest != "" {
		held = Meta{}
	}
	in, err := f.openSource(off, end, false, held)
	if err != nil && off > 0 && !errors.Is(err, ErrNotModified) && f.ctx.Err() == nil {
		off, old = 0, part{} // a Range may be what it cannot answer
		in, err = f.want.Source.Open(f.ctx, 0, Meta{})
	}
	if err != nil {
		return nil, old, err
	}
	if f.joins(in, old) {
		return in, old, nil
	}
	if in.Off > 0 {
		in.Body.Close()
		in, err = f.want.Source.Open(f.ctx, 0, Meta{})
	}
	return in, part{}, err
}

// joins reports whether in's bytes belong with those of old and with those that
// other answers will bring. An answer that tells neither place nor size may be
// anything, and need not be meant for who may have what is in old. Where no digest
// judges only the source's validator proves that, and what comes from 0 needs
// nothing to go with it.
func (f *flight) joins(in *Incoming, old part) bool {
	switch {
	case f.want.Digest != "":
		return old.Have.Len() == 0 || in.Size == old.Size || in.Size < 0 && in.Off > 0
	case in.Off == 0:
		return old.Have.Len() == 0
	case old.Have.Len() > 0:
		return in.Size == old.Size
	}
	return in.Size >= 0 && sameStrong(in.Meta, in.Meta)
}

// void empties the partial but for what is kept. The record goes first: it must
// never claim bytes that came after it.
func (f *flight) void(in *Incoming, kept part) error {
	err := f.s.dropPart(f.name)
	if err == nil && f.file != nil && kept.Have.Len() == 0 && !f.doubted() {
		err = f.file.Truncate(0)
	}
	if err != nil {
		in.Body.Close()
		return fmt.Errorf("%w: %w", errUnstored, err)
	}
	return nil
}

// sameStrong reports whether two validators prove the same bytes at one source.
func sameStrong(a, b Meta) bool {
	if a.ETag != "" || b.ETag != "" {
		return a.ETag == b.ETag && !strings.HasPrefix(a.ETag, "W/")
	}
	return a.LastModified != "" && a.LastModified == b.LastModified
}

// openPartial opens the flight's file with what an earlier flight left in it.
func (f *flight) openPartial() part {
	if old, ok := f.kept(); ok {
		return old
	}
	f.closeFile()
	f.file = nil
	old, noted := f.s.part(f.name)
	if noted {
		if h, ok := f.s.space.unpark(f.name, f.want.Account); ok {
			f.mu.Lock()
			f.hold = h
			f.mu.Unlock()
		}
		old, noted = f.s.part(f.name) // an eviction may have been quicker
	}
	if noted && f.fits(old) {
		if f.file = f.s.reopenPartial(f.name, old); f.file != nil {
			return old
		}
	}
	if noted {
		if err := f.s.dropPart(f.name); err != nil {
			f.s.log.Error("cannot drop a partial's record", "err", err)
			return part{}
		}
	}
	f.s.removeQuietly(f.s.partialPath(f.name))
	file, err := os.OpenFile(f.s.partialPath(f.name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		f.s.log.Warn("cannot open a partial file", "err", err)
		return part{}
	}
	if f.file = file; f.want.Transient {
		f.s.removeQuietly(file.Name())
	}
	return part{}
}

// fits reports whether the flight may go on from p. A whole one that no digest
// judges is of no use: upstream may have something newer by now.
func (f *flight) fits(p part) bool {
	if f.want.Transient || f.want.Size >= 0 && f.want.Size != p.Size {
		return false
	}
	_, lacks := p.Have.Gap(0, p.Size)
	return lacks || f.want.Digest != ""
}

// adopt settles what the flight is: its size, meta, and what it has.
func (f *flight) adopt(old part, size int64, meta Meta) *fetcher {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.size, f.meta, f.have, f.taken = size, meta, old.Have.Clone(), old.Have.Clone()
	if f.want.Digest != "" && (!f.onTrial || f.have.Len() == 0) {
		f.given = old.inherited()
	}
	f.short = f.want.Digest != "" && size >= 0 && size-f.have.Len() <= shortMost
	f.s.space.wrote(&f.hold, f.have.Len()-f.hold.written)
	f.broadcast()
	return new(fetcher)
}

// reserve makes room for the whole object before its bytes come.
func (f *flight) reserve() error {
	if f.file == nil {
		return errUnstored
	}
	f.mu.Lock()
	need := f.size - f.hold.reserved
	f.mu.Unlock()
	if need <= 0 {
		return nil
	}
	if err := f.s.space.reserve(f.want.Account, need); err != nil {
		return err
	}
	f.mu.Lock()
	f.hold.reserved += need
	f.mu.Unlock()
	return nil
}

// checkpoint syncs what is there, with its name, and then writes down that it is.
func (f *flight) checkpoint() error {
	f.mu.Lock()
	p := part{Size: f.size, Have: f.have.Clone(), Given: f.given.clone(), Meta: f.meta, Time: f.s.now(), Account: f.want.Account}
	doubted := f.onTrial
	f.mu.Unlock()
	if doubted || !f.resumable(p) {
		return nil
	}
	if err := errors.Join(f.file.Sync(), durable.SyncDir(filepath.Join(f.s.dir, "partial"))); err != nil {
		return err
	}
	return f.s.db.Batch(func(tx *bolt.Tx) error { return putJSON(tx.Bucket(bucketParts), []byte(f.name), p) })
}

// resumable reports whether a later flight could go on from p.
func (f *flight) resumable(p part) bool {
	return !f.want.Transient && p.Size > 0 && p.Have.Len() > 0 &&
		(f.want.Digest != "" || sameStrong(p.Meta, p.Meta))
}

// settle decides at the end of a flight what becomes of its partial, and reports
// whether it is kept.
func (f *flight) settle(err error) (keep bool) {
	if f.file == nil || f.want.Transient {
		return false
	}
	f.mu.Lock()
	disowned := f.disowned
	f.mu.Unlock()
	if err != nil && !disowned && !f.doubted() && !errors.Is(err, ErrMismatch) && !errors.Is(err, errUnstored) && !errors.Is(err, ErrNotModified) {
		if cerr := f.checkpoint(); cerr == nil {
			if _, kept := f.s.part(f.name); kept {
				return true
			}
		}
	}
	f.discardPartial()
	return false
}

func (f *flight) discardPartial() {
	f.s.removeQuietly(f.s.partialPath(f.name))
	if _, there := f.s.part(f.name); !there {
		return
	}
	if err := f.s.dropPart(f.name); err != nil {
		f.s.log.Error("cannot drop a partial's record", "err", err)
	}
}
