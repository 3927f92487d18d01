package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// updates are packages of every kind that change within a release: libraries, tools,
// documents, firmware, kernels, archives in archives. Browsers come last, whose
// updates are new programs.
var updates = []string{
	"ca-certificates", "libcurl4", "nginx", "tzdata", "bind9-libs", "libssl-doc", "php8.2-cli", "libssl3",
	"linux-libc-dev", "libtomcat10-java", "perl-base", "libpython3.11-stdlib", "systemd", "libc6", "ovmf",
	"perl-modules-5.36", "samba-libs", "qemu-system-x86", "git", "mariadb-server-core", "libnode108",
	"postgresql-15", "libreoffice-common", "libreoffice-core", "libwebkit2gtk-4.0-37", "containerd",
	"openjdk-17-jre-headless", "linux-image-6.1.0-#-cloud-amd64", "linux-image-6.1.0-#-amd64",
	"chromium", "firefox-esr",
}

var (
	quickUpdates = []string{"libssl3", "perl-base", "tzdata"}
	browsers     = []string{"chromium", "firefox-esr"}
)

var errOneVersion = errors.New("apt knows one version only")

// update is an artifact in an older and a newer version.
type update struct {
	name      string
	old, new  string // files
	content   int64  // bytes of the new one, unpacked
	whole     int64  // bytes that a client would fetch of it otherwise; 0: the file's
	candidate bool   // counts among the .deb updates
}

// apt fetches with this machine's own configuration.
type apt struct{ dir string }

// update fetches the two versions of a package; a # in its name stands for the number
// that its versions have in their name.
func (a apt) update(ctx context.Context, name string) (u update, err error) {
	u = update{name: name, candidate: !slices.Contains(browsers, name)}
	older, newer, err := a.versions(ctx, name)
	if err != nil {
		return u, err
	}
	if u.old, err = a.fetch(ctx, older); err != nil {
		return u, err
	}
	if u.new, err = a.fetch(ctx, newer); err != nil {
		return u, err
	}
	u.content, err = unpackedSize(ctx, u.new)
	return u, err
}

// versions are the oldest and the newest, as apt-get download takes them.
func (a apt) versions(ctx context.Context, name string) (older, newer string, err error) {
	if before, after, ok := strings.Cut(name, "#"); ok {
		pattern := "^" + before + "[0-9]+" + after + "$"
		out, err := exec.CommandContext(ctx, "apt-cache", "pkgnames", before).Output()
		if err != nil {
			return "", "", err
		}
		names := slices.DeleteFunc(strings.Fields(string(out)), func(n string) bool { return !numbered(n, before, after) })
		if len(names) < 2 {
			return "", "", fmt.Errorf("%w: %s", errOneVersion, pattern)
		}
		slices.Sort(names)
		return names[len(names)-2], names[len(names)-1], nil
	}
	out, err := exec.CommandContext(ctx, "apt-cache", "madison", name).Output()
	if err != nil {
		return "", "", err
	}
	var all []string
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		if f := strings.Split(sc.Text(), "|"); len(f) == 3 && !strings.HasSuffix(f[2], "Sources") {
			all = append(all, strings.TrimSpace(f[1]))
		}
	}
	slices.SortFunc(all, func(a, b string) int {
		switch {
		case a == b:
			return 0
		case exec.CommandContext(ctx, "dpkg", "--compare-versions", a, "lt", b).Run() == nil:
			return -1
		}
		return 1
	})
	all = slices.Compact(all)
	if len(all) < 2 {
		return "", "", errOneVersion
	}
	return name + "=" + all[len(all)-2], name + "=" + all[len(all)-1], nil
}

// numbered reports a name with nothing but digits between the two.
func numbered(name, before, after string) bool {
	mid, ok := strings.CutPrefix(name, before)
	if !ok {
		return false
	}
	mid, ok = strings.CutSuffix(mid, after)
	return ok && mid != "" && strings.Trim(mid, "0123456789") == ""
}

// fetch has the package's file, from the run before where that kept it.
func (a apt) fetch(ctx context.Context, spec string) (file string, err error) {
	dir := filepath.Join(a.dir, strings.NewReplacer("=", "_", ":", "_", "~", "_").Replace(spec))
	if all, _ := filepath.Glob(filepath.Join(dir, "*.deb")); len(all) == 1 {
		return all[0], nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", spec)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("apt-get download %s: %w: %s", spec, err, bytes.TrimSpace(out))
	}
	all, _ := filepath.Glob(filepath.Join(dir, "*.deb"))
	if len(all) != 1 {
		return "", fmt.Errorf("apt-get download %s: %d files", spec, len(all))
	}
	return all[0], nil
}
