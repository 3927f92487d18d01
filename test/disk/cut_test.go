package disk

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const (
	fileID ID = 2
	subID  ID = 3
)

// lines are the files of a tree and what they hold.
func lines(t *Tree) (list []string) {
	t.Walk(func(path string, dir bool, _ uint32, data []byte) {
		if dir {
			path += "/"
		}
		list = append(list, fmt.Sprintf("%s=%s", path, data))
	})
	return list
}

func create(dir, id ID, name string) Op { return Op{Kind: Create, Node: id, Dir: dir, Name: name} }

func write(id ID, at int64, s string) Op {
	return Op{Kind: Write, Node: id, Off: at, Data: []byte(s)}
}

// TestCut: what each sync covers, and what can be left of the rest.
func TestCut(t *testing.T) {
	sub := Op{Kind: Create, Node: subID, Dir: rootID, Name: "sub", IsDir: true}
	sync, syncRoot, syncSub := Op{Kind: Sync, Node: fileID}, Op{Kind: SyncDir, Node: rootID}, Op{Kind: SyncDir, Node: subID}
	move := Op{Kind: Rename, Node: fileID, Dir: rootID, Name: "f", ToDir: subID, ToName: "g"}
	for _, c := range []struct {
		name  string
		ops   []Op
		fate  Fate
		wants []string
	}{
		{"nothing is synced", []Op{create(rootID, fileID, "f"), write(fileID, 0, "ab")}, Lose, nil},
		{"a kill", []Op{create(rootID, fileID, "f"), write(fileID, 0, "ab")}, Keep, []string{"f=ab"}},
		{"a file's sync does not cover its name", []Op{create(rootID, fileID, "f"), write(fileID, 0, "ab"), sync}, Lose, nil},
		{"a directory's sync does not cover bytes", []Op{create(rootID, fileID, "f"), write(fileID, 0, "ab"), syncRoot}, Lose, []string{"f="}},
		{"both", []Op{create(rootID, fileID, "f"), write(fileID, 0, "ab"), sync, syncRoot, write(fileID, 1, "xyz")}, Lose, []string{"f=ab"}},
		{"names before bytes", []Op{create(rootID, fileID, "f"), write(fileID, 0, "ab")}, KeepNames, []string{"f="}},
		{"bytes before names", []Op{create(rootID, fileID, "f"), syncRoot, write(fileID, 0, "ab"), {Kind: Remove, Node: fileID, Dir: rootID, Name: "f"}}, KeepBytes, []string{"f=ab"}},
		{"a rename is one step, and either directory's sync has it", []Op{sub, create(rootID, fileID, "f"), syncRoot, move, syncSub}, Lose, []string{"sub/=", "sub/g="}},
		{"a rename that is not synced", []Op{sub, create(rootID, fileID, "f"), syncRoot, move}, Lose, []string{"f=", "sub/="}},
		{"a directory without a name holds nothing that is found", []Op{sub, create(subID, fileID, "f"), syncSub}, Lose, nil},
		{"a truncation", []Op{create(rootID, fileID, "f"), syncRoot, write(fileID, 0, "abcd"), sync, {Kind: Truncate, Node: fileID, Size: 1}}, Lose, []string{"f=abcd"}},
		{"a hole", []Op{create(rootID, fileID, "f"), syncRoot, write(fileID, 2, "cd"), sync}, Lose, []string{"f=\x00\x00cd"}},
	} {
		if got := lines(NewHistory(NewTree(), c.ops).Cut(len(c.ops), c.fate)); !slices.Equal(got, c.wants) {
			t.Errorf("%s: %q, expected %q", c.name, got, c.wants)
		}
	}
	// A sync that comes after the cut covers nothing.
	h := NewHistory(NewTree(), []Op{create(rootID, fileID, "f"), syncRoot})
	if got := h.Loose(1); !slices.Equal(got, []int{0}) {
		t.Errorf("loose before the sync: %v", got)
	}
	if got := h.Loose(2); len(got) != 0 {
		t.Errorf("loose after the sync: %v", got)
	}
}

// TestTear: a torn write leaves whole sectors of what was there and of what was
// written, and every kind of state comes up.
func TestTear(t *testing.T) {
	old, young := bytes.Repeat([]byte{'o'}, 3000), bytes.Repeat([]byte{'y'}, 3000)
	ops := []Op{create(rootID, fileID, "f"), {Kind: SyncDir, Node: rootID}, write(fileID, 0, string(old)), {Kind: Sync, Node: fileID}, write(fileID, 0, string(young))}
	h, rnd, seen := NewHistory(NewTree(), ops), rand.New(rand.NewPCG(1, 2)), map[string]bool{}
	for range 2000 {
		data := h.Cut(len(ops), Tear(rnd)).nodes[fileID].data
		state := ""
		for at := 0; at < len(data); at += 512 {
			sector := data[at:min(at+512, len(data))]
			if !bytes.Equal(sector, old[:len(sector)]) && !bytes.Equal(sector, young[:len(sector)]) {
				t.Fatalf("a sector that was never written: %q", sector)
			}
			state += string(sector[:1])
		}
		seen[state] = true
	}
	for _, state := range []string{"oooooo", "yyyyyy", "yyyooo", "oyoooo", "yoyoyo"} {
		if !seen[state] {
			t.Errorf("no disk was like %s", state)
		}
	}
}

// TestWriteTo: a tree and the directory that is made of it are the same.
func TestWriteTo(t *testing.T) {
	tree := NewTree()
	for _, o := range []Op{
		{Kind: Create, Node: subID, Dir: rootID, Name: "sub", IsDir: true, Mode: 0o750},
		{Kind: Create, Node: fileID, Dir: subID, Name: "f", Mode: 0o440}, write(fileID, 0, "text"),
	} {
		tree.apply(o)
	}
	dir := t.TempDir()
	if err := tree.WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "sub", "f"))
	info, serr := os.Stat(filepath.Join(dir, "sub", "f"))
	if err != nil || serr != nil || string(data) != "text" || info.Mode().Perm() != 0o440 {
		t.Errorf("%q, %v, %v", data, info, err)
	}
	if other := tree.Clone(); other.Sum() != tree.Sum() {
		t.Error("a copy has another sum")
	} else if other.apply(write(fileID, 0, "T")); other.Sum() == tree.Sum() {
		t.Error("a change does not show in the sum")
	}
}
