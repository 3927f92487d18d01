package oci

import (
	"fmt"
	"strings"
)

// Platform is what an image runs on, in Go's words for systems and processors.
type Platform struct {
	OS, Architecture string
	Variant          string // of the processor: "v7"; "" for the usual one
	OSVersion        string
}

// machines are uname's words for what Go calls otherwise.
var machines = map[string]string{"x86_64": "amd64", "aarch64": "arm64"}

// usualVariant is what an architecture without a variant means.
var usualVariant = map[string]string{"amd64": "v1", "arm64": "v8", "arm": "v7"}

// ParsePlatform reads "linux/amd64" or "linux/arm/v6".
func ParsePlatform(s string) (Platform, error) {
	parts := strings.Split(s, "/")
	for _, part := range parts {
		if len(parts) < 2 || len(parts) > 3 || !isTag(part) {
			return Platform{}, fmt.Errorf("platform %.80q, expected OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, such as linux/arm64", s)
		}
	}
	p := Platform{OS: strings.ToLower(parts[0]), Architecture: strings.ToLower(parts[1])}
	if len(parts) == 3 {
		p.Variant = strings.ToLower(parts[2])
	}
	if known, ok := machines[p.Architecture]; ok {
		p.Architecture = known
	}
	return p, nil
}

// Matches reports whether what is offered is what p asks for. A missing variant is the
// usual one; a missing version of the system is any. Another variant never matches,
// even one that would run.
func (p Platform) Matches(offered Platform) bool {
	return p.OS == offered.OS && p.Architecture == offered.Architecture &&
		p.variant() == offered.variant() && (p.OSVersion == "" || p.OSVersion == offered.OSVersion)
}

func (p Platform) variant() string {
	if p.Variant == "" {
		return usualVariant[p.Architecture]
	}
	return p.Variant
}

func (p Platform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}
