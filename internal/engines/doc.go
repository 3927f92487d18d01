// Package engines writes what container engines are told about a mirrord: text of
// a configuration file goes in (or none), text with the mirrord in it comes out.
// dockerd has one daemon.json, containerd a hosts.toml for each registry, podman (and
// skopeo, buildah, CRI-O) a file of [[registry]] tables. What else stands in a file
// stays as its author wrote it; a file that cannot be changed safely is refused.
package engines
