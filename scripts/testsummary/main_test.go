package main

import (
	"strings"
	"testing"
)

func TestSummarize(t *testing.T) {
	const events = `{"Action":"run","Package":"m/a","Test":"TestA"}
{"Action":"output","Package":"m/a","Test":"TestA","Output":"quiet\n"}
{"Action":"pass","Package":"m/a","Test":"TestA"}
{"Action":"output","Package":"m/a","Test":"TestB","Output":"DIDNOTRUN: needs root\n"}
{"Action":"pass","Package":"m/a","Test":"TestB"}
{"Action":"output","Package":"m/a","Test":"TestC","Output":"    c_test.go:1: why\n"}
{"Action":"skip","Package":"m/a","Test":"TestC"}
{"Action":"pass","Package":"m/a","Elapsed":1.5}
{"Action":"skip","Package":"m/empty"}
`
	var out strings.Builder
	failed, err := summarize(strings.NewReader(events), &out)
	want := "ok   m/a (1.5s)\n\ntests: 2 passed, 0 failed\n2 tests did not run here\n  - TestB: needs root\n  - TestC: skipped: c_test.go:1: why\n"
	if failed || err != nil || out.String() != want {
		t.Errorf("failed %v, %v\n got %q\nwant %q", failed, err, out.String(), want)
	}
}

func TestSummarizeFailures(t *testing.T) {
	for _, tc := range []struct{ events, want string }{
		{`{"Action":"output","Package":"m/a","Test":"TestA","Output":"loud\n"}
{"Action":"fail","Package":"m/a","Test":"TestA","Elapsed":1}
{"Action":"fail","Package":"m/a","Elapsed":1}`, "FAIL m/a TestA (1.0s)\nloud\n"},
		{`{"Action":"output","Package":"m/a","Test":"TestA","Output":"panic: x\n"}
{"Action":"fail","Package":"m/a"}`, "unfinished: TestA\npanic: x\n"},
		{`{"Action":"build-output","ImportPath":"m/a","Output":"a.go:1: no\n"}
{"Action":"fail","Package":"m/a"}`, "a.go:1: no\n"},
		{``, "tests: 0 passed"},
	} {
		var out strings.Builder
		if failed, err := summarize(strings.NewReader(tc.events), &out); !failed || err != nil || !strings.Contains(out.String(), tc.want) {
			t.Errorf("failed %v, %v\n got %q\nwant %q", failed, err, out.String(), tc.want)
		}
	}
	if failed, err := summarize(strings.NewReader("go: no such thing"), &strings.Builder{}); !failed || err == nil {
		t.Errorf("text that is no JSON: %v, %v", failed, err)
	}
}
