package apt

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"mirrord/internal/repo"
)

func checkRef(t *testing.T, ref repo.Ref) {
	t.Helper()
	clean, err := repo.CleanName(ref.Path)
	if err != nil || clean != ref.Path || !ref.Digest.Strong() || ref.Size < -1 || ref.Size > maxSize {
		t.Fatalf("%+v: %v", ref, err)
	}
}

func FuzzRelease(f *testing.F) {
	f.Add([]byte(releaseText))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Adapter{}.Root("dists/x", map[string][]byte{release: text})
		if err != nil {
			return
		}
		for _, ref := range got.Refs {
			checkRef(t, ref)
			if !strings.HasPrefix(ref.Path, "dists/x/") {
				t.Fatalf("%+v is not below the root", ref)
			}
		}
		again, err := Adapter{}.Root("dists/x", map[string][]byte{release: append(bytes.Clone(text), " \t\r\n"...)})
		if err != nil || again.ID != got.ID {
			t.Fatalf("white space at the end: %v, %q became %q", err, got.ID, again.ID)
		}
	})
}

// FuzzSigned feeds the readers of signatures, which take nothing that is not one.
func FuzzSigned(f *testing.F) {
	f.Fuzz(func(t *testing.T, signed, signature []byte) {
		got, err := Adapter{}.Root("", map[string][]byte{inRelease: signed})
		if err == nil && (!bytes.HasPrefix(signed, []byte("-----BEGIN PGP SIGNED MESSAGE-----")) || len(got.Refs) == 0) {
			t.Fatalf("taken for an InRelease: %q", signed)
		}
		err = repo.CheckDetached(signed, signature)
		armored := bytes.HasPrefix(bytes.TrimSpace(signature), []byte("-----BEGIN PGP SIGNATURE-----"))
		if err == nil && !armored && signature[0]&0x80 == 0 {
			t.Fatalf("taken for a signature: %q", signature)
		}
	})
}

// FuzzStanzas holds every reader of indexes to clean, strong Refs that do not
// depend on how the bytes come in.
func FuzzStanzas(f *testing.F) {
	f.Add([]byte(packageText("pool/a.deb")))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, name := range []string{"dists/x/main/binary-all/Packages", "a/b/Packages", "src/Sources", "x/Packages.diff/Index", "i/SHA256SUMS"} {
			whole, err := collect(t, name, bytes.NewReader(text))
			pieces, piecesErr := collect(t, name, iotest.OneByteReader(bytes.NewReader(text)))
			if !reflect.DeepEqual(whole, pieces) || (err == nil) != (piecesErr == nil) {
				t.Fatalf("%s: %v, %v at once; %v, %v in pieces", name, whole, err, pieces, piecesErr)
			}
			if err != nil && !errors.Is(err, repo.ErrFormat) {
				t.Fatalf("%s: %v", name, err)
			}
		}
	})
}

func collect(t *testing.T, name string, r io.Reader) (refs []repo.Ref, err error) {
	err = Adapter{}.Read(name, r, func(ref repo.Ref) error {
		checkRef(t, ref)
		refs = append(refs, ref)
		return nil
	})
	return refs, err
}
