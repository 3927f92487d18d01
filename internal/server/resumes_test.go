package server

import "testing"

func TestResumes(t *testing.T) {
	for field, want := range map[string]bool{
		"": false, "bytes=0-": false, "bytes=1-": true, "bytes=1-98": false, "bytes=1-99": true, "bytes=1-1000": true,
		"bytes=-5": false, "bytes=x-": false, "bytes=5": false, "bytes=5-x": false, "bytes=5-6,7-": false, "bytes= 5 - ": true,
	} {
		if got := resumes(field, 100); got != want {
			t.Errorf("%q: %v", field, got)
		}
	}
}
