// Package oci reads the words of container registries. A request of the pull side
// becomes a Request; a closed table of registries and the operator's aliases turn it
// into Places, tried in order; what upstream answers there becomes a Manifest:
//
//	GET /v2/alpine/manifests/3.12 ──> Request ──> Places: docker.io library/alpine:3.12
//	                                                      docker.io alpine:3.12
//	index ──> manifest of a platform ──> config, layers          (each named by its digest)
//
// Everything here is foreign: it is read strictly, within limits, and only what was
// read is passed on, never the text it came in.
//
// Formats: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md,
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md and image-index.md,
// https://distribution.github.io/distribution/spec/manifest-v2-2/.
package oci
