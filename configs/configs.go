// Package configs carries the configuration that mirrord runs on when it is given
// none: default.yaml, the catalogue of public repositories.
package configs

import _ "embed"

// Default is the text of default.yaml.
//
//go:embed default.yaml
var Default []byte
