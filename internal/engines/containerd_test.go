package engines

import (
	"strings"
	"testing"
)

const ours = "[host.\"http://mirror.lan:8080\"]\n  capabilities = [\"pull\", \"resolve\"]\n"

func TestHostsTOML(t *testing.T) {
	for _, tc := range []struct{ name, registry, before, after string }{
		{"no file", "docker.io", "", "server = \"https://registry-1.docker.io\"\n\n" + ours},
		{"no file, loopback", "localhost:5000", "\n", "server = \"http://localhost:5000\"\n\n" + ours},
		{
			"others go behind", "quay.io",
			"server = \"https://quay.io\"\n\n# the old one\n[host.\"https://old\"]\n  capabilities = [\"pull\"]\n",
			"server = \"https://quay.io\"\n\n" + ours + "\n# the old one\n[host.\"https://old\"]\n  capabilities = [\"pull\"]\n",
		},
		{"no tables", "quay.io", "server = \"https://quay.io\"\nskip_verify = true", "server = \"https://quay.io\"\nskip_verify = true\n\n" + ours},
		{"there already", "quay.io", "[host.\"https://old\"]\n" + ours, "[host.\"https://old\"]\n" + ours},
		{"a table of tables", "quay.io", "[host]\n  [host.\"https://old\"]\n", ours + "\n[host]\n  [host.\"https://old\"]\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := HostsTOML(tc.before, far, tc.registry)
			if err != nil || got != tc.after {
				t.Errorf("%v\n%s\nwant\n%s", err, got, tc.after)
			}
			if again, err := HostsTOML(got, far, tc.registry); err != nil || again != got {
				t.Errorf("a second time: %q, %v", again, err)
			}
		})
	}
}

func TestHostsTOMLRefuses(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"server = \"https://quay.io\"\n[host\n", "line 2: "},
		{"host = {\"https://old\" = {capabilities = [\"pull\"]}}\n", "cannot be put in front"},
		{"host.\"https://old\".capabilities = [\"pull\"]\n", "cannot be put in front"},
		{"header = \"\"\"\n[\n\"\"\"\n[host.\"https://old\"]\n", "cannot be put in front"},
	} {
		if got, err := HostsTOML(tc.text, far, "quay.io"); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %q, %v; want %q", tc.text, got, err, tc.want)
		}
	}
}

// FuzzHostsTOML: what is not refused still holds all that stood there.
func FuzzHostsTOML(f *testing.F) {
	for _, seed := range []string{"", "server = \"x\"", "#\n[host.a]\n[[b]]\n", "a = [\n[1],\n]\n", "host = {}", "[host]\r\na = 1\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := HostsTOML(text, far, "quay.io")
		if err != nil || strings.TrimSpace(text) == "" {
			return
		}
		head, rest, found := strings.Cut(got, ours)
		if got != text && (!found || head+strings.TrimPrefix(rest, "\n") != text && strings.TrimRight(head, "\r\n") != strings.TrimRight(text, "\r\n")) {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

func TestRegistriesConf(t *testing.T) {
	want := `# Written by mirrord client podman.

[[registry]]
location = "docker.io"

[[registry.mirror]]
location = "mirror.lan:8080/docker.io"
insecure = true
`
	if got := RegistriesConf(far, []string{"reg.example:5000", "docker.io"}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := RegistriesConf(safe, []string{"quay.io"}); strings.Contains(got, "insecure") || !strings.Contains(got, `"mirror.example/quay.io"`) {
		t.Errorf("with TLS:\n%s", got)
	}
}

func TestRegistry(t *testing.T) {
	for _, name := range []string{"docker.io", "registry.example:5000", "localhost", "127.0.0.1:5000"} {
		if !Registry(name) {
			t.Errorf("%q is none", name)
		}
	}
	for _, name := range []string{"", "..", ".", "a/b", "a..b", "-a", "A.example", "a\"b", "a:", "a:123456", "a b", strings.Repeat("a", 256)} {
		if Registry(name) {
			t.Errorf("%q is one", name)
		}
	}
}

func TestInsecure(t *testing.T) {
	for url, want := range map[string]bool{
		"http://mirror.lan:8080": true, "http://10.0.0.1": true, "http://[fe80::1]:80": true,
		"https://mirror.lan": false, "http://127.0.0.2:80": false, "http://localhost:80": false, "http://[::1]:80": false,
	} {
		if got := (Server{url}).Insecure(); got != want {
			t.Errorf("%s: %v", url, got)
		}
	}
}
