package upstream

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseChallenges(t *testing.T) {
	type params = map[string]string
	for v, want := range map[string][]challenge{
		`Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"`: {
			{"bearer", params{"realm": "https://auth.example/token", "service": "registry.example", "scope": "repository:a/b:pull,push"}},
		},
		`Basic realm=x, BEARER Realm = "a\"b" , service=s`: {{"basic", params{"realm": "x"}}, {"bearer", params{"realm": `a"b`, "service": "s"}}},
		`Negotiate`:                        {{"negotiate", params{}}},
		`Negotiate YII/+==, Basic realm=x`: {{"negotiate", params{}}, {"basic", params{"realm": "x"}}},
		`, ,Basic ,, realm=x,`:             {{"basic", params{"realm": "x"}}},
		`Bearer realm=a, realm=b`:          {{"bearer", params{"realm": "a"}}},
		`Basic realm=x, Bearer realm="y`:   {{"basic", params{"realm": "x"}}},
		`Bearer realm=a b=c`:               nil,
		`Bearer realm="a"b`:                nil,
		`Bearer realm=`:                    {{"bearer", params{}}},
		`Bearer realm=,`:                   {{"bearer", params{}}},
		`="x"`:                             nil,
		``:                                 nil,
	} {
		if got := parseChallenges([]string{v}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", v, got)
		}
	}
	if n := len(parseChallenges([]string{strings.Repeat("A,", 100), "B"})); n != challengesMost {
		t.Error(n)
	}
}

func TestChoose(t *testing.T) {
	for v, want := range map[string]string{
		`Basic realm=x, Bearer realm="https://u:p@auth.example/t?a=b#c"`: "https://auth.example/t?a=b",
		`Bearer realm="file:///etc/passwd", Basic realm=x`:               "basic",
		`Bearer realm="/token"`:                                          "none",
		`Bearer service=x`:                                               "none",
		`Digest realm="http://x"`:                                        "none",
	} {
		o, ok := choose(parseChallenges([]string{v}))
		got := "none"
		if ok && o.realm == nil {
			got = "basic"
		} else if ok {
			got = o.realm.String()
		}
		if got != want {
			t.Errorf("%s: %s", v, got)
		}
	}
}

func FuzzChallenges(f *testing.F) {
	f.Add(`Bearer realm="https://auth.example/token",service="x",scope="repository:a/b:pull"`)
	f.Add(`Basic realm="a\"b", Negotiate YII=, Bearer realm=x , y = "z"`)
	f.Fuzz(func(t *testing.T, v string) {
		cs := parseChallenges([]string{v})
		if len(cs) > challengesMost {
			t.Fatal(len(cs))
		}
		var again []string
		for _, c := range cs {
			s := c.scheme
			for i, k := range slices.Sorted(maps.Keys(c.params)) {
				q := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(c.params[k])
				s += map[bool]string{true: " ", false: ", "}[i == 0] + k + `="` + q + `"`
			}
			again = append(again, s)
		}
		if got := parseChallenges([]string{strings.Join(again, ", ")}); len(cs) > 0 && !reflect.DeepEqual(got, cs) {
			t.Fatalf("%q: %v reads back as %v", v, cs, got)
		}
		choose(cs)
	})
}

func TestRealms(t *testing.T) {
	mirror := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	listed := []string{"Auth.example", "odd.example:8443", "[2001:db8::1]:5000"}
	plain := NewGroup(Config{Mirrors: []*url.URL{mirror("http://reg.example:5000")}, Realms: listed}, NewTransport(Options{}))
	secure := NewGroup(Config{Mirrors: []*url.URL{mirror("https://reg.example")}, Realms: listed}, NewTransport(Options{}))
	for realm, want := range map[string][2]bool{ // of plain and secure
		"http://reg.example:5000/t":     {true, false},
		"https://reg.example/t":         {false, true},
		"https://reg.example:443/t":     {false, true},
		"http://reg.example/t":          {false, false},
		"https://auth.example/t":        {true, true},
		"http://AUTH.example/t":         {true, false},
		"https://auth.example:8443/":    {false, false},
		"http://auth.example:443/":      {false, false},
		"https://odd.example:8443/":     {true, true},
		"https://odd.example/":          {false, false},
		"https://[2001:db8::1]:5000/":   {true, true},
		"https://x.auth.example/":       {false, false},
		"https://auth.example.evil/":    {false, false},
		"http://169.254.169.254/latest": {false, false},
	} {
		for i, g := range []*Group{plain, secure} {
			if err := g.admit(g.mirrors()[0], mirror(realm)); (err == nil) != want[i] {
				t.Errorf("%s for %s: %v", realm, g.mirrors()[0].label, err)
			} else if at := hostPort(mirror(realm)); err == nil && !g.t.configured(at) {
				t.Errorf("%s cannot be dialled", at)
			}
		}
	}
}

func TestParseRateLimit(t *testing.T) {
	for v, want := range map[string]RateLimit{
		"100;w=21600":            {100, 100, 6 * time.Hour},
		"2000":                   {2000, 2000, 0},
		" 5 ; x=1; w=60, 9;w=70": {5, 5, time.Minute},
		"5;w=999999999999":       {5, 5, 0},
	} {
		got, ok := parseRateLimit(http.Header{"Ratelimit-Limit": {v}, "Ratelimit-Remaining": {v}})
		if !ok || got != want {
			t.Errorf("%q: %+v", v, got)
		}
	}
	for _, v := range []string{"", "-1", "x;w=1", "99999999999", ";w=1"} {
		if _, ok := parseRateLimit(http.Header{"Ratelimit-Limit": {v}, "Ratelimit-Remaining": {"1"}}); ok {
			t.Errorf("%q taken", v)
		}
	}
}

func FuzzRateLimit(f *testing.F) {
	f.Add("100;w=21600", "76;w=21600")
	f.Fuzz(func(t *testing.T, limit, remaining string) {
		r, ok := parseRateLimit(http.Header{"Ratelimit-Limit": {limit}, "Ratelimit-Remaining": {remaining}})
		if ok && (r.Limit < 0 || r.Remaining < 0 || r.Window < 0 || r.Window > windowMost) {
			t.Fatalf("%q %q: %+v", limit, remaining, r)
		}
	})
}

func TestLoginPrintsNoSecret(t *testing.T) {
	for _, l := range []Login{
		{Username: "hush", Password: "hush"}, {IdentityToken: "hush"}, {Bearer: "hush"}, {Username: "hush", IdentityToken: "hush"},
	} {
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "login", l, "ptr", &l)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "login", l, "ptr", &l)
		coded, err := json.Marshal(struct{ L Login }{l})
		if err != nil {
			t.Error(err)
		}
		text := fmt.Sprintf("%v %+v %#v %s %q %v %+v", l, l, l, l, l, &l, struct{ L *Login }{&l}) + log.String() + string(coded) + l.Mark()
		if strings.Contains(text, "hush") {
			t.Error(text)
		}
	}
}

func TestMarks(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range []Login{{}, {Username: "a", Password: "b"}, {Username: "ab"}, {Username: "a", IdentityToken: "b"}, {Username: "a", Bearer: "b"}} {
		seen[l.Mark()] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d marks", len(seen))
	}
}
