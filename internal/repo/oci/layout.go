package oci

import (
	"encoding/json"
	"fmt"
	"path"

	"mirrord/internal/digest"
)

// The files of an image layout, a directory with one repository in it.
// Format: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md.
const (
	LayoutFile  = "oci-layout"
	LayoutIndex = "index.json"
	LayoutMark  = `{"imageLayoutVersion":"1.0.0"}`
)

// LayoutIndexMost is how large an index.json may be, in bytes: 10,000 manifests take 3 MB.
const LayoutIndexMost = 8 << 20

// tagKey is the annotation that holds a manifest's tag.
const tagKey = "org.opencontainers.image.ref.name"

// LayoutBlob is where a layout has the bytes of a digest.
func LayoutBlob(d digest.Digest) string { return path.Join("blobs", string(d.Algorithm()), d.Hex()) }

// Tagged is a manifest that an index.json lists.
type Tagged struct {
	MediaType string
	Digest    digest.Digest
	Size      int64  // bytes
	Tag       string // "" where it has none
}

// WriteLayout makes an index.json.
func WriteLayout(list []Tagged) ([]byte, error) {
	type descriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      digest.Digest     `json:"digest"`
		Size        int64             `json:"size"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	index := struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Manifests     []descriptor `json:"manifests"`
	}{2, TypeIndex, []descriptor{}}
	for _, t := range list {
		d := descriptor{MediaType: t.MediaType, Digest: t.Digest, Size: t.Size}
		if t.Tag != "" {
			d.Annotations = map[string]string{tagKey: t.Tag}
		}
		index.Manifests = append(index.Manifests, d)
	}
	return json.MarshalIndent(index, "", "  ")
}

// ParseLayout reads an index.json. A tag that is none counts as no tag: layouts may have
// anything in its place.
func ParseLayout(data []byte) (list []Tagged, err error) {
	if len(data) > LayoutIndexMost || !json.Valid(data) {
		return nil, fmt.Errorf("%.40q, expected JSON of at most %d bytes", data, LayoutIndexMost)
	}
	err = eachMember(data, func(key string, value json.RawMessage) error {
		if key != "manifests" {
			return nil
		}
		return eachElement(value, func(value json.RawMessage) error {
			if len(list) == maxDescriptors {
				return fmt.Errorf("expected at most %d", maxDescriptors)
			}
			t, err := parseTagged(value)
			list = append(list, t)
			return err
		})
	})
	return list, err
}

func parseTagged(object json.RawMessage) (Tagged, error) {
	d, err := parseDescriptor(object)
	if err != nil {
		return Tagged{}, err
	}
	t := Tagged{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
	err = eachMember(object, func(key string, value json.RawMessage) error {
		if key != "annotations" || isNull(value) {
			return nil
		}
		return eachMember(value, func(key string, value json.RawMessage) error {
			var tag string
			if key == tagKey && json.Unmarshal(value, &tag) == nil && isTag(tag) {
				t.Tag = tag
			}
			return nil
		})
	})
	return t, err
}

// IsRepository reports whether s is the name of a repository.
func IsRepository(s string) bool { return isName(s) }
