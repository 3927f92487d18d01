package rpm

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"mirrord/internal/repo"
)

func golden(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func checkRef(t *testing.T, ref repo.Ref) {
	t.Helper()
	clean, err := repo.CleanName(ref.Path)
	if err != nil || clean != ref.Path || !ref.Digest.Strong() || ref.Size < -1 || ref.Size > maxSize {
		t.Fatalf("%+v: %v", ref, err)
	}
}

var errReference = errors.New("refused by the rules that are not of XML")

// reference is format.read with encoding/xml, the slow way.
func (f *format) reference(in io.Reader, emit func(*entry) error) error {
	d := xml.NewDecoder(in)
	var e *entry
	var text strings.Builder
	depth, seen := 0, false
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) && seen {
			return nil
		}
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.Directive:
			return errReference
		case xml.CharData:
			if depth == 0 && len(bytes.Trim(bytes.TrimPrefix(tok, []byte("\ufeff")), space)) > 0 {
				return errReference
			}
			text.Write(tok)
		case xml.StartElement:
			depth++
			if depth == 1 && (seen || tok.Name.Local != f.outer) {
				return errReference
			}
			seen = true
			if depth == f.depth && tok.Name.Local == f.entry {
				e = &entry{size: -1}
			}
			if depth == f.depth+1 && e != nil {
				e.field = ""
				e.referenceBegin(tok)
				text.Reset()
			}
		case xml.EndElement:
			depth--
			if depth == f.depth && e != nil {
				e.referenceEnd(strings.Trim(text.String(), space))
			}
			if depth == f.depth-1 && e != nil {
				if err := emit(e); err != nil {
					return err
				}
				e = nil
			}
		}
	}
}

func (e *entry) referenceBegin(tok xml.StartElement) {
	attr := func(space, name string) string {
		for _, a := range tok.Attr {
			if a.Name.Local == name && a.Name.Space == space {
				return a.Value
			}
		}
		return ""
	}
	const namespace = "http://www.w3.org/XML/1998/namespace"
	switch tok.Name.Local {
	case "location":
		e.href, e.base = attr("", "href"), attr(namespace, "base")
	case "filename":
		e.field, e.base = "filename", attr(namespace, "base")
	case "checksum":
		e.field, e.alg = "checksum", attr("", "type")
	case "size":
		if size := attr("", "package"); size != "" {
			e.setSize(size)
		} else {
			e.field = "size"
		}
	case "timestamp":
		e.field = "timestamp"
	}
}

func (e *entry) referenceEnd(text string) {
	switch e.field {
	case "filename":
		e.href = text
	case "checksum":
		e.setSum(text)
	case "size":
		e.setSize(text)
	case "timestamp":
		e.setTime(text)
	}
	e.field = ""
}

// collect gives the entries of a document as text. Line ends are made one: the scanner
// leaves them, and a path with any of them is refused.
func collect(read func(io.Reader, func(*entry) error) error, in io.Reader) (got []string, err error) {
	err = read(in, func(e *entry) error {
		ends := strings.NewReplacer("\r\n", "\n", "\r", "\n")
		got = append(got, fmt.Sprintf("%q %q %s %d %v %s", ends.Replace(e.href), ends.Replace(e.base), e.sum, e.size, e.odd, e.time))
		return nil
	})
	return got, err
}

// FuzzEntries holds the scanner to encoding/xml: what that takes is taken, and alike.
func FuzzEntries(f *testing.F) {
	for _, name := range []string{"repomd.xml", "primary.xml", "prestodelta.xml"} {
		f.Add(golden(f, name))
	}
	for _, text := range []string{
		"\ufeff<?xml version='1.0'?>\n<!-- a -- b -->\n<repomd ><data\n>" + sumElement + location + "</data></repomd >\n",
		"<!-- a > b --><repomd><data><size> 1<![CDATA[2]]]>&#51;</size><location href = 'a>b&amp;\"' xml:base=\"'\"/></data></repomd>",
		"<m:metadata xmlns:m='x'><m:package><size package='&#x37;' installed='8'/>" + sumElement + sumElement + "<location x:href='a' href=\"b\" href=\"c\"/></m:package></m:metadata>",
		"<metadata><package><size>1<a>2</a>3</size><size/><timestamp>1795464126.5</timestamp><package><location href='x'/></package></package></metadata>",
		"<prestodelta><newpackage><delta><filename xml:base='b'>\r\n a<?b c?> </filename></delta></newpackage><delta/></prestodelta>",
		"<!DOCTYPE x><repomd/>", "x<repomd/>", "<repomd/><repomd/>", "<repomd><data></repomd></data>", "<repomd><></repomd>",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, kind := range []*format{repomdFormat, primaryFormat, deltaFormat, suseFormat} {
			got, err := collect(kind.read, bytes.NewReader(text))
			pieces, piecesErr := collect(kind.read, iotest.OneByteReader(bytes.NewReader(text)))
			if !reflect.DeepEqual(got, pieces) || (err == nil) != (piecesErr == nil) {
				t.Fatalf("%v, %v at once; %v, %v in pieces", got, err, pieces, piecesErr)
			}
			if err != nil && !errors.Is(err, repo.ErrFormat) && !errors.Is(err, repo.ErrTooLarge) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
			want, wantErr := collect(kind.reference, bytes.NewReader(text))
			if wantErr != nil || errors.Is(err, repo.ErrTooLarge) {
				continue
			}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: %q, %v\nencoding/xml: %q", kind.outer, got, err, want)
			}
		}
	})
}

func FuzzRepomd(f *testing.F) {
	f.Add(golden(f, "repomd.xml"), []byte{})
	f.Fuzz(func(t *testing.T, text, signature []byte) {
		files := map[string][]byte{repomd: text}
		if len(signature) > 0 {
			files[repomdAsc] = signature
		}
		got, err := Adapter{}.Root("a/b", files)
		if err != nil {
			return
		}
		if len(got.Refs)+len(got.Unchecked) == 0 || got.ID == "" {
			t.Fatalf("%+v", got)
		}
		for _, path := range got.Unchecked {
			if clean, err := repo.CleanName(path); err != nil || clean != path || !strings.HasPrefix(path, "a/b/repodata/") {
				t.Fatalf("%q, %v", path, err)
			}
		}
		for _, ref := range got.Refs {
			checkRef(t, ref)
			plan, err := Adapter{}.Plan(ref.Path)
			if err != nil || !strings.HasPrefix(ref.Path, "a/b/repodata/") || plan.Roots[0] != "a/b" {
				t.Fatalf("%+v is not of the root: %+v, %v", ref, plan, err)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add(golden(f, "primary.xml"))
	f.Add(golden(f, "prestodelta.xml"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, name := range []string{"repodata/primary.xml", "a/repodata/prestodelta.xml", "a/repodata/primary.xml.zst", "a/repodata/primary.xml.gz"} {
			Adapter{}.Read(name, bytes.NewReader(text), func(ref repo.Ref) error {
				checkRef(t, ref)
				return nil
			})
		}
	})
}

func FuzzPlan(f *testing.F) {
	f.Add("releases/40/os/repodata/repomd.xml")
	f.Add("a/repodata/" + sum256 + "-primary.xml.zck")
	f.Add("a/repodata/b/repodata/c")
	f.Fuzz(func(t *testing.T, raw string) {
		name, err := repo.CleanName(raw)
		if err != nil {
			return
		}
		plan, err := Adapter{}.Plan(name)
		if err != nil || plan.Path != name || len(plan.Roots) > maxRoots {
			t.Fatalf("%+v, %v", plan, err)
		}
		for _, dir := range plan.Roots {
			if dir != "" && !strings.HasPrefix(name, dir+"/") {
				t.Fatalf("root %q of %q", dir, name)
			}
		}
		if (plan.Class == repo.Root) != (plan.Member != "") || plan.Vouches && plan.Class != repo.Index {
			t.Fatalf("%+v", plan)
		}
		if plan.Member != "" && join(plan.Roots[0], plan.Member) != name {
			t.Fatalf("member %q of %q is not %q", plan.Member, plan.Roots[0], name)
		}
		for _, p := range []string{plan.Role, plan.Rebuilds} {
			if clean, err := repo.CleanName(p); p != "" && (err != nil || clean != p) {
				t.Fatalf("%+v: %v", plan, err)
			}
		}
	})
}
