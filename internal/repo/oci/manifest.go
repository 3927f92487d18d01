package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// The kinds of manifest that are served.
const (
	TypeManifest       = "application/vnd.oci.image.manifest.v1+json"
	TypeIndex          = "application/vnd.oci.image.index.v1+json"
	TypeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	TypeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// AcceptManifests is the Accept field that asks upstream for all of them. Without it
// registries turn an index into the manifest of some platform.
const AcceptManifests = TypeIndex + ", " + TypeDockerList + ", " + TypeManifest + ", " + TypeDockerManifest

// ManifestMost is how many bytes a manifest may have: what registries accept.
const ManifestMost = 4 << 20

// maxDescriptors is how many objects one manifest may name. Docker stops at 127 layers;
// the largest indexes of artifacts have some thousand.
const maxDescriptors = 10_000

// Manifest is an image (Config, Layers) or an index of them (Manifests).
type Manifest struct {
	MediaType string // one of the four, also where the document leaves it out
	Index     bool
	Manifests []Descriptor
	Config    *Descriptor
	Layers    []Descriptor
}

// document is a manifest before it is known what of.
type document struct {
	Manifest
	schemaVersion             int
	manifests, layers, config bool // which of these stand in it
	schema1                   bool
}

// ParseManifest reads what upstream called contentType, "" where it said nothing. The
// bytes are taken for what every client takes them for, or refused: no document is both
// an image and an index (CVE-2021-41190), none contradicts its content type, and in
// what is read here no key stands twice.
func ParseManifest(b []byte, contentType string) (Manifest, error) {
	m, err := parseManifest(b, contentType)
	if err != nil {
		return Manifest{}, fmt.Errorf("not a manifest: %w", err)
	}
	return m, nil
}

func parseManifest(b []byte, contentType string) (Manifest, error) {
	switch {
	case len(b) > ManifestMost:
		return Manifest{}, fmt.Errorf("%d bytes, expected at most %d", len(b), ManifestMost)
	case !json.Valid(b):
		return Manifest{}, fmt.Errorf("%.40q, expected JSON", b)
	}
	var doc document
	if err := eachMember(b, doc.member); err != nil {
		return Manifest{}, err
	}
	if err := doc.settleType(contentType); err != nil {
		return Manifest{}, err
	}
	return doc.Manifest, doc.checkShape()
}

func (doc *document) member(key string, value json.RawMessage) (err error) {
	switch key {
	case "schemaVersion":
		err = json.Unmarshal(value, &doc.schemaVersion)
	case "mediaType":
		err = json.Unmarshal(value, &doc.MediaType)
	case "manifests":
		doc.manifests = true
		doc.Manifests, err = parseDescriptors(value)
	case "layers":
		doc.layers = true
		doc.Layers, err = parseDescriptors(value)
	case "config":
		doc.config = true
		doc.Config, err = parseDescriptor(value)
	case "subject":
		if !isNull(value) {
			_, err = parseDescriptor(value) // what it is about
		}
	case "fsLayers":
		doc.schema1 = true
	}
	return err
}

// settleType finds the one kind that content type, mediaType and members agree on.
func (doc *document) settleType(contentType string) error {
	sent, _, _ := strings.Cut(contentType, ";")
	sent = strings.ToLower(strings.TrimSpace(sent))
	if sent == "application/json" || sent == "application/octet-stream" {
		sent = "" // what static servers say of any manifest
	}
	switch {
	case doc.MediaType != "" && sent != "" && doc.MediaType != sent:
		return fmt.Errorf("mediaType %.80q, but it was sent as %.80q", doc.MediaType, sent)
	case doc.MediaType != "":
	case sent != "":
		doc.MediaType = sent
	case doc.manifests:
		doc.MediaType = TypeIndex
	case doc.config:
		doc.MediaType = TypeManifest
	}
	switch doc.MediaType {
	case TypeIndex, TypeDockerList:
		doc.Index = true
	case TypeManifest, TypeDockerManifest:
	default:
		return fmt.Errorf("type %.80q, expected an OCI image manifest or index, or Docker's version 2 schema 2", doc.MediaType)
	}
	return nil
}

func (doc *document) checkShape() error {
	switch {
	case doc.schema1:
		return errors.New("fsLayers of schema 1, expected schema 2")
	case doc.schemaVersion != 0 && doc.schemaVersion != 2: // Docker and containerd do without it
		return fmt.Errorf("schema version %d, expected 2", doc.schemaVersion)
	case doc.manifests && (doc.config || doc.layers):
		return errors.New("both manifests and config or layers, expected an index or an image")
	case doc.Index && !doc.manifests:
		return fmt.Errorf("type %s without manifests", doc.MediaType)
	case !doc.Index && !doc.config:
		return fmt.Errorf("type %s without config", doc.MediaType)
	}
	return nil
}

// IsManifestType reports one of the kinds that are served.
func IsManifestType(mediaType string) bool {
	switch mediaType {
	case TypeManifest, TypeIndex, TypeDockerManifest, TypeDockerList:
		return true
	}
	return false
}
