package oci

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"mirrord/internal/digest"
)

const (
	sum256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	d256   = "sha256:" + sum256
	d512   = "sha512:" + sum256 + sum256
)

func TestParseRequest(t *testing.T) {
	longName, longTag := strings.Repeat("a/", 127)+"a", strings.Repeat("T", maxTag)
	for _, tc := range []struct {
		path, query string
		want        Request
	}{
		{"/v2", "", Request{Kind: KindPing}},
		{"/v2/", "ns=docker.io", Request{Kind: KindPing, Namespace: "docker.io"}},
		{"/v2/library/alpine/manifests/3.12", "", Request{Kind: KindManifest, Repository: "library/alpine", Tag: "3.12"}},
		{"/v2/alpine/manifests/" + d256, "ns=ghcr.io", Request{Kind: KindManifest, Namespace: "ghcr.io", Repository: "alpine", Digest: d256}},
		{"/v2/alpine/manifests/sha256%3A" + sum256, "", Request{Kind: KindManifest, Repository: "alpine", Digest: d256}},
		{"/v2/alpine/manifests/" + d512, "", Request{Kind: KindManifest, Repository: "alpine", Digest: d512}},
		{"/v2/a/b/c/blobs/" + d256, "ns=localhost:5000&x=1", Request{Kind: KindBlob, Namespace: "localhost:5000", Repository: "a/b/c", Digest: d256}},
		{"/v2/localhost:5000/lib/x/blobs/" + d256, "", Request{Kind: KindBlob, Repository: "localhost:5000/lib/x", Digest: d256}},
		{"/v2/localhost%3a5000/lib/x/blobs/" + d256, "", Request{Kind: KindBlob, Repository: "localhost:5000/lib/x", Digest: d256}},
		{"/v2/Registry.Example/x/tags/list", "", Request{Kind: KindTags, Repository: "Registry.Example/x"}},
		{"/v2/a/tags/list", "last=b&n=007&ns=quay.io", Request{Kind: KindTags, Namespace: "quay.io", Repository: "a", Query: "n=7&last=b"}},
		{"/v2/a/tags/list", "next_page=gA%3D%3D&n=0&a=1&a=2", Request{Kind: KindTags, Repository: "a", Query: "n=0&a=1&a=2&next_page=gA%3D%3D"}},
		{"/v2/a/tags/list", "last=&n=2147483647", Request{Kind: KindTags, Repository: "a", Query: "n=2147483647"}},
		{"/v2/a/referrers/" + d256, "artifactType=application/x%2By&ns=a&page=2", Request{Kind: KindReferrers, Namespace: "a", Repository: "a", Digest: d256, Query: "page=2", ArtifactType: "application/x+y"}},
		// Repositories that are called as the API's own words are.
		{"/v2/tags/list/manifests/latest", "", Request{Kind: KindManifest, Repository: "tags/list", Tag: "latest"}},
		{"/v2/blobs/tags/list", "", Request{Kind: KindTags, Repository: "blobs"}},
		{"/v2/manifests/manifests/list", "", Request{Kind: KindManifest, Repository: "manifests", Tag: "list"}},
		{"/v2/uploads/blobs/" + d256, "", Request{Kind: KindBlob, Repository: "uploads", Digest: d256}},
		{"/v2/" + longName + "/manifests/" + longTag, "", Request{Kind: KindManifest, Repository: longName, Tag: longTag}},
		{"/v2/h.example:65535/" + longName + "/manifests/" + longTag, "", Request{Kind: KindManifest, Repository: "h.example:65535/" + longName, Tag: longTag}},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			got, err := ParseRequest(method, tc.path, tc.query)
			if err != nil || got != tc.want {
				t.Errorf("%s %.60s?%s = %+v, %v; want %+v", method, tc.path, tc.query, got, err, tc.want)
			}
		}
	}
}

func TestParseRequestRefuses(t *testing.T) {
	ok := "/v2/a/manifests/b"
	for _, tc := range []struct {
		method, path, query string
		code                Code
		status              int
	}{
		{"POST", "/v2/a/blobs/uploads/", "", CodeUnsupported, 405},
		{"PUT", ok, "", CodeUnsupported, 405},
		{"PATCH", "/v2/a/blobs/uploads/1", "", CodeUnsupported, 405},
		{"DELETE", "/v2/a/blobs/" + d256, "", CodeUnsupported, 405},
		{"DELETE", "/nowhere", "", CodeUnsupported, 405},
		{"OPTIONS", "/v2/", "", CodeUnsupported, 405},
		{"get", "/v2/", "", CodeUnsupported, 405},
		{"GET", "/v2/_catalog", "", CodeUnsupported, 404},
		{"GET", "/v2/a/blobs/uploads/", "", CodeUnsupported, 404},
		{"GET", "/v2/a/blobs/uploads", "", CodeUnsupported, 404},
		{"GET", "/v2/a", "", CodeNameUnknown, 404},
		{"GET", "/v2x/a/manifests/b", "", CodeNameUnknown, 404},
		{"GET", "/v1/a/manifests/b", "", CodeNameUnknown, 404},
		{"GET", "", "", CodeNameUnknown, 404},
		{"GET", "/v2/manifests/b", "", CodeNameUnknown, 404},
		{"GET", "/v2/a/tags/list/", "", CodeNameUnknown, 404},
		{"GET", "/v2/a/tags/other", "", CodeNameUnknown, 404},
		{"GET", "/v2/a/manifests/", "", CodeManifestUnknown, 404},
		{"GET", "/v2/a/manifests/.b", "", CodeManifestUnknown, 404},
		{"GET", "/v2/a/manifests/-b", "", CodeManifestUnknown, 404},
		{"GET", "/v2/a/manifests/b+c", "", CodeManifestUnknown, 404},
		{"GET", "/v2/a/manifests/" + strings.Repeat("t", maxTag+1), "", CodeManifestUnknown, 404},
		{"GET", "/v2/a/manifests/..", "", CodeManifestUnknown, 404},
		{"GET", "/v2/a/manifests/b%2fc", "", CodeManifestUnknown, 404},
		{"GET", "/v2/a/manifests/%62", "", CodeManifestUnknown, 404},
		{"GET", "/v2/a/%74ags/list", "", CodeNameUnknown, 404},
		{"GET", "/v2/a/blobs/%73ha256:" + sum256, "", CodeDigestInvalid, 400},
		{"GET", "/v2/a/manifests/sha256%253A" + sum256, "", CodeManifestUnknown, 404},
		{"GET", "/v2/a/manifests/sha256:abc", "", CodeDigestInvalid, 400},
		{"GET", "/v2/a/manifests/b:c", "", CodeDigestInvalid, 400},
		{"GET", "/v2/a/blobs/b", "", CodeDigestInvalid, 400},
		{"GET", "/v2/a/blobs/", "", CodeDigestInvalid, 400},
		{"GET", "/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e", "", CodeDigestInvalid, 400},
		{"GET", "/v2/a/blobs/sha256:" + strings.ToUpper(sum256), "", CodeDigestInvalid, 400},
		{"GET", "/v2/a/blobs/SHA256:" + sum256, "", CodeDigestInvalid, 400},
		{"GET", "/v2/a/referrers/latest", "", CodeDigestInvalid, 400},
		{"GET", "/v2//a/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/a//b/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/a//manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/../a/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/a/./b/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/%2e%2e/a/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/a%2fb/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/a%00/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/a%253Ab/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/%61/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/A/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/a___b/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/a_/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/a/b:5000/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/a:123456/b/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/user@host/b/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/é/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/A/manifests/sha256:abc", "", CodeNameInvalid, 400},
		{"GET", "/v2/" + strings.Repeat("a", maxName+1) + "/manifests/b", "", CodeNameInvalid, 400},
		{"GET", "/v2/" + strings.Repeat("a", maxPath), "", CodeNameInvalid, 400},
		{"GET", ok, "ns=http://a", CodeNameInvalid, 400},
		{"GET", ok, "ns=a/b", CodeNameInvalid, 400},
		{"GET", ok, "ns=a:b@c", CodeNameInvalid, 400},
		{"GET", ok, "ns=" + strings.Repeat("a", maxHost+1), CodeNameInvalid, 400},
		{"GET", "/v2/", "ns=..", CodeNameInvalid, 400},
		{"GET", ok, "ns=a&ns=b", CodeUnsupported, 400},
		{"GET", ok, "ns=%zz", CodeUnsupported, 400},
		{"GET", ok, "a;b", CodeUnsupported, 400},
		{"GET", ok, strings.Repeat("a", maxQuery+1), CodeUnsupported, 400},
		{"GET", "/v2/a/tags/list", "x=" + strings.Repeat("a", maxPage), CodeUnsupported, 400},
		{"GET", "/v2/a/tags/list", "n=-1", CodePaginationNumberInvalid, 400},
		{"GET", "/v2/a/tags/list", "n=", CodePaginationNumberInvalid, 400},
		{"GET", "/v2/a/tags/list", "n=1e3", CodePaginationNumberInvalid, 400},
		{"GET", "/v2/a/tags/list", "n=2147483648", CodePaginationNumberInvalid, 400},
		{"GET", "/v2/a/tags/list", "n=1&n=2", CodeUnsupported, 400},
	} {
		got, err := ParseRequest(tc.method, tc.path, tc.query)
		var answer *Error
		if !errors.As(err, &answer) || answer.Code != tc.code || answer.Status != tc.status || got != (Request{}) {
			t.Errorf("%s %.60s?%.40s = %+v, %v; want %s %d", tc.method, tc.path, tc.query, got, err, tc.code, tc.status)
		}
	}
}

func TestErrorJSON(t *testing.T) {
	for _, tc := range []struct {
		err  Error
		want string
	}{
		{Error{CodeBlobUnknown, 404, "no \"blob\""}, `{"errors":[{"code":"BLOB_UNKNOWN","message":"no \"blob\""}]}`},
		{Error{CodeUnknown, 500, "bad \xff"}, `{"errors":[{"code":"UNKNOWN","message":"bad \ufffd"}]}`},
	} {
		if got := string(tc.err.JSON()); got != tc.want || !json.Valid([]byte(got)) {
			t.Errorf("JSON = %s, want %s", got, tc.want)
		}
	}
}

// FuzzParseRequest holds what is read to the grammar of the reference implementation,
// and to meaning the same when it is written down and read again.
func FuzzParseRequest(f *testing.F) {
	f.Add("GET", "/v2/library/alpine/manifests/3.12", "ns=docker.io")
	f.Add("HEAD", "/v2/localhost:5000/a/blobs/"+d256, "")
	f.Add("GET", "/v2/a/tags/list", "n=5&last=x&next_page=y")
	f.Add("GET", "/v2/a/referrers/sha256%3A"+sum256, "artifactType=a%2Fb")
	f.Add("GET", "/v2/a/../%2e%2e/%2f/manifests/%00", "ns=a&ns=b;c")
	f.Fuzz(func(t *testing.T, method, path, query string) {
		got, err := ParseRequest(method, path, query)
		if err != nil {
			var answer *Error
			if !errors.As(err, &answer) || answer.Status < 400 || answer.Status > 405 || got != (Request{}) || !json.Valid(answer.JSON()) {
				t.Fatalf("%s %q?%q = %+v, %v", method, path, query, got, err)
			}
			return
		}
		checkRequest(t, got)
		again, err := ParseRequest(http.MethodGet, writePath(got), writeQuery(got))
		if err != nil || again != got {
			t.Fatalf("%q?%q: %+v read again is %+v, %v", path, query, got, again, err)
		}
	})
}

func checkRequest(t *testing.T, r Request) {
	t.Helper()
	if r.Kind != KindPing && !wholeName.MatchString(r.Repository) ||
		r.Tag != "" && !wholeTag.MatchString(r.Tag) || r.Namespace != "" && !wholeHost.MatchString(r.Namespace) {
		t.Fatalf("%+v has a name that the reference implementation refuses", r)
	}
	if d, err := digest.Parse(string(r.Digest)); r.Digest != "" && (err != nil || d != r.Digest || !d.Strong()) {
		t.Fatalf("digest %q: %v", r.Digest, err)
	}
	if r.Kind == KindManifest && (r.Tag == "") == (r.Digest == "") || len(r.Query) > maxPage {
		t.Fatalf("%+v", r)
	}
}

func writePath(r Request) string {
	switch r.Kind {
	case KindManifest:
		return "/v2/" + r.Repository + "/manifests/" + r.Tag + string(r.Digest)
	case KindBlob:
		return "/v2/" + r.Repository + "/blobs/" + string(r.Digest)
	case KindReferrers:
		return "/v2/" + r.Repository + "/referrers/" + string(r.Digest)
	case KindTags:
		return "/v2/" + r.Repository + "/tags/list"
	}
	return "/v2/"
}

func writeQuery(r Request) string {
	query := r.Query
	for key, value := range map[string]string{keyNamespace: r.Namespace, keyArtifactType: r.ArtifactType} {
		if value != "" {
			query = strings.TrimPrefix(query+"&"+key+"="+url.QueryEscape(value), "&")
		}
	}
	return query
}
