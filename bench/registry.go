package main

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
)

// blobRepository is the repository that holds every object as a blob.
const blobRepository = "library/bench"

// serveRegistry says what a client asks first: this is a registry, without a login.
func (u *upstream) serveRegistry(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("{}"))
}

func (u *upstream) serveBlob(w http.ResponseWriter, r *http.Request) {
	digest := r.PathValue("digest")
	name, ok := u.blobs[digest]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", `"`+digest+`"`)
	u.serve(w, r, name)
}

// startRegistry runs Debian's docker-registry as a pull-through cache, set as the
// package sets it, but without a login and an access log: the others have none either.
func startRegistry(ctx context.Context, f *fleet, dir string, _ options, repo *repository) error {
	if err := f.debian(ctx, registryName); err != nil {
		return err
	}
	origin, err := f.origin(repo)
	if err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	conf := strings.Join([]string{
		"version: 0.1",
		"log: {level: error, accesslog: {disabled: true}}",
		"storage:",
		"  cache: {blobdescriptor: inmemory}",
		"  filesystem: {rootdirectory: " + filepath.Join(dir, "data") + "}",
		"  delete: {enabled: true}", // a proxy asks for it, to drop what has expired
		"http: {addr: " + addr + ", secret: bench}",
		"proxy: {remoteurl: " + origin.Registry + "}",
	}, "\n") + "\n"
	if err := writeFile(dir, "registry.yml", []byte(conf)); err != nil {
		return err
	}
	p, err := f.run(ctx, dir, addr, registryName, "serve", filepath.Join(dir, "registry.yml"))
	if err != nil {
		return err
	}
	f.add(&server{name: registryName, base: "http://" + addr + "/v2/" + blobRepository, blobs: true, pid: p.cmd.Process.Pid, origin: origin})
	return nil
}
