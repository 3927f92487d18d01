package oci

import (
	"strings"
	"testing"
)

func TestLinkNext(t *testing.T) {
	for _, tc := range []struct{ link, want string }{
		{`</v2/a/tags/list?n=2&last=b>; rel="next"`, "n=2&last=b"},
		{`<https://elsewhere.example/v2/a/tags/list?last=b&n=2#x>;rel=next`, "n=2&last=b"},
		{`<?last=b>; title="a, <b>; rel=next"; REL="prev NEXT"`, "last=b"},
		{`</first?n=1>; rel="first", </next?n=2>; rel="next", </last?n=3>; rel="last"`, "n=2"},
		{`</a,b;c?n=2&next_page=x%3D%3D>; rel=next`, "n=2&next_page=x%3D%3D"},
		{`</a?ns=docker.io&artifactType=x&page=2>; rel=next`, "page=2"},
		{"\t, </a?n=2>\t; rel = next ", "n=2"},
		{`</a?n=2>; title="\"; rel=prev"; rel=next`, "n=2"},
		{`</a?n=2>; rel=prev; rel=next`, ""},
		{`</a?n=2>; rel="nextish"`, ""},
		{`</a?n=2>; anchor="rel=next"`, ""},
		{`</a?n=2>`, ""},
		{`</a>; rel=next`, ""},
		{`</a?ns=docker.io>; rel=next`, ""},
		{`</a?n=x>; rel=next`, ""},
		{`</a?n=1&n=2>; rel=next`, ""},
		{`</a?%zz>; rel=next`, ""},
		{"</a?b=\n>; rel=next", ""},
		{`</a?n=2; rel=next`, ""},
		{`/a?n=2; rel=next`, ""},
		{``, ""},
		{`</a?x=` + strings.Repeat("a", maxPage-2) + `>; rel=next`, "x=" + strings.Repeat("a", maxPage-2)},
		{`</a?x=` + strings.Repeat("a", maxPage-1) + `>; rel=next`, ""},
		{`</a?n=2>; rel=next` + strings.Repeat(" ", maxQuery), ""},
	} {
		got, ok := LinkNext(tc.link)
		if got != tc.want || ok != (tc.want != "") {
			t.Errorf("LinkNext(%.80q) = %.80q, %v; want %.80q", tc.link, got, ok, tc.want)
		}
	}
}

// FuzzLinkNext holds the query to what a client can send back.
func FuzzLinkNext(f *testing.F) {
	f.Add(`</v2/a/tags/list?n=2&last=b>; rel="next"`)
	f.Add(`<https://a.example/?x=%3D&x=2>; title="\",<"; rel="prev next", <b>`)
	f.Fuzz(func(t *testing.T, link string) {
		query, ok := LinkNext(link)
		if !ok {
			if query != "" {
				t.Fatalf("%q: %q, but no link", link, query)
			}
			return
		}
		got, err := ParseRequest("GET", "/v2/a/tags/list", query)
		if err != nil || got.Query != query || got.Namespace != "" || strings.ContainsAny(query, "<>\"# \r\n") {
			t.Fatalf("%q: %q is read as %+v, %v", link, query, got, err)
		}
	})
}
