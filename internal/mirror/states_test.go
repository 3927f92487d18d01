package mirror

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/mirrorlist"
)

// states asks for those of the root as addr, on a connection of its own.
func (h *house) states(addr string) States {
	h.t.Helper()
	s, err := h.m.States(h.t.Context(), Request{Repo: "rpm", Path: repomdPath, Client: &Client{Addr: addr}})
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func stateOf(s *rpmState, date time.Time) mirrorlist.State {
	text := []byte(s.files[repomdPath])
	return mirrorlist.State{Digest: digest.Of(text), Size: int64(len(text)), Date: date}
}

func sameStates(a, b []mirrorlist.State) bool {
	return slices.EqualFunc(a, b, func(a, b mirrorlist.State) bool {
		return a.Digest == b.Digest && a.Size == b.Size && a.Date.Equal(b.Date)
	})
}

// TestPromise: who was told the states of a root gets none that was not among them,
// even where a newer one comes in between; and others, and the same client some
// seconds later, get the newer one.
func TestPromise(t *testing.T) {
	const early, later = "10.0.0.1", "10.0.0.2"
	h := newHouse(t, 1)
	old, young := newRPM(h, "1", monday, true).sign(h), newRPM(h, "2", tuesday, true).sign(h)
	before, after := stateOf(old, monday), stateOf(young, tuesday)
	gets := func(addr string, s *rpmState) {
		t.Helper()
		c := &Client{Addr: addr}
		h.rpmWants(c, repomdPath, s.files[repomdPath])
		h.rpmWants(c, repomdPath+".asc", s.files[repomdPath+".asc"])
	}
	old.publish(h.ups[0])
	h.makecache(nil, old, "primary.xml.gz")
	h.advance(58 * time.Second) // it is fresh for a minute
	if s := h.states(early); !sameStates([]mirrorlist.State{s.Now}, []mirrorlist.State{before}) || len(s.Others) != 0 {
		t.Errorf("%+v, expected %+v", s, before)
	}
	young.publish(h.ups[0])
	h.advance(3 * time.Second)
	gets(later, young)
	gets(early, old)
	// The one that is told again is not kept for longer, but the newer one is named.
	s := h.states(early)
	if all := append([]mirrorlist.State{s.Now}, s.Others...); !sameStates(all, []mirrorlist.State{before, after}) {
		t.Errorf("%+v, expected %+v and %+v", s, before, after)
	}
	gets(early, old)
	s = h.states(later)
	if all := append([]mirrorlist.State{s.Now}, s.Others...); !sameStates(all, []mirrorlist.State{after, before}) {
		t.Errorf("%+v, expected %+v and %+v", s, after, before)
	}
	h.advance(3 * time.Second)
	gets(early, young)
	if s := h.states(early); s.Now.Digest != after.Digest {
		t.Errorf("%+v, expected %+v", s, after)
	}
}

// TestHeadThenSignatureThenText: as zypper asks, each time on another connection.
func TestHeadThenSignatureThenText(t *testing.T) {
	h := newHouse(t, 1)
	old, young := newRPM(h, "1", monday, true).sign(h), newRPM(h, "2", tuesday, true).sign(h)
	const asc = repomdPath + ".asc"
	old.publish(h.ups[0])
	h.makecache(nil, old, "primary.xml.gz")
	h.advance(58 * time.Second)
	ask := func() *Client { return &Client{Addr: "10.0.0.1"} }
	a, err := h.m.Open(t.Context(), Request{Repo: "rpm", Path: repomdPath, Client: ask(), Head: true})
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	young.publish(h.ups[0])
	h.advance(3 * time.Second)
	h.rpmWants(&Client{Addr: "10.0.0.2"}, repomdPath, young.files[repomdPath])
	h.rpmWants(ask(), asc, old.files[asc])
	h.rpmWants(ask(), repomdPath, old.files[repomdPath])
	h.advance(3 * time.Second)
	h.rpmWants(ask(), repomdPath, young.files[repomdPath])
	h.rpmWants(ask(), asc, young.files[asc])
}

// TestPromiseProlonged: as long as it is the newest, each who is told has the whole
// time, also behind an address that others ask from.
func TestPromiseProlonged(t *testing.T) {
	h := newHouse(t, 1)
	old, young := newRPM(h, "1", monday, true), newRPM(h, "2", tuesday, true)
	old.publish(h.ups[0])
	h.makecache(nil, old, "primary.xml.gz")
	young.publish(h.ups[0])
	h.advance(54 * time.Second)
	h.states("10.0.0.1")
	h.advance(4 * time.Second)
	h.states("10.0.0.1")
	h.advance(3 * time.Second) // old by now, and past the first one's time
	h.rpmWants(&Client{Addr: "10.0.0.1"}, repomdPath, old.files[repomdPath])
	h.advance(3 * time.Second)
	h.rpmWants(&Client{Addr: "10.0.0.1"}, repomdPath, young.files[repomdPath])
}

// TestPromiseToACrowd: many behind one address ask for states and then for the root,
// in any order among each other, while upstream goes on. As long as it does so twice in
// promiseFor, everybody gets one of the states that he was told; and nobody is kept
// from what is new for longer.
func TestPromiseToACrowd(t *testing.T) {
	h := newHouse(t, 1)
	var made []*rpmState
	var news time.Time // when the newest was published
	publish := func() {
		made = append(made, newRPM(h, fmt.Sprint(len(made)), monday.Add(time.Duration(len(made))*time.Hour), true))
		made[len(made)-1].publish(h.ups[0])
		news = h.now()
	}
	publish()
	h.makecache(nil, made[0], "primary.xml.gz")
	type told struct {
		all []mirrorlist.State
		at  time.Time
	}
	var crowd [6]told
	random := rand.New(rand.NewPCG(1, 2))
	served := 0
	for range 400 {
		h.advance(time.Duration(random.IntN(1500)) * time.Millisecond)
		if h.now().Sub(news) > promiseFor/2 && random.IntN(4) == 0 {
			publish()
		}
		h.m.repos["rpm"].root(release40).doubt() // upstream is asked each time
		who := &crowd[random.IntN(len(crowd))]
		if who.all == nil || h.now().Sub(who.at) >= promiseFor {
			s := h.states("10.0.0.1")
			who.all, who.at = append(s.Others, s.Now), h.now()
			continue
		}
		a, err := h.m.Open(t.Context(), Request{Repo: "rpm", Path: repomdPath, Client: &Client{Addr: "10.0.0.1"}})
		if err != nil {
			t.Fatal(err)
		}
		a.Close()
		served++
		newest := a.Digest == stateOf(made[len(made)-1], monday).Digest
		if !newest && h.now().Sub(news) > promiseFor {
			t.Fatalf("%v after something new it is not given", h.now().Sub(news))
		}
		if !slices.ContainsFunc(who.all, func(s mirrorlist.State) bool { return s.Digest == a.Digest }) {
			t.Fatalf("%v after it was told of others: %s", h.now().Sub(who.at), a.Digest)
		}
		who.all = nil
	}
	if served < 100 || len(made) < 20 {
		t.Errorf("%d were served of %d states: no crowd", served, len(made))
	}
}

func TestStatesOfNothing(t *testing.T) {
	h := newHouse(t, 1)
	newRPM(h, "1", monday, true).publish(h.ups[0])
	for path, want := range map[string]func(error) bool{
		helloRPM:                             func(err error) bool { return errors.Is(err, ErrNotListed) },
		"releases/41/os/repodata/repomd.xml": absent,
	} {
		if s, err := h.m.States(t.Context(), Request{Repo: "rpm", Path: path}); !want(err) {
			t.Errorf("%s: %+v, %v", path, s, err)
		}
	}
	if _, err := h.m.States(t.Context(), Request{Repo: "x", Path: repomdPath}); !errors.Is(err, ErrUnknownRepo) {
		t.Error(err)
	}
	if s := h.states("10.0.0.1"); s.Stale != "" {
		t.Errorf("stale: %q", s.Stale)
	}
	h.ups[0].Down()
	h.advance(2 * time.Minute)
	if s := h.states("10.0.0.1"); s.Stale == "" {
		t.Error("upstream is down, and nothing is called stale")
	}
}
