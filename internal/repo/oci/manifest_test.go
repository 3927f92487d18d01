package oci

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// desc is a descriptor of one byte; more are members with a comma in front.
func desc(mediaType, more string) string {
	return fmt.Sprintf(`{"mediaType":%q,"size":1,"digest":%q%s}`, mediaType, d256, more)
}

func typed(mediaType string) string { return fmt.Sprintf(`"mediaType":%q,`, mediaType) }

func image(head string) string {
	return `{"schemaVersion":2,` + head + `"config":` + desc("c", "") + `,"layers":[` + desc("l", "") + `,` + desc("l", "") + `]}`
}

func index(head string) string {
	return `{"schemaVersion":2,` + head + `"manifests":[` + desc("m", `,"platform":{"os":"linux","architecture":"arm","variant":"v7","os.version":"1","features":[]}`) + `]}`
}

// members are n that no format knows.
func members(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"x%d":0`, i))
	}
	return strings.Join(list, ",")
}

func TestParseManifest(t *testing.T) {
	config, layer := Descriptor{MediaType: "c", Digest: d256, Size: 1}, Descriptor{MediaType: "l", Digest: d256, Size: 1}
	anImage := Manifest{Config: &config, Layers: []Descriptor{layer, layer}}
	anIndex := Manifest{Index: true, Manifests: []Descriptor{{MediaType: "m", Digest: d256, Size: 1, Platform: &Platform{"linux", "arm", "v7", "1"}}}}
	artifact := `{"schemaVersion":2,"artifactType":"application/x","config":` + desc("application/vnd.oci.empty.v1+json", `,"data":"e30="`) +
		`,"layers":[],"subject":` + desc(TypeManifest, `,"annotations":{"Digest":"","digest":""}`) + `,"annotations":{"manifests":"x"}}`
	empty := Descriptor{MediaType: "application/vnd.oci.empty.v1+json", Digest: d256, Size: 1}
	anArtifact := Manifest{Config: &empty}
	as := func(m Manifest, mediaType string) Manifest {
		m.MediaType = mediaType
		return m
	}
	for _, tc := range []struct {
		text, contentType string
		want              Manifest
	}{
		{image(typed(TypeManifest)), TypeManifest, as(anImage, TypeManifest)},
		{image(typed(TypeManifest)), "", as(anImage, TypeManifest)},
		{image(typed(TypeManifest)), "application/json", as(anImage, TypeManifest)},
		{image(""), TypeManifest + "; charset=utf-8", as(anImage, TypeManifest)},
		{image(""), "application/octet-stream", as(anImage, TypeManifest)},
		{image(""), "", as(anImage, TypeManifest)},
		{image(typed(TypeDockerManifest)), strings.ToUpper(TypeDockerManifest), as(anImage, TypeDockerManifest)},
		{image(""), TypeDockerManifest, as(anImage, TypeDockerManifest)},
		{index(typed(TypeIndex)), TypeIndex, as(anIndex, TypeIndex)},
		{index(""), "", as(anIndex, TypeIndex)},
		{index(typed(TypeDockerList)), "", as(anIndex, TypeDockerList)},
		{index(""), TypeDockerList, as(anIndex, TypeDockerList)},
		{strings.Replace(index(""), `"schemaVersion":2,`, "", 1), "", as(anIndex, TypeIndex)},
		{" \n" + image(`"Manifests":[],"x":{"a":1,"a":2},"subject":null,`) + "\n", "", as(anImage, TypeManifest)},
		{image(members(maxMembers-3) + ","), "", as(anImage, TypeManifest)},
		{artifact, TypeManifest, as(anArtifact, TypeManifest)},
		{`{"schemaVersion":2,"manifests":null}`, "", Manifest{MediaType: TypeIndex, Index: true}},
		{string(EmptyIndex()), TypeIndex, Manifest{MediaType: TypeIndex, Index: true}},
	} {
		got, err := ParseManifest([]byte(tc.text), tc.contentType)
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s as %q = %+v, %v; want %+v", tc.text, tc.contentType, got, err, tc.want)
		}
	}
}

func TestParseManifestRefuses(t *testing.T) {
	both := strings.TrimSuffix(index(""), "}")
	of := func(descriptor string) string { return `{"schemaVersion":2,"manifests":[` + descriptor + `]}` }
	for _, tc := range []struct{ text, contentType, want string }{
		{"", "", "expected JSON"},
		{"<html>", "text/html", "expected JSON"},
		{image("") + "{}", "", "expected JSON"},
		{"[]", "", "beginning with {"},
		{"null", "", "beginning with {"},
		{"{}", "", `type ""`},
		{`{"errors":[]}`, "application/json", `type ""`},
		{image(""), "text/html", `type "text/html"`},
		{image(typed("application/vnd.oci.artifact.manifest.v1+json")), "", "expected an OCI image manifest"},
		{`{"schemaVersion":1,"fsLayers":[]}`, "application/vnd.docker.distribution.manifest.v1+prettyjws", "expected an OCI image manifest"},
		{image(`"fsLayers":[],`), "", "expected schema 2"},
		{strings.Replace(image(""), "2", "1", 1), "", "schema version 1, expected 2"},
		{strings.Replace(image(""), "2", `"2"`, 1), "", "schemaVersion"},
		{image(typed(TypeManifest)), TypeIndex, "but it was sent as"},
		{index(typed(TypeIndex)), TypeDockerList, "but it was sent as"},
		// CVE-2021-41190: one document for two readers.
		{both + `,"layers":[]}`, "", "an index or an image"},
		{both + `,"layers":null}`, TypeIndex, "an index or an image"},
		{both + `,"config":` + desc("c", "") + `}`, TypeManifest, "an index or an image"},
		{both + `,"manifests":[]}`, "", `"manifests" stands twice`},
		{image(typed(TypeManifest) + typed(TypeIndex)), "", `"mediaType" stands twice`},
		{image(`"media\u0054ype":"x","mediaType":"y",`), "", `"mediaType" stands twice`},
		{of(desc("m", `,"digest":"`+d512+`"`)), "", `"digest" stands twice`},
		{image(""), TypeIndex, "without manifests"},
		{index(""), TypeManifest, "without config"},
		{`{"manifests":null,"config":` + desc("c", "") + `}`, TypeManifest, "an index or an image"},
		{`{"config":null}`, TypeManifest, "config"},
		{`{"layers":[]}`, TypeManifest, "without config"},
		{`{"manifests":{}}`, "", "beginning with ["},
		{of(`[]`), "", "beginning with {"},
		{of(`null`), "", "beginning with {"},
		{of(`{"size":1}`), "", "no digest"},
		{of(`{"size":1,"digest":null}`), "", "no digest"},
		{of(`{"digest":"` + d256 + `"}`), "", "expected the number of bytes"},
		{of(`{"size":-1,"digest":"` + d256 + `"}`), "", "expected the number of bytes"},
		{of(`{"size":9223372036854775808,"digest":"` + d256 + `"}`), "", "size"},
		{of(`{"size":1.5,"digest":"` + d256 + `"}`), "", "size"},
		{of(`{"size":1,"digest":"md5:d41d8cd98f00b204e9800998ecf8427e"}`), "", "is no digest"},
		{of(`{"size":1,"digest":"sha256:` + strings.ToUpper(sum256) + `"}`), "", "is no digest"},
		{of(`{"size":1,"Digest":"` + d256 + `"}`), "", "no digest"},
		{of(desc("m", `,"platform":"linux"`)), "", "platform"},
		{of(desc("m", `,"platform":{"os":1}`)), "", "platform"},
		{of(strings.Repeat(desc("m", "")+",", maxDescriptors) + desc("m", "")), "", "expected at most 10000"},
		{"{" + members(maxMembers+1) + "}", "", "expected at most 1000 members"},
		{`{"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "", "expected JSON"},
		{strings.Repeat(" ", ManifestMost) + "{}", "", "expected at most 4194304"},
	} {
		got, err := ParseManifest([]byte(tc.text), tc.contentType)
		if err == nil || !strings.Contains(err.Error(), tc.want) || !reflect.DeepEqual(got, Manifest{}) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.100s as %q = %+v, %v; want %q", tc.text, tc.contentType, got, err, tc.want)
		}
	}
	most := of(strings.Repeat(desc("m", "")+",", maxDescriptors-1) + desc("m", ""))
	if got, err := ParseManifest([]byte(most), ""); err != nil || len(got.Manifests) != maxDescriptors {
		t.Errorf("%d descriptors: %v", maxDescriptors, err)
	}
}

func TestReferrers(t *testing.T) {
	of := func(descriptors ...string) string {
		return `{"schemaVersion":2,"mediaType":"` + TypeIndex + `","manifests":[` + strings.Join(descriptors, ",") + `]}`
	}
	sbom, sig, none := desc("m", `,"artifactType":"sbom","annotations":{"a":"b"}`), desc("m", `,"artifactType":"sig"`), desc("m", "")
	all := of(sbom, sig, none, sbom)
	for _, tc := range []struct {
		index, artifactType, want string
		filtered                  bool
	}{
		{all, "", all, false},
		{all, "sbom", of(sbom, sbom), true},
		{all, "SBOM", of(), true},
		{string(EmptyIndex()), "sbom", of(), true},
		{`{"schemaVersion":2,"manifests":null}`, "sbom", of(), true},
		{index(""), "", index(""), false},
	} {
		out, filtered, err := Referrers([]byte(tc.index), tc.artifactType)
		if err != nil || string(out) != tc.want || filtered != tc.filtered {
			t.Errorf("%s of %s: %s, %v, %v; want %s", tc.artifactType, tc.index, out, filtered, err, tc.want)
		}
	}
	for _, bad := range []string{"", "{}", image(""), index(typed(TypeDockerList)), of("{}")} {
		if out, _, err := Referrers([]byte(bad), "sbom"); err == nil {
			t.Errorf("%s: %s", bad, out)
		}
	}
}

func TestReferrersTag(t *testing.T) {
	if got := ReferrersTag(d256); got != "sha256-"+sum256 {
		t.Errorf("sha256: %q", got)
	}
	if got := ReferrersTag(d512); got != "sha512-"+sum256 || !isTag(got) {
		t.Errorf("sha512: %q", got)
	}
}

// FuzzParseManifest holds what is read to its promises, and Referrers to giving
// indexes only.
func FuzzParseManifest(f *testing.F) {
	for _, text := range []string{image(typed(TypeManifest)), index(""), index(typed(TypeDockerList)), string(EmptyIndex()), `{"manifests":[],"layers":[]}`} {
		f.Add([]byte(text), "", "sbom")
		f.Add([]byte(text), TypeManifest, "")
	}
	f.Fuzz(func(t *testing.T, text []byte, contentType, artifactType string) {
		m, err := ParseManifest(text, contentType)
		if err == nil {
			checkManifest(t, m)
			again, err := ParseManifest(text, m.MediaType)
			if err != nil || !reflect.DeepEqual(again, m) {
				t.Fatalf("%s: %+v, sent as %s %+v, %v", text, m, m.MediaType, again, err)
			}
		}
		out, _, err := Referrers(text, artifactType)
		if err != nil {
			return
		}
		if m, err := ParseManifest(out, TypeIndex); err != nil || !m.Index {
			t.Fatalf("%s of %s: %+v, %v", artifactType, text, m, err)
		}
	})
}

func checkManifest(t *testing.T, m Manifest) {
	t.Helper()
	isIndex := m.MediaType == TypeIndex || m.MediaType == TypeDockerList
	isImage := m.MediaType == TypeManifest || m.MediaType == TypeDockerManifest
	if isIndex == isImage || m.Index != isIndex || isIndex && (m.Config != nil || m.Layers != nil) || isImage && (m.Config == nil || m.Manifests != nil) {
		t.Fatalf("%+v", m)
	}
	named := append(append([]Descriptor{}, m.Manifests...), m.Layers...)
	if m.Config != nil {
		named = append(named, *m.Config)
	}
	for _, d := range named {
		if _, err := parseDigest(string(d.Digest)); err != nil || d.Size < 0 {
			t.Fatalf("%+v: %v", d, err)
		}
	}
}
