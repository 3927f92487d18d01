package oci

import "testing"

func TestPageTags(t *testing.T) {
	const all = `{"name":"a/b","tags":["c","a","d","b"]}`
	for _, c := range []struct{ list, query, out, next string }{
		{all, "", all, ""},
		{all, "n=4", all, ""},
		{all, "n=9", all, ""},
		{all, "n=2", `{"name":"a/b","tags":["a","b"]}`, "last=b&n=2"},
		{all, "n=2&last=b", `{"name":"a/b","tags":["c","d"]}`, ""},
		{all, "n=1&last=b", `{"name":"a/b","tags":["c"]}`, "last=c&n=1"},
		{all, "last=d", `{"name":"a/b","tags":[]}`, ""},
		{all, "n=0", `{"name":"a/b","tags":[]}`, ""},
		// The registry's own page, in its own order.
		{`{"name":"a/b","tags":["B","a"]}`, "n=2&last=A", `{"name":"a/b","tags":["B","a"]}`, ""},
		{`{"name":"a/b","tags":null}`, "n=2", `{"name":"a/b","tags":null}`, ""},
	} {
		out, next, err := PageTags([]byte(c.list), c.query)
		if string(out) != c.out || next != c.next || err != nil {
			t.Errorf("%s of %s: %s, next %q, %v; expected %s, %q", c.query, c.list, out, next, err, c.out, c.next)
		}
	}
	for _, bad := range []string{"", "<html>", "[]", "{}", `{"name":"a/b"}`, `{"name":"a","tags":[1]}`, `{"tags":{}}`} {
		if out, _, err := PageTags([]byte(bad), "n=2"); err == nil {
			t.Errorf("%s was taken: %s", bad, out)
		}
	}
}

func FuzzPageTags(f *testing.F) {
	f.Add([]byte(`{"name":"a/b","tags":["c","a","d","b"]}`), "n=2&last=b")
	f.Add([]byte(`{"name":"a/b","tags":["a","a"]}`), "n=0")
	f.Fuzz(func(t *testing.T, list []byte, query string) {
		out, next, err := PageTags(list, query)
		if err != nil {
			return
		}
		if again, more, err := PageTags(out, query); err != nil || more != "" || string(again) != string(out) {
			t.Errorf("%q of %q is %q (next %q), and of that %q, %q, %v", query, list, out, next, again, more, err)
		}
	})
}
