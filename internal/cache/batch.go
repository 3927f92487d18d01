package cache

import (
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// batchDelay is how long the first of a batch waits for others.
const batchDelay = time.Millisecond

// call is one write of a batch.
type call struct {
	fn   func(*bolt.Tx) error
	done chan error
}

// Batch is Update in one step with others; fn may run more than once. bbolt has the
// same, but in a goroutine of its own, where a panic ends the process.
func (d *database) Batch(fn func(*bolt.Tx) error) error {
	c := &call{fn: fn, done: make(chan error, 1)}
	d.gathering.Lock()
	d.pending = append(d.pending, c)
	first := len(d.pending) == 1
	d.gathering.Unlock()
	if first {
		time.Sleep(batchDelay)
		d.gathering.Lock()
		all := d.pending
		d.pending = nil
		d.gathering.Unlock()
		d.commit(all)
	}
	return <-c.done
}

// commit writes all in one transaction. One that fails does so by itself.
func (d *database) commit(all []*call) {
	for len(all) > 0 {
		failed := -1
		err := d.Update(func(tx *bolt.Tx) error {
			for i, c := range all {
				if err := c.fn(tx); err != nil {
					failed = i
					return err
				}
			}
			return nil
		})
		if failed < 0 {
			for _, c := range all {
				c.done <- err
			}
			return
		}
		alone := all[failed]
		all = slices.Delete(all, failed, failed+1)
		alone.done <- d.Update(alone.fn)
	}
}
