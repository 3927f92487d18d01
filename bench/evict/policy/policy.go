// Package policy has the eviction policies that are measured, each as its paper
// has it but for sizes: what a paper counts in objects is bytes here.
package policy

// Object is one that is asked for. IDs begin at 0 and leave no gaps.
type Object struct {
	ID   uint32
	Size int64
}

// Policy is a cache that holds names only.
type Policy interface {
	// Get reports whether the object is held. Where it is not it is brought, and held
	// from then on if the policy has it so. at is in seconds.
	Get(o Object, at int64) (hit bool)
	// Kill tells that no current generation names the object any more.
	Kill(id uint32)
	// Bytes is what it holds now.
	Bytes() int64
}

// Limits are what a cache is made for.
type Limits struct {
	Bytes   int64 // that it may hold
	Objects int   // of the trace
}

// All are the policies by name, in the order of the table.
var All = []struct {
	Name string
	New  func(Limits) Policy
}{
	{"FIFO", newFIFO},
	{"LRU", newLRU},
	{"SIEVE", newSieve},
	{"SLRU", newSLRU},
	{"2Q", newTwoQ},
	{"ARC", newARC},
	{"S3-FIFO", newS3FIFO},
	{"LFU-DA", newLFUDA},
	{"GDSF", newGDSF},
	{"W-TinyLFU", newTinyLFU},
	{"mirrord, no marks", newUnmarked},
	{"mirrord", newOurs},
}

// New makes the policy of a name, nil where there is none.
func New(name string, l Limits) Policy {
	for _, p := range All {
		if p.Name == name {
			return p.New(l)
		}
	}
	return nil
}
