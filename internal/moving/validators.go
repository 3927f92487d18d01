package moving

import (
	"net/http"
	"strings"

	"mirrord/internal/cache"
)

// Validators are what upstream said of a file, in the words of foreign files.
type Validators struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	ContentType  string `json:"content_type,omitempty"`
}

// fieldMost is the longest of them that is taken over, in bytes.
const fieldMost = 256

// meta leaves out what upstream could not have said: it would be asked with it.
func (v Validators) meta() cache.Meta {
	m := cache.Meta{ETag: field(v.ETag), LastModified: field(v.LastModified), ContentType: field(v.ContentType)}
	if tag := strings.TrimPrefix(m.ETag, "W/"); len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		m.ETag = ""
	}
	if _, err := http.ParseTime(m.LastModified); err != nil {
		m.LastModified = ""
	}
	return m
}

// field is s where it can be a field's value, else "".
func field(s string) string {
	if len(s) > fieldMost || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
		return ""
	}
	return s
}

func validatorsOf(m cache.Meta) Validators {
	return Validators{ETag: m.ETag, LastModified: m.LastModified, ContentType: m.ContentType}
}
