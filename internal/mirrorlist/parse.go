package mirrorlist

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"mirrord/internal/digest"
)

const (
	// BytesMost is what a list may have. Fedora's longest is under 100 KiB.
	BytesMost = 1 << 20
	// MirrorsMost is how many mirrors are taken from one list: enough to choose from,
	// and the first are the nearest.
	MirrorsMost = 50
	// digestsMost bounds the states that a metalink may vouch for; MirrorManager keeps
	// those of three days.
	digestsMost = 64
	textMost    = 4 << 10 // bytes of one URL or hash
	depthMost   = 32
)

// ErrFormat reports a list that cannot be read.
var ErrFormat = errors.New("not a list of mirrors")

// Listing is what a list says.
type Listing struct {
	// Repos are URLs of the listed repository, the preferred first: http or https,
	// without user, query and fragment, and without the slash at their end. One
	// place is there once, by https where it has that. A list with digests may have none.
	Repos []*url.URL
	// Digests are those that repomd.xml may have, the newest first; none where the
	// list does not say.
	Digests []digest.Digest
}

// Parse reads a list of that kind.
func (k Kind) Parse(text []byte) (Listing, error) {
	if len(text) > BytesMost {
		return Listing{}, fmt.Errorf("%w: %d bytes, expected at most %d", ErrFormat, len(text), BytesMost)
	}
	var l Listing
	var err error
	if k == Metalink {
		l, err = parseMetalink(text)
	} else {
		l, err = parsePlain(text)
	}
	if err == nil && len(l.Repos)+len(l.Digests) == 0 {
		err = fmt.Errorf("%w: it names no mirror", ErrFormat)
	}
	return l, err
}

// parsePlain reads one URL a line, with comments.
func parsePlain(text []byte) (l Listing, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		l.add(strings.TrimSpace(lines.Text()))
	}
	if lines.Err() != nil {
		return Listing{}, fmt.Errorf("%w: a line that is too long", ErrFormat)
	}
	return l, nil
}

const repomd = "/repodata/repomd.xml"

// choice is a URL of a metalink.
type choice struct {
	url        string
	preference int
}

// parseMetalink reads what stands under file name="repomd.xml": the hashes, also those
// of mm0:alternates, and the URLs. Versions 3, dnf's, and 4 (RFC 5854) are alike in that.
func parseMetalink(text []byte) (Listing, error) {
	var l Listing
	var urls []choice
	var open []string // the elements around, by local name
	wanted := false   // within the file
	dec := xml.NewDecoder(bytes.NewReader(text))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Listing{}, fmt.Errorf("%w: %s", ErrFormat, short(err.Error()))
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(open) == 0 && t.Name.Local != "metalink" || len(open) == depthMost {
				return Listing{}, fmt.Errorf("%w: no metalink", ErrFormat)
			}
			switch name := t.Name.Local; {
			case name == "file":
				wanted = attr(t, "name") == "repomd.xml"
			case wanted && (name == "hash" || name == "url"):
				value, err := content(dec)
				if err != nil {
					return Listing{}, err
				}
				if name == "hash" {
					l.vouch(attr(t, "type"), value)
					continue
				}
				urls = append(urls, choice{value, preference(t)})
				continue
			}
			open = append(open, t.Name.Local)
		case xml.EndElement:
			open = open[:len(open)-1]
			wanted = wanted && t.Name.Local != "file"
		}
	}
	slices.SortStableFunc(urls, func(a, b choice) int { return cmp.Compare(b.preference, a.preference) })
	for _, c := range urls {
		if repo, ok := strings.CutSuffix(c.url, repomd); ok {
			l.add(repo)
		}
	}
	return l, nil
}

// content is the text up to the end of the element that was begun.
func content(dec *xml.Decoder) (string, error) {
	var text strings.Builder
	for {
		token, err := dec.Token()
		if err != nil {
			return "", fmt.Errorf("%w: %s", ErrFormat, short(err.Error()))
		}
		switch t := token.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.StartElement:
			return "", fmt.Errorf("%w: an element within a value", ErrFormat)
		case xml.EndElement:
			if text.Len() > textMost {
				return "", fmt.Errorf("%w: a value of %d bytes", ErrFormat, text.Len())
			}
			return strings.TrimSpace(text.String()), nil
		}
	}
}

func attr(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// preference is higher for the better; version 4 has a priority, lower for the better.
func preference(t xml.StartElement) int {
	if p, err := strconv.Atoi(attr(t, "priority")); err == nil {
		return -p
	}
	p, _ := strconv.Atoi(attr(t, "preference"))
	return p
}

// vouch takes a strong digest; the weak ones prove nothing. Version 4 writes sha-256.
func (l *Listing) vouch(alg, hex string) {
	d, err := digest.New(digest.Algorithm(strings.ReplaceAll(strings.ToLower(alg), "-", "")), hex)
	if err == nil && d.Strong() && len(l.Digests) < digestsMost && !slices.Contains(l.Digests, d) {
		l.Digests = append(l.Digests, d)
	}
}

// add takes a mirror that may be one.
func (l *Listing) add(text string) {
	u, err := url.Parse(text)
	if err != nil || len(text) > textMost || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") || slices.Contains(strings.Split(u.Path, "/"), "..") {
		return
	}
	u.Host = strings.ToLower(u.Host)
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	for i, known := range l.Repos {
		if known.Host == u.Host && known.Path == u.Path {
			if known.Scheme == "http" {
				l.Repos[i] = u
			}
			return
		}
	}
	if len(l.Repos) < MirrorsMost {
		l.Repos = append(l.Repos, u)
	}
}

// Base is the tree on the mirror that a listed repository lies in: its URL less the
// template's path. Where the mirror has it elsewhere there is none.
func (t Template) Base(repo *url.URL) (*url.URL, bool) {
	want, have := elements(t.Path), elements(repo.Path)
	if len(have) < len(want) || repo.RawPath != "" {
		return nil, false
	}
	cut := len(have) - len(want)
	if !matchPath(t.Path, strings.Join(have[cut:], "/"), map[string]string{}) {
		return nil, false
	}
	base := *repo
	base.Path = ""
	if cut > 0 {
		base.Path = "/" + strings.Join(have[:cut], "/")
	}
	return &base, !strings.Contains(base.Path, "$")
}

// Vouches reports whether text has one of the digests, or there are none.
func (l Listing) Vouches(text []byte) bool {
	if len(l.Digests) == 0 {
		return true
	}
	return slices.ContainsFunc(l.Digests, func(d digest.Digest) bool {
		h := d.NewHash()
		h.Write(text)
		return digest.FromSum(d.Algorithm(), h.Sum(nil)) == d
	})
}

// short holds foreign text to one short line.
func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return s[:min(len(s), 100)]
}
