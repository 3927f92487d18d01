// Package digest names bytes by what they are: an algorithm and a hash, written
// "sha256:9f86d0…" as the OCI image specification writes it. Everything mirrord
// vouches for is compared as one of these values.
package digest
