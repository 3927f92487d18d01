package faults

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// fedora is one state of a repository below rel/40/x86_64/os: its files by path.
func fedora(version string, time int) map[string]string {
	const dir = "/rel/40/x86_64/os/"
	rpm := strings.Repeat("hello "+version+"\n", 1000)
	primary := fmt.Sprintf(`<metadata><package><checksum type="sha256">%x</checksum><size package="%d"/><location href="Packages/h/hello-%s.rpm"/></package></metadata>`,
		sha256.Sum256([]byte(rpm)), len(rpm), version)
	name := fmt.Sprintf("repodata/%x-primary.xml", sha256.Sum256([]byte(primary)))
	repomd := fmt.Sprintf(`<repomd><data type="primary"><checksum type="sha256">%x</checksum><location href="%s"/><size>%d</size><timestamp>%d</timestamp></data></repomd>`,
		sha256.Sum256([]byte(primary)), name, len(primary), time)
	return map[string]string{dir + "repodata/repomd.xml": repomd, dir + name: primary, dir + "Packages/h/hello-" + version + ".rpm": rpm}
}

const fedoraRoot = "/rel/40/x86_64/os/repodata/repomd.xml"

func setAll(u *faulty.Server, files map[string]string) {
	for p, data := range files {
		u.Set(p, []byte(data))
	}
}

// TestMetalink: a repository whose mirrors only a metalink names. The first of them is
// behind and is not believed; what the second has comes whole, and the list is asked
// for once. A mirror inside the network that the list names is not dialled.
func TestMetalink(t *testing.T) {
	lists, behind, good, inside := faulty.New(t), faulty.New(t), faulty.New(t), faulty.New(t)
	old, now := fedora("1", 1_700_000_000), fedora("2", 1_710_000_000)
	setAll(behind, old)
	setAll(good, now)
	setAll(inside, now)
	var list strings.Builder
	fmt.Fprintf(&list, `<metalink xmlns:mm0="http://fedorahosted.org/mirrormanager"><files><file name="repomd.xml"><verification><hash type="sha256">%x</hash></verification><resources>`, sha256.Sum256([]byte(now[fedoraRoot])))
	for _, u := range []*faulty.Server{inside, behind, good} {
		fmt.Fprintf(&list, "<url>http://%s%s</url>", u.Host(), fedoraRoot)
	}
	lists.Set("/metalink", []byte(list.String()+"</resources></file></files></metalink>"))
	m := rig.Start(t, rig.Config{Repos: "- {name: fedora, type: rpm, fresh: 0s, metalink: {url: \"http://" + lists.Host() +
		"/metalink?repo=fedora-$releasever&arch=$basearch\", path: rel/$releasever/$basearch/os}}\n" +
		// Names the two on this machine, which a list by itself may not.
		"- {name: other, type: generic, upstreams: [\"http://" + behind.Host() + "\", \"http://" + good.Host() + "\"]}\n"})
	for range 2 {
		for p, want := range now {
			if r := rig.Get(m.URL("fedora", strings.TrimPrefix(p, "/"))); r.Status != 200 || string(r.Body) != want {
				t.Errorf("%s: %s", p, r.How())
			}
		}
	}
	asked := lists.Requests()
	if len(asked) != 1 || asked[0].Path != "/metalink" {
		t.Errorf("the list was asked for: %+v", asked)
	}
	if n := len(inside.Requests()); n != 0 {
		t.Errorf("a mirror inside was asked %d times", n)
	}
	if r := rig.Get(m.URL("fedora/rel/40/x86_64/os/Packages/h/hello-1.rpm")); r.Status == 200 && strings.Contains(r.Header.Get("Cache-Status"), "stored") {
		t.Errorf("of the old state: %s", r.How())
	}
	good.Down()
	if r := rig.Get(m.URL("fedora" + fedoraRoot)); string(r.Body) != now[fedoraRoot] || !r.Stale() {
		t.Errorf("with only the mirror that is behind: %s", r.How())
	}
	if r := rig.Get(m.URL("fedora/rel/40/s390x/os/repodata/repomd.xml")); r.Status != 404 && r.Status != 503 {
		t.Errorf("of another architecture: %s", r.How())
	}
	m.Fsck(t)
}
