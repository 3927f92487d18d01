package mirror

import (
	"path"
	"slices"

	"mirrord/internal/dcz"
	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// kin are the states of one file of a repository: each may serve as a dictionary for
// the others.
type kin struct {
	r    *repository
	plan repo.Plan
	// rt has the file in its generations, g is the one that is answered, and role what
	// it is called in each. Where rt is nil it is an entry of the store.
	rt   *root
	g    *generation
	role string
}

// packed are the extensions of files in which an older state cannot be found again,
// since they are compressed, and of signatures.
var packed = map[string]bool{
	".zst": true, ".xz": true, ".bz2": true, ".gz": true, ".lz4": true, ".lzma": true, ".zck": true,
	".tgz": true, ".txz": true, ".tbz2": true, ".zip": true, ".7z": true, ".jar": true, ".whl": true,
	".deb": true, ".udeb": true, ".ddeb": true, ".rpm": true, ".drpm": true, ".apk": true,
	".qcow2": true, ".squashfs": true, ".gpg": true, ".asc": true, ".sig": true, ".sign": true,
}

// withKin notes whose states the answer is one of, where it is plain and neither too
// small nor too large for a dictionary.
func (a *Answer) withKin(k kin) *Answer {
	name := k.role
	if k.rt == nil {
		name = k.plan.Path
	}
	if dcz.Fits(a.Size, a.Size) && !packed[path.Ext(name)] {
		kept := k // so that k itself costs no allocation where it is not kept
		a.kin = &kept
	}
	return a
}

// Lineage is the pattern that the names of all states of the file match in its directory: a
// * in it stands for what changes. "" tells that the file is no dictionary.
func (a *Answer) Lineage() string {
	k := a.kin
	switch {
	case k == nil:
		return ""
	case k.plan.Role != "" && k.plan.Role != k.plan.Path:
		return "*-" + path.Base(k.plan.Role)
	case k.plan.Digest != "":
		return "*"
	}
	return path.Base(k.plan.Path)
}

// had reports that the file had those bytes in a state that clients can ask for, or
// could. Nothing else may be a dictionary: by what a difference to it looks like, or by
// whether there is one, anybody could find out what is stored, private things too.
func (k *kin) had(d digest.Digest) bool {
	if k.rt == nil {
		e, _ := k.r.m.store.Entry(k.r.Name + "/" + k.plan.Path)
		return e.Digest == d || slices.Contains(e.Before, d)
	}
	for _, g := range k.rt.kept() {
		ref, ok := k.rt.inRole(g, k.role)
		if !ok {
			continue
		}
		if ref.Digest == d {
			return true
		}
		if st, err := k.r.m.store.Stat(ref.Digest); err == nil && st.Digest == d { // it is named by SHA-512
			return true
		}
	}
	return false
}

// most is how large a difference of size bytes may be to be worth its making and its place:
// a quarter, and half of the least of the compressed forms that the root lists.
func (k *kin) most(size int64) int64 {
	most := size / 4
	if k.rt == nil {
		return most
	}
	for _, ext := range compressions {
		if ref, ok := k.rt.inRole(k.g, k.role+ext); ok && ref.Size > 0 {
			most = min(most, ref.Size/2)
		}
	}
	return most
}
