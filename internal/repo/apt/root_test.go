package apt

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mirrord/internal/repo"
)

// Shaped after Debian's, with an empty value, white space at a line's end, and
// lines that clear-signing must escape.
const releaseText = `Origin: Debian
Label: Debian
Suite: stable
Version: 12.5
Codename: bookworm
Changelogs: https://metadata.ftp-master.debian.org/changelogs/@CHANGEPATH@_changelog
Date: Sat, 10 Feb 2024 11:07:25 UTC
Acquire-By-Hash: yes
No-Support-for-Architecture-all: Packages
Architectures: all amd64
Components: main` + "  " + `
Description: Debian 12.5 Released 10 February 2024
-Dash: yes
From: here
MD5Sum:
 0ed6d4c8891eb86358b94bb35d9e4da4  1484322 contrib/Contents-all
SHA256:
 3957f28db16e3f28c7b34ae84f1c929c567de6970f3f1b95dac9b498dd80fe63   738242 main/binary-amd64/Packages
 ` + hash256 + `        0 main/binary-all/Packages.gz
`

func TestRootOfSignedFiles(t *testing.T) {
	rsa, ed := newSigner(t, "rsa2048"), newSigner(t, "ed25519")
	text := []byte(releaseText)
	want, err := Adapter{}.Root("dists/bookworm", map[string][]byte{release: text})
	if err != nil || len(want.Refs) != 2 || !want.ByHash {
		t.Fatalf("Root of a Release alone = %+v, %v", want, err)
	}
	crlf := bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	for name, files := range map[string]map[string][]byte{
		"InRelease, rsa":     {inRelease: rsa.clearsign(text)},
		"InRelease, ed25519": {inRelease: ed.clearsign(text)},
		"InRelease, sha1":    {inRelease: rsa.clearsign(text, "--digest-algo", "SHA1")},
		"InRelease, sha384":  {inRelease: rsa.clearsign(text, "--digest-algo", "SHA384")},
		"InRelease, CRLF":    {inRelease: bytes.ReplaceAll(rsa.clearsign(text), []byte("\n"), []byte("\r\n"))},
		"detached":           {release: text, releaseGPG: rsa.detach(text)},
		"detached, text":     {release: text, releaseGPG: rsa.detach(text, "--textmode")},
		"detached, CRLF":     {release: crlf, releaseGPG: ed.detach(crlf)},
		"detached, binary":   {release: text, releaseGPG: rsa.gpg(text, "-bs")},
		"two blocks":         {release: text, releaseGPG: append(rsa.detach(text), ed.detach(text)...)},
		"all three":          {inRelease: ed.clearsign(text), release: text, releaseGPG: rsa.detach(text)},
	} {
		got, err := Adapter{}.Root("dists/bookworm", files)
		if err != nil || got.ID != want.ID || len(got.Refs) != 2 {
			t.Errorf("%s: ID %q, %v; want %q", name, got.ID, err, want.ID)
		}
	}
}

func TestRootRefusesWhatDoesNotBelongTogether(t *testing.T) {
	s := newSigner(t, "ed25519")
	old := []byte(releaseText)
	changed := []byte(strings.Replace(releaseText, "12.5", "12.6", 1))
	signed, detached := s.clearsign(old), s.detach(old)
	for name, files := range map[string]map[string][]byte{
		"InRelease altered":        {inRelease: bytes.Replace(signed, []byte("738242"), []byte("738243"), 1)},
		"InRelease, a line less":   {inRelease: bytes.Replace(signed, []byte("Label: Debian\n"), nil, 1)},
		"InRelease, a line more":   {inRelease: bytes.Replace(signed, []byte("-----BEGIN PGP SIGNATURE"), []byte(" "+hash256+" 0 main/x\n-----BEGIN PGP SIGNATURE"), 1)},
		"InRelease, half":          {inRelease: signed[:len(signed)/2]},
		"InRelease, no end":        {inRelease: signed[:len(signed)-10]},
		"InRelease, cut signature": {inRelease: cutArmor(signed)},
		"Release of another time":  {release: changed, releaseGPG: detached},
		"Release cut":              {release: old[:len(old)-20], releaseGPG: detached},
		"Release, text signature":  {release: changed, releaseGPG: s.detach(old, "--textmode")},
		"one of two signatures":    {release: old, releaseGPG: append(s.detach(old), s.detach(changed)...)},
		"Release.gpg, half":        {release: old, releaseGPG: detached[:len(detached)/2]},
		"Release.gpg, cut armor":   {release: old, releaseGPG: cutArmor(detached)},
		"Release.gpg, cut packet":  {release: old, releaseGPG: []byte{0x8b, 4}},
		"InRelease beside another": {inRelease: signed, release: changed},
		"InRelease beside a pair":  {inRelease: signed, release: changed, releaseGPG: s.detach(changed)},
		"a signature alone":        {releaseGPG: detached},
		"nothing":                  {},
	} {
		if got, err := (Adapter{}).Root("", files); !errors.Is(err, repo.ErrIncoherent) {
			t.Errorf("%s: %+v, %v; want repo.ErrIncoherent", name, got, err)
		}
	}
}

// cutArmor takes the middle line out of a signature's armor.
func cutArmor(signed []byte) []byte {
	lines := bytes.SplitAfter(signed, []byte("\n"))
	at := len(lines) - 5
	return bytes.Join(append(lines[:at:at], lines[at+1:]...), nil)
}

func TestRootRefusesWhatIsNoRoot(t *testing.T) {
	portal := []byte("<!DOCTYPE html>\n<html><body>Please log in</body></html>\n")
	text := []byte(releaseText)
	s := newSigner(t, "ed25519")
	for name, tc := range map[string]struct {
		files map[string][]byte
		want  error
	}{
		"a web page before it":   {map[string][]byte{inRelease: append(portal[:len(portal):len(portal)], s.clearsign(text)...)}, repo.ErrFormat},
		"portal as InRelease":    {map[string][]byte{inRelease: portal}, repo.ErrFormat},
		"portal as Release":      {map[string][]byte{release: portal}, repo.ErrFormat},
		"portal as Release.gpg":  {map[string][]byte{release: text, releaseGPG: portal}, repo.ErrFormat},
		"empty InRelease":        {map[string][]byte{inRelease: {}}, repo.ErrFormat},
		"empty Release":          {map[string][]byte{release: {}}, repo.ErrNoStrongHash},
		"empty Release.gpg":      {map[string][]byte{release: text, releaseGPG: {}}, repo.ErrFormat},
		"unsigned InRelease":     {map[string][]byte{inRelease: text}, repo.ErrFormat},
		"text after InRelease":   {map[string][]byte{inRelease: append(s.clearsign(text), "more\n"...)}, repo.ErrFormat},
		"signed Release":         {map[string][]byte{release: s.clearsign(text)}, repo.ErrFormat},
		"a flood of signatures":  {map[string][]byte{release: text, releaseGPG: bytes.Repeat(s.detach(text), 33 /* one over the limit */)}, repo.ErrFormat},
		"a huge InRelease":       {map[string][]byte{inRelease: make([]byte, maxRelease+1)}, repo.ErrTooLarge},
		"a huge Release":         {map[string][]byte{release: make([]byte, maxRelease+1)}, repo.ErrTooLarge},
		"a huge Release.gpg":     {map[string][]byte{release: text, releaseGPG: make([]byte, maxSignature+1)}, repo.ErrTooLarge},
		"MD5 only":               {map[string][]byte{release: []byte("MD5Sum:\n 0ed6d4c8891eb86358b94bb35d9e4da4 1 Packages\n")}, repo.ErrNoStrongHash},
		"an empty list":          {map[string][]byte{release: []byte("SHA256:\n")}, repo.ErrNoStrongHash},
		"a path upwards":         {releaseOf(hash256 + " 1 main/../../x"), repo.ErrFormat},
		"an absolute path":       {releaseOf(hash256 + " 1 /etc/passwd"), repo.ErrFormat},
		"a negative size":        {releaseOf(hash256 + " -1 Packages"), repo.ErrFormat},
		"an absurd size":         {releaseOf(hash256 + " 99999999999999 Packages"), repo.ErrFormat},
		"a size beyond 64 bits":  {releaseOf(hash256 + " 99999999999999999999 Packages"), repo.ErrFormat},
		"no path":                {releaseOf(hash256 + " 1"), repo.ErrFormat},
		"a short hash":           {releaseOf(hash256[1:] + " 1 Packages"), repo.ErrFormat},
		"listed twice":           {releaseOf(hash256+" 1 Packages", strings.ToUpper(hash256[1:])+"0 1 Packages"), repo.ErrFormat},
		"two sizes":              {releaseOf(hash256+" 1 Packages", hash256+" 2 ./Packages"), repo.ErrFormat},
		"two sizes in two lists": {map[string][]byte{release: []byte("SHA256:\n " + hash256 + " 1 a\nMD5Sum:\n " + hash256[:32] + " 2 a\n")}, repo.ErrFormat},
		"an overlong line":       {releaseOf(hash256 + " 1 " + strings.Repeat("a", lineBuffer)), repo.ErrTooLarge},
	} {
		if got, err := (Adapter{}).Root("x", tc.files); !errors.Is(err, tc.want) {
			t.Errorf("%s: %+v, %v; want %v", name, got, err, tc.want)
		}
	}
}

func releaseOf(lines ...string) map[string][]byte {
	return map[string][]byte{release: []byte("Suite: x\nSHA256:\n " + strings.Join(lines, "\n ") + "\n")}
}

func TestReleaseLimitsEntries(t *testing.T) {
	var text bytes.Buffer
	text.WriteString("SHA256:\n")
	for i := range 11 {
		fmt.Fprintf(&text, " %s 1 file%d\n", hash256, i)
	}
	if _, err := parseRelease("", text.Bytes(), 11); err != nil {
		t.Errorf("just the limit: %v", err)
	}
	if _, err := parseRelease("", text.Bytes(), 10); !errors.Is(err, repo.ErrTooLarge) {
		t.Errorf("one over the limit: %v", err)
	}
}

func TestRelease(t *testing.T) {
	sha512 := hash256 + hash256
	got, err := parseRelease("x/dists/noble", []byte("Date: Thu,  5 Sep 2024  9:01:02 +0200\r\n"+
		"MD5Sum:\n "+hash256[:32]+" 7 main/a\n "+hash256[:32]+" 9 Release\n"+
		"sha256:\n "+hash256+" 7 ./main//a\n "+hash256+"\t7\tmain/a\n "+hash256+" 3 Release\n"+
		"SHA512:\n "+sha512+" 7 main/a\n "+sha512+" 8 b\n\nSHA256:\n garbage of another stanza\n"), maxEntries)
	if err != nil || len(got.Refs) != 2 || got.ByHash {
		t.Fatalf("%+v, %v", got, err)
	}
	a, b := got.Refs[0], got.Refs[1]
	if a.Path != "x/dists/noble/main/a" || a.Size != 7 || string(a.Digest) != "sha256:"+hash256 ||
		fmt.Sprint(a.Also) != "[sha512:"+sha512+" md5:"+hash256[:32]+"]" {
		t.Errorf("a = %+v", a)
	}
	if b.Path != "x/dists/noble/b" || string(b.Digest) != "sha512:"+sha512 || b.Also != nil {
		t.Errorf("b = %+v", b)
	}
	if want := time.Date(2024, 9, 5, 7, 1, 2, 0, time.UTC); !got.Date.Equal(want) {
		t.Errorf("Date = %v", got.Date)
	}
}

func TestReleaseDates(t *testing.T) {
	want := time.Date(2024, 2, 1, 11, 7, 25, 0, time.UTC)
	for _, value := range []string{"Thu, 01 Feb 2024 11:07:25 UTC", "Thu, 1 Feb 2024 11:07:25 GMT", "Thu,  1 Feb 2024 12:07:25 +0100"} {
		if got := parseDate(value); !got.Equal(want) {
			t.Errorf("parseDate(%q) = %v", value, got)
		}
	}
	if got := parseDate("yesterday"); !got.IsZero() {
		t.Errorf("parseDate of nonsense = %v", got)
	}
}

func TestMembers(t *testing.T) {
	if got := fmt.Sprint(Adapter{}.Members()); got != "[[InRelease] [Release Release.gpg]]" {
		t.Errorf("Members = %v", got)
	}
}
