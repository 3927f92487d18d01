package oci

import (
	"encoding/json"

	"mirrord/internal/digest"
)

// ReferrersTag is the tag under which a registry without the referrers API keeps the
// index of what refers to d. The specification cuts the algorithm at 32 characters and
// the hash at 64, so sha512 is cut.
func ReferrersTag(d digest.Digest) string {
	sum := d.Hex()
	return string(d.Algorithm()) + "-" + sum[:min(len(sum), 64)]
}

// EmptyIndex is the answer where nothing refers to a digest.
func EmptyIndex() []byte { return newIndex([]json.RawMessage{}) }

// Referrers checks an index and keeps of it what is of the artifact type. Without a
// type it is as it came. filtered tells the client that it need not filter itself.
func Referrers(index []byte, artifactType string) (out []byte, filtered bool, err error) {
	if _, err := ParseManifest(index, TypeIndex); err != nil {
		return nil, false, err
	}
	if artifactType == "" {
		return index, false, nil
	}
	kept := []json.RawMessage{}
	err = eachMember(index, func(key string, value json.RawMessage) error {
		if key != "manifests" || isNull(value) {
			return nil
		}
		return eachElement(value, func(descriptor json.RawMessage) error {
			d, err := parseDescriptor(descriptor)
			if err == nil && d.ArtifactType == artifactType {
				kept = append(kept, descriptor)
			}
			return err
		})
	})
	return newIndex(kept), true, err
}

func newIndex(manifests []json.RawMessage) []byte {
	text, _ := json.Marshal(struct { // of valid JSON
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Manifests     []json.RawMessage `json:"manifests"`
	}{2, TypeIndex, manifests})
	return text
}
