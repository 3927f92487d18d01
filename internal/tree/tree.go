package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Tree is one directory.
type Tree struct {
	Dir  string
	root *os.Root
}

// File is a plain file of a Tree.
type File struct {
	Path string // relative to the Tree, with slashes
	Info fs.FileInfo
}

// A Problem is something in a Tree that is passed over.
type Problem struct {
	Path   string
	Reason string
	Failed bool // it could not be read, and is not just none of what is looked for
}

func problem(p string, err error) Problem {
	return Problem{Path: p, Reason: Reason(err), Failed: !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ELOOP)}
}

func (p Problem) Error() string { return fmt.Sprintf("%q: %s", p.Path, p.Reason) }

// Open opens the directory.
func Open(dir string) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Tree{Dir: filepath.Clean(dir), root: root}, nil
}

// Close lets the directory go.
func (t *Tree) Close() error { return t.root.Close() }

const (
	// deepest is how many directories may lie in each other.
	deepest = 100
	// linksMost is how many links to directories one path may lead through: archives
	// need two, and with each more there are as many times more paths.
	linksMost = 3
)

// Walk calls file for every plain file below dir, in order, and bad for what it passes
// over. Links to what lies in the Tree count as what they lead to. skip names
// directories that are not entered, and may be nil. An error of file ends the walk.
func (t *Tree) Walk(ctx context.Context, dir string, skip func(dir string) bool, file func(File) error, bad func(Problem)) error {
	w := walk{t: t, ctx: ctx, skip: skip, file: file, bad: bad}
	info, err := t.root.Stat(name(dir))
	if err != nil {
		return err
	}
	return w.dir(dir, way{dirs: []fs.FileInfo{info}})
}

// name is how an os.Root calls a path of the Tree.
func name(p string) string { return filepath.FromSlash(path.Join(".", p)) }

type walk struct {
	t    *Tree
	ctx  context.Context
	skip func(string) bool
	file func(File) error
	bad  func(Problem)
}

// way is how a directory was reached.
type way struct {
	dirs  []fs.FileInfo // those that it lies in, itself included
	links int           // of them, those that were links
}

func (w *walk) dir(dir string, by way) error {
	entries, err := w.t.Names(dir)
	if err != nil {
		w.bad(problem(dir, err))
		return nil
	}
	for _, e := range entries {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if err := w.entry(path.Join(dir, e.Name()), e, by); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(p string, e fs.DirEntry, by way) error {
	info, err := e.Info()
	link := err == nil && info.Mode().Type() == fs.ModeSymlink
	if link {
		info, err = w.t.root.Stat(name(p))
	}
	var errno syscall.Errno
	switch {
	case link && err != nil && !errors.As(err, &errno):
		w.bad(Problem{Path: p, Reason: "a link that leads out of the directory"})
	case err != nil:
		w.bad(problem(p, err))
	case info.Mode().IsRegular():
		return w.file(File{p, info})
	case !info.IsDir():
		w.bad(Problem{Path: p, Reason: kind(info.Mode())})
	case w.skip != nil && w.skip(p):
	case among(info, by.dirs):
		w.bad(Problem{Path: p, Reason: "a link to a directory that it lies in"})
	case len(by.dirs) >= deepest:
		w.bad(Problem{Path: p, Reason: fmt.Sprintf("more than %d directories in each other", deepest)})
	case link && by.links == linksMost:
		w.bad(Problem{Path: p, Reason: fmt.Sprintf("behind %d links to directories already", linksMost)})
	default:
		if link {
			by.links++
		}
		by.dirs = append(by.dirs[:len(by.dirs):len(by.dirs)], info)
		return w.dir(p, by)
	}
	return nil
}

func among(info fs.FileInfo, all []fs.FileInfo) bool {
	for _, other := range all {
		if os.SameFile(info, other) {
			return true
		}
	}
	return false
}

// Names lists what is in dir, in order.
func (t *Tree) Names(dir string) ([]fs.DirEntry, error) {
	f, err := t.root.OpenFile(name(dir), os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := f.ReadDir(-1)
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all, err
}

// Open opens a plain file. It does not wait for the other end of a pipe.
func (t *Tree) Open(p string) (*os.File, error) {
	f, err := t.root.OpenFile(name(p), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s", fs.ErrInvalid, kind(info.Mode()))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Stat tells of a path, behind links.
func (t *Tree) Stat(p string) (fs.FileInfo, error) { return t.root.Stat(name(p)) }

// Read reads a file of at most so many bytes.
func (t *Tree) Read(p string, most int64) ([]byte, error) {
	f, err := t.Open(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, most)
}

func kind(mode fs.FileMode) string {
	switch mode.Type() {
	case fs.ModeDir:
		return "a directory, expected a file"
	case fs.ModeNamedPipe:
		return "a pipe, expected a file"
	case fs.ModeSocket:
		return "a socket, expected a file"
	}
	return "a device, expected a file"
}

// Reason is what an error of this package says without the path.
func Reason(err error) string {
	var errno syscall.Errno
	var in *fs.PathError
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &in):
		return in.Err.Error()
	}
	return err.Error()
}
