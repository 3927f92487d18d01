package disk

import "fmt"

// Kind is what an operation does.
type Kind int

// Of these only the first nine change something or make it durable, and stand in
// the Log.
const (
	Create   Kind = iota // a file or directory, with its name
	Link                 // a further name
	Rename               // in one step, over what stands there
	Remove               // a name
	Write                //
	Truncate             //
	Chmod                //
	Sync                 // fsync, or fdatasync where DataOnly
	SyncDir              //
	Open                 //
	Read                 //
	List                 // a directory
)

var kindNames = [...]string{"create", "link", "rename", "remove", "write", "truncate", "chmod", "sync", "sync the directory", "open", "read", "list"}

func (k Kind) String() string { return kindNames[k] }

// Changes reports whether it needs a disk that can be written.
func (k Kind) Changes() bool { return k <= SyncDir }

// names reports whether it is about a name.
func (k Kind) names() bool { return k <= Remove }

// Grows reports whether it takes space.
func (k Kind) Grows() bool { return k == Create || k == Link || k == Rename || k == Write }

// ID is a file or directory, whatever its names.
type ID int

const rootID ID = 1

// Op is one operation.
type Op struct {
	Kind
	Node ID
	Path string // of Node when it was done, below the root: for people, and for Faults

	Dir, ToDir   ID // where its name is, and comes to be
	Name, ToName string
	IsDir        bool // Create

	Off      int64  // Write, Read
	Data     []byte // Write
	Size     int64  // Truncate
	Mode     uint32 // Create, Chmod
	DataOnly bool   // Sync
}

func (o Op) String() string {
	switch o.Kind {
	case Write:
		return fmt.Sprintf("write %s %d+%d", o.Path, o.Off, len(o.Data))
	case Truncate:
		return fmt.Sprintf("truncate %s to %d", o.Path, o.Size)
	case Rename, Link:
		return fmt.Sprintf("%s %s to %s", o.Kind, o.Path, o.ToName)
	}
	return fmt.Sprintf("%s %s", o.Kind, o.Path)
}
