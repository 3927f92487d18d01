package cache

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"mirrord/internal/digest"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// openFiles bounds the files kept open between hits; a process may have 1,024
// descriptors by default where nobody raised it, and Go raises that itself.
const openFiles = 512

// sharedFile is an open object, read at offsets by many at once.
type sharedFile struct {
	f    *os.File
	fd   int
	refs int  // guarded by files.mu
	gone bool // off the list: the last reader closes it; guarded by files.mu
}

// files keeps the objects used last open.
type files struct {
	mu  sync.Mutex
	lru *simplelru.LRU[digest.Digest, *sharedFile] // guarded by mu
}

func newFiles() *files {
	fs := new(files)
	fs.lru, _ = simplelru.NewLRU(openFiles, func(_ digest.Digest, sf *sharedFile) {
		sf.gone = true
		if sf.refs == 0 {
			sf.f.Close()
		}
	})
	return fs
}

// errTorn reports an object's file that is not as long as it was.
var errTorn = errors.New("the file has another size than the object")

// open gives the object's file, which stands at path and must have size bytes;
// the caller puts it back.
func (fs *files) open(d digest.Digest, path string, size int64) (*sharedFile, error) {
	fs.mu.Lock()
	sf, ok := fs.lru.Get(d)
	if ok {
		sf.refs++
	}
	fs.mu.Unlock()
	if ok {
		return sf, nil
	}
	f, err := openSized(path, size)
	if err != nil {
		return nil, err
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if sf, ok := fs.lru.Get(d); ok { // another was quicker
		f.Close()
		sf.refs++
		return sf, nil
	}
	sf = &sharedFile{f: f, fd: int(f.Fd()), refs: 1}
	fs.lru.Add(d, sf)
	return sf, nil
}

func openSized(path string, size int64) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() != size {
		err = errTorn
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (fs *files) putBack(sf *sharedFile) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if sf.refs--; sf.refs == 0 && sf.gone {
		sf.f.Close()
	}
}

// remove takes an object off the list.
func (fs *files) remove(d digest.Digest) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.lru.Remove(d)
}

func (fs *files) purge() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.lru.Purge()
}

// File reads a stored object. Whoever can hand a descriptor to the kernel takes
// Descriptor and Advance instead of Read.
type File struct {
	sf        *sharedFile
	off, size int64
	err       error // of the disk
}

func (f *File) Read(p []byte) (int, error) {
	if f.off >= f.size {
		return 0, io.EOF
	}
	n, err := f.sf.f.ReadAt(p[:min(int64(len(p)), f.size-f.off)], f.off)
	f.off += int64(n)
	if err == io.EOF && f.off < f.size {
		err = io.ErrUnexpectedEOF // the file was cut behind our back
	}
	f.Fail(err)
	return n, err
}

// Fail notes an error that the descriptor gave. One of the disk makes the object a
// miss from its Content's Close on: it is fetched again.
func (f *File) Fail(err error) {
	if unreadable(err) {
		f.err = err
	}
}

func (f *File) broken() error { return f.err }

// unreadable reports an error that says something of the file, and not of the process
// or of who reads it.
func unreadable(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, errTorn) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, fs.ErrNotExist)
}

// Seek never touches the disk.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	to, err := seek(f.off, f.size, offset, whence)
	if err == nil {
		f.off = to
	}
	return f.off, err
}

// Descriptor is the file's, with the place of the next byte and how many there
// are from there. It is valid until the Content is closed, and its own offset is
// shared: only calls that take an offset may be made with it.
func (f *File) Descriptor() (fd int, off, left int64) { return f.sf.fd, f.off, max(f.size-f.off, 0) }

// Advance notes that n bytes were taken through the descriptor.
func (f *File) Advance(n int64) { f.off += n }
