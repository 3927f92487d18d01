package config

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const whole = `
listen: ["127.0.0.1:8080", ":81"]
public_url: https://Mirror.example/all/
data_dir: /srv/mirrord
offline: true
drain: 0s
drain_delay: 3s
log: {format: json, level: warn}
access_log: {file: stdout, format: json}
cache: {max_size: 10GiB, min_free: 512MiB, abandoned: park, scrub: 2MiB/s}
admin: {token_file: /srv/token}
upstream: {connect_timeout: 1s, header_timeout: 2s, idle_timeout: 3s}
repos:
  - {name: debian, type: apt, upstreams: ["http://A.example/debian/", "https://u:p@b.example:8443/debian"], keyring: KEYRING, verify: off}
  - name: files
    type: generic
    upstreams:
      - https://files.example/pub
    fresh: 5m
    redirects: ["*.cdn.example", "cdn.example:8443"]
    default: false
`

func keyringFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keyring.gpg")
	if err := os.WriteFile(file, []byte("key"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestParseWhole(t *testing.T) {
	keyring := keyringFile(t)
	cfg, err := Parse("m.yaml", []byte(strings.ReplaceAll(whole, "KEYRING", keyring)))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Listen) != 2 || cfg.Listen[1] != ":81" || cfg.DataDir != "/srv/mirrord" || cfg.Admin.TokenFile != "/srv/token" || !cfg.Offline || cfg.PublicURL.String() != "https://mirror.example/all" {
		t.Errorf("top: %+v", cfg)
	}
	if cfg.Log != (Log{JSON: true, Level: slog.LevelWarn}) || cfg.AccessLog != (AccessLog{File: Stdout, JSON: true}) {
		t.Errorf("logs: %+v, %+v", cfg.Log, cfg.AccessLog)
	}
	if cfg.Cache != (Cache{MaxSize: 10 << 30, MinFree: 512 << 20, Abandoned: Park, Scrub: 2 << 20}) {
		t.Errorf("cache: %+v", cfg.Cache)
	}
	if cfg.Upstream != (Timeouts{time.Second, 2 * time.Second, 3 * time.Second}) {
		t.Errorf("upstream: %+v", cfg.Upstream)
	}
	debian, files := cfg.Repos[0], cfg.Repos[1]
	if debian.Name != "debian" || debian.Type != Apt || debian.Keyring != keyring || debian.Fresh != 10*time.Second {
		t.Errorf("debian: %+v", debian)
	}
	if got := debian.Upstreams[0].String(); got != "http://a.example/debian" {
		t.Errorf("first upstream: %s", got)
	}
	if files.Type != Generic || files.Fresh != 5*time.Minute || len(files.Redirects) != 2 {
		t.Errorf("files: %+v", files)
	}
}

func TestDefault(t *testing.T) {
	cfg, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, repo := range cfg.Repos {
		names = append(names, repo.Name)
		if (repo.Type == Apt || repo.Type == RPM) && len(repo.Upstreams) < 2 {
			t.Errorf("%s has %d mirrors, want several", repo.Name, len(repo.Upstreams))
		}
	}
	const want = "debian debian-security ubuntu ubuntu-security ubuntu-ports " +
		"fedora epel centos-stream rocky almalinux opensuse " +
		"docker.io ghcr.io quay.io registry.k8s.io gcr.io public.ecr.aws mcr.microsoft.com registry.gitlab.com"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("catalogue: %s", got)
	}
	if cfg.Listen[0] != "127.0.0.1:8080" || cfg.Cache.MaxSize != 50<<30 || cfg.Cache.MinFree != 2<<30 || cfg.Cache.Abandoned != Finish || cfg.Offline {
		t.Errorf("defaults: %+v", cfg)
	}
}

func TestRPM(t *testing.T) {
	keyring := keyringFile(t)
	text := `repos: [{name: f, type: rpm, upstreams: ["https://a.example/linux/"], verify: off, keyring: ` + keyring + `}]`
	cfg, err := Parse("m.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if r := cfg.Repos[0]; r.Type != RPM || r.Fresh != 10*time.Second || r.Keyring != keyring || r.Upstreams[0].String() != "https://a.example/linux" {
		t.Errorf("%+v", r)
	}
}

// A file without repos is served the catalogue; so is an empty one.
func TestCatalogueWhereNoReposAreNamed(t *testing.T) {
	catalogue, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "# nothing\n", "listen: [\":9\"]\n", "aliases: {a: b}\n"} {
		cfg, err := Parse("m.yaml", []byte(text))
		if err != nil || len(cfg.Repos) != len(catalogue.Repos) || cfg.File != "m.yaml" {
			t.Errorf("Parse(%q) = %+v, %v", text, cfg, err)
		}
	}
}

func TestRatesAndConnections(t *testing.T) {
	cfg, err := Parse("m.yaml", []byte(one("apt,", "apt, connections: 3, max_size: 10GiB, rate: 50MB/s,")))
	if err != nil || cfg.Repos[0].Connections != 3 || cfg.Repos[0].Rate != 50e6 || cfg.Repos[0].MaxSize != 10<<30 {
		t.Errorf("%+v, %v", cfg, err)
	}
	refuse(t, []refusal{
		{one("apt,", "apt, connections: 5,"), `m.yaml:3: connections: "5" is no number of connections, expected a number from 1 to 4`},
		{one("apt,", "apt, connections: 0,"), `m.yaml:3: connections: "0" is no number`},
		{one("apt,", "apt, rate: 50MB,"), `m.yaml:3: rate: "50MB" is not a rate, expected a rate such as 50MB/s or 512KiB/s`},
		{one("apt,", "apt, max_size: 10g,"), `m.yaml:3: max_size: "10g" has an unknown unit, expected a size such as`},
		{one("apt,", "apt, max_size: 0,"), `m.yaml:3: max_size: a cache of no bytes holds nothing`},
		{one("apt,", "apt, rate: 1B/s,"), `m.yaml:3: rate: "1B/s" is less than a modem's`},
	})
}

// one is a repository line with one part of it replaced.
func one(old, replacement string) string {
	const good = `{name: a, type: apt, upstreams: ["http://a.example/d"]}`
	return "listen: [\":1\"]\nrepos:\n  - " + strings.Replace(good, old, replacement, 1) + "\n"
}

func TestRefused(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	refuse(t, []refusal{
		{"listen: [\":1\"]\nlisten: [\":2\"]\n", `m.yaml:2: mapping key "listen" already defined`},
		{"a: [\n", "m.yaml:1: "},
		{"- a\n", `m.yaml:1: the configuration is a list, expected a mapping`},
		{"listen: [\":1\"]\n---\nlisten: [\":2\"]\n", "m.yaml:2: a second YAML document"},
		{"\nlissen: []\n", `m.yaml:2: unknown key "lissen" in the configuration, expected one of: access_log, admin, aliases, cache, data_dir, drain, drain_delay, fleet, listen, listen_tls, log, offline, public_url, repos, tls, tracing, upstream`},
		{"listen: \":1\"\n", `m.yaml:1: listen is ":1", expected a list`},
		{"listen: []\n", `m.yaml:1: listen is an empty list, expected at least one address here or in listen_tls`},
		{"listen:\n", `m.yaml:1: listen is empty`},
		{"log: {format: xml}\n", `m.yaml:1: format: "xml" is unknown, expected text or json`},
		{"log: {level: all}\n", `m.yaml:1: level: "all" is unknown, expected debug, info, warn or error`},
		{"log: json\n", `m.yaml:1: log is "json", expected a mapping`},
		{"access_log: []\n", `m.yaml:1: access_log is an empty list, expected an absolute path, stdout or off`},
		{"access_log: on\n", `m.yaml:1: access_log: "on" is no absolute path, expected an absolute path, stdout or off`},
		{"access_log: {format: json}\n", `m.yaml:1: access_log has no file`},
		{"access_log: {file: /a, format: text}\n", `m.yaml:1: format: "text" is unknown, expected combined or json`},
		{"listen: [\"8080\"]\n", `m.yaml:1: listen: "8080" is not host:port, expected an address`},
		{"listen: [\"a:99999\"]\n", `has no port between 0 and 65535`},
		{"data_dir: ''\n", `m.yaml:1: data_dir: is empty, expected a path`},
		{"cache:\n  max_sise: 1GB\n", `m.yaml:2: unknown key "max_sise" in cache, expected one of: abandoned, max_size, min_free`},
		{"cache: {max_size: 50g}\n", `m.yaml:1: max_size: "50g" has an unknown unit, expected a size such as`},
		{"cache: {max_size: -1}\n", `m.yaml:1: max_size: "-1" is not a size`},
		{"cache: {max_size: 0}\n", `a cache of no bytes`},
		{"cache: {max_size: 99999999999TiB}\n", `is too large`},
		{"cache: {max_size: [1]}\n", `m.yaml:1: max_size is a list, expected a size`},
		{"cache: {abandoned: drop}\n", `m.yaml:1: abandoned: "drop" is unknown, expected finish or park`},
		{"upstream: {connect_timeout: 5}\n", `m.yaml:1: connect_timeout: "5" is not a duration`},
		{"upstream: {idle_timeout: 0s}\n", `"0s" is no time at all`},
		{"repos: []\n", "m.yaml:1: repos is an empty list"},
		{one("name: a", "name: A"), `m.yaml:3: name: "A" is not a repository name, expected lower-case`},
		{one("name: a", "name: metrics"), `m.yaml:3: name: "metrics" is one of mirrord's own paths`},
		{one("name: a", "name: metalink"), `m.yaml:3: name: "metalink" is one of mirrord's own paths`},
		{"public_url: mirror.lan\n", `m.yaml:1: public_url: "mirror.lan" is not http or https, expected an http or https URL without user, query and fragment`},
		{"public_url: https://u:hunter2@mirror.lan\n", `m.yaml:1: public_url: "...@mirror.lan" has a user, expected`},
		{"public_url: https://mirror.lan/?x\n", `has a query or fragment`},
		{one("name: a, ", ""), `m.yaml:3: a repository without a name`},
		{one("type: apt, ", ""), `m.yaml:3: repository "a" has no type, expected type: apt, rpm, generic or oci`},
		{one("apt", "yum"), `m.yaml:3: type: "yum" is unknown, expected apt, rpm, generic or oci`},
		{one("type: apt", "verify: required, type: rpm"), `m.yaml:3: verify: required cannot be kept`},
		{one(`, upstreams: ["http://a.example/d"]`, ""), `m.yaml:3: repository "a" has no upstreams`},
		{one("http:", "ftp:"), `m.yaml:3: upstreams: "ftp://a.example/d" is not http or https`},
		{one("a.example", ""), `names no host`},
		{one("/d", "/d?x=1"), `has a query or fragment`},
		{one("/d", "/d#x"), `has a query or fragment`},
		{one("/d", "/../d"), `has a .. segment`},
		{one("a.example", "u:hunter2@a.example:port"), `m.yaml:3: upstreams: "...@a.example:port/d" is not a URL`},
		{one(`"http://a.example/d"`, `"http://a.example/d", "http://a.example/d/"`), `m.yaml:3: upstream "http://a.example/d" is listed twice`},
		{one("type", "verify: required, type"), `m.yaml:3: verify: required cannot be kept, signatures are not checked yet; expected off`},
		{one("type", "verify: warn, type"), `signatures are not checked yet; expected off`},
		{one("type", "verify: yes, type"), `m.yaml:3: verify is "yes", expected off`},
		{one("type", "default: true, type"), `m.yaml:3: default: true is for type oci`},
		{one("type", "default: maybe, type"), `expected true or false`},
		{one("type", "fresh: -1s, type"), `"-1s" is negative`},
		{one("type", `redirects: ["http://x"], type`), `"http://x" is not a host pattern`},
		{one("type", "keyring: /nonexistent/k.gpg, type"), `m.yaml:3: keyring: "/nonexistent/k.gpg" cannot be read: no such file or directory, expected a file that can be read`},
		{one("type", "keyring: "+filepath.Dir(empty)+", type"), `cannot be read: is a directory`},
		{one("type", "keyring: "+empty+", type"), `is empty, expected a file`},
		{one("}", "}\n  - {name: a}"), `m.yaml:4: repository name "a" is taken on line 3`},
		{one("name: a", "<<: *x, name: a"), "m.yaml:3: "},
	})
}

// refusal is a text and a part of the one line that refuses it.
type refusal struct{ text, want string }

func refuse(t *testing.T, all []refusal) {
	t.Helper()
	for _, tc := range all {
		_, err := Parse("m.yaml", []byte(tc.text))
		var refused *Error
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Parse(%q)\n got %v\nwant %s", tc.text, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a password in %v", err)
		}
	}
}

func TestLoadUnreadable(t *testing.T) {
	_, err := Load("/nonexistent/m.yaml")
	var refused *Error
	if !errors.As(err, &refused) || err.Error() != "/nonexistent/m.yaml: cannot be read: no such file or directory, expected a YAML file" {
		t.Errorf("Load: %v", err)
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "1024": 1024, "10B": 10, "2GB": 2e9, "50GiB": 50 << 30, "1.5MiB": 3 << 19, "7 KiB": 7 << 10, "1TiB": 1 << 40,
	} {
		if got, err := parseSize(in); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "GiB", "-1", "+1", "1e9", "0x10", "1Gi", "1g", ".5GB", "1GiB2", "9223372036854775808", "1 000"} {
		if got, err := parseSize(in); err == nil {
			t.Errorf("parseSize(%q) = %d, want an error", in, got)
		}
	}
}

func TestDefaultDataDir(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/state")
	want := "/state/mirrord"
	if os.Geteuid() == 0 {
		want = "/var/lib/mirrord"
	}
	if got := DefaultDataDir(); got != want {
		t.Errorf("DefaultDataDir = %s, want %s", got, want)
	}
}

// FuzzParse: whatever the text, the answer is a configuration or one line.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("repos: [{name: a, type: apt, upstreams: ['http://a']}]"))
	f.Add([]byte("a: &x [*x]\n<<: *x\n"))
	f.Add([]byte("? {a: b}\n: c\n"))
	f.Add([]byte(registries))
	f.Add([]byte("aliases: {a: b}\nrepos: [{name: 'r.example:5000', type: oci, upstreams: ['http://a/v2/b'], share: ['[a-z]/**']}]"))
	f.Add([]byte("aliases:\n  ? [a]\n  : b\n"))
	f.Add([]byte("listen: |\n  x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		cfg, err := Parse("m.yaml", text)
		var refused *Error
		switch {
		case err == nil && (cfg == nil || len(cfg.Repos) == 0):
			t.Errorf("no error and no repositories")
		case err != nil && (!errors.As(err, &refused) || strings.ContainsAny(err.Error(), "\n\r")):
			t.Errorf("not one line: %q", err)
		}
		if err != nil {
			return
		}
		for _, repo := range cfg.Repos {
			oci := repo.Type == OCI
			if registry := repo.Gone != ""; registry != oci || oci && !strings.HasPrefix(repo.Upstreams[0].Path, "/v2") {
				t.Errorf("not what its type says: %+v", repo)
			}
		}
	})
}

func TestAccessLogInShort(t *testing.T) {
	for text, want := range map[string]AccessLog{
		"": {}, "access_log: off\n": {}, "access_log: stdout\n": {File: Stdout}, "access_log: \"-\"\n": {File: Stdout}, "access_log: /var/log/a\n": {File: "/var/log/a"},
		"access_log: {file: off, format: json}\n": {JSON: true},
	} {
		cfg, err := Parse("m.yaml", []byte(text))
		if err != nil || cfg.AccessLog != want {
			t.Errorf("%q: %v, %v", text, cfg, err)
		}
	}
}
