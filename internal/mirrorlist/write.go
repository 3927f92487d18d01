package mirrorlist

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"time"

	"mirrord/internal/digest"
)

// State is one state of repomd.xml.
type State struct {
	Digest digest.Digest
	Size   int64     // bytes
	Date   time.Time // zero = not told
}

// metalinkForm is MirrorManager's, which is what dnf and zypper were written for.
const metalinkForm = xml.Header + `<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" generator="mirrord" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files>
  <file name="repomd.xml">
%[1]s   <mm0:alternates>
%[2]s   </mm0:alternates>
   <resources>
    <url protocol="%[3]s" type="%[3]s" preference="100">%[4]s</url>
   </resources>
  </file>
 </files>
</metalink>
`

// WriteMetalink lists one mirror, which has the repository at base, and the states that
// its repomd.xml may have: first, and as others while they last.
func WriteMetalink(base *url.URL, first State, others []State) []byte {
	var alternates strings.Builder
	for _, s := range others {
		alternates.WriteString("    <mm0:alternate>\n" + s.elements("     ") + "    </mm0:alternate>\n")
	}
	var at bytes.Buffer
	_ = xml.EscapeText(&at, []byte(base.JoinPath(repomd).String())) // into memory
	return fmt.Appendf(nil, metalinkForm, first.elements("   "), alternates.String(), base.Scheme, at.String())
}

// elements are what the state is told by, a line each after indent.
func (s State) elements(indent string) string {
	var b strings.Builder
	if !s.Date.IsZero() {
		fmt.Fprintf(&b, "%s<mm0:timestamp>%d</mm0:timestamp>\n", indent, s.Date.Unix())
	}
	fmt.Fprintf(&b, "%[1]s<size>%[2]d</size>\n%[1]s<verification>\n%[1]s <hash type=%[3]q>%[4]s</hash>\n%[1]s</verification>\n",
		indent, s.Size, s.Digest.Algorithm(), s.Digest.Hex())
	return b.String()
}

// WriteMirrorlist lists one mirror, which has the repository at base.
func WriteMirrorlist(base *url.URL) []byte { return []byte(base.String() + "/\n") }
