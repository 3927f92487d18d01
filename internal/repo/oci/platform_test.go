package oci

import "testing"

func TestParsePlatform(t *testing.T) {
	for in, want := range map[string]Platform{
		"linux/amd64":    {OS: "linux", Architecture: "amd64"},
		"linux/arm64/v8": {OS: "linux", Architecture: "arm64", Variant: "v8"},
		"Linux/ARM/V6":   {OS: "linux", Architecture: "arm", Variant: "v6"},
		"linux/x86_64":   {OS: "linux", Architecture: "amd64"},
		"linux/aarch64":  {OS: "linux", Architecture: "arm64"},
	} {
		got, err := ParsePlatform(in)
		if err != nil || got != want {
			t.Errorf("ParsePlatform(%q) = %+v, %v; want %+v", in, got, err, want)
		}
		if again, err := ParsePlatform(got.String()); err != nil || again != got {
			t.Errorf("%s read again is %+v, %v", got, again, err)
		}
	}
	for _, in := range []string{"", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/arm/", "linux amd64", "linux/a b"} {
		if got, err := ParsePlatform(in); err == nil || got != (Platform{}) {
			t.Errorf("ParsePlatform(%q) = %+v, %v", in, got, err)
		}
	}
}

func TestMatches(t *testing.T) {
	offered := func(variant, version string) Platform { return Platform{"linux", "arm", variant, version} }
	for _, tc := range []struct {
		asked, offered Platform
		want           bool
	}{
		{offered("v7", ""), offered("v7", ""), true},
		{offered("", ""), offered("v7", ""), true},
		{offered("v7", ""), offered("", ""), true},
		{offered("v6", ""), offered("v7", ""), false},
		{offered("v7", ""), offered("v6", ""), false},
		{offered("", ""), offered("", "10"), true},
		{offered("", "10"), offered("", "10"), true},
		{offered("", "10"), offered("", "11"), false},
		{Platform{OS: "linux", Architecture: "arm64"}, Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}, true},
		{Platform{OS: "linux", Architecture: "amd64"}, Platform{OS: "linux", Architecture: "amd64", Variant: "v3"}, false},
		{Platform{OS: "linux", Architecture: "s390x"}, Platform{OS: "linux", Architecture: "s390x"}, true},
		{Platform{OS: "linux", Architecture: "amd64"}, Platform{OS: "windows", Architecture: "amd64"}, false},
		{Platform{OS: "linux", Architecture: "amd64"}, Platform{OS: "unknown", Architecture: "unknown"}, false},
	} {
		if got := tc.asked.Matches(tc.offered); got != tc.want {
			t.Errorf("%+v matches %+v: %v", tc.asked, tc.offered, got)
		}
	}
}
