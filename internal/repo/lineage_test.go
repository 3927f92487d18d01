package repo

import "testing"

func TestWithoutNumbers(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "bash": "bash", "7zip": "#zip", "linux-image-6.1.0-50-amd64": "linux-image-#.#.#-#-amd#", "libssl3": "libssl#", "2026": "#",
	} {
		if got := WithoutNumbers(in); got != want {
			t.Errorf("%q: %q, expected %q", in, got, want)
		}
	}
}
