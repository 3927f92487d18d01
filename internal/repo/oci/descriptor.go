package oci

import (
	"encoding/json"
	"errors"
	"fmt"

	"mirrord/internal/digest"
)

// Descriptor is a manifest's promise about one object.
type Descriptor struct {
	MediaType    string
	Digest       digest.Digest // strong
	Size         int64         // bytes
	Platform     *Platform     // nil where not told
	ArtifactType string
}

// parseDescriptors takes null for an empty list, as some tools write it.
func parseDescriptors(array json.RawMessage) (list []Descriptor, err error) {
	if isNull(array) {
		return nil, nil
	}
	err = eachElement(array, func(value json.RawMessage) error {
		if len(list) == maxDescriptors {
			return fmt.Errorf("expected at most %d", maxDescriptors)
		}
		d, err := parseDescriptor(value)
		if err == nil {
			list = append(list, *d)
		}
		return err
	})
	return list, err
}

func parseDescriptor(object json.RawMessage) (*Descriptor, error) {
	d := Descriptor{Size: -1}
	err := eachMember(object, func(key string, value json.RawMessage) (err error) {
		switch key {
		case "mediaType":
			err = json.Unmarshal(value, &d.MediaType)
		case "artifactType":
			err = json.Unmarshal(value, &d.ArtifactType)
		case "size":
			err = json.Unmarshal(value, &d.Size)
		case "digest":
			var text string
			if err = json.Unmarshal(value, &text); err == nil {
				d.Digest, err = parseDigest(text)
			}
		case "platform":
			d.Platform, err = parsePlatformObject(value)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case d.Digest == "":
		return nil, errors.New("no digest")
	case d.Size < 0:
		return nil, fmt.Errorf("size %d, expected the number of bytes", d.Size)
	}
	return &d, nil
}

func parsePlatformObject(object json.RawMessage) (*Platform, error) {
	if isNull(object) {
		return nil, nil
	}
	var p Platform
	fields := map[string]*string{"os": &p.OS, "architecture": &p.Architecture, "variant": &p.Variant, "os.version": &p.OSVersion}
	err := eachMember(object, func(key string, value json.RawMessage) error {
		if field, ok := fields[key]; ok {
			return json.Unmarshal(value, field)
		}
		return nil
	})
	return &p, err
}
