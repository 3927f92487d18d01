package config

import (
	"crypto/tls"
	"net/url"
	"time"

	"mirrord/internal/mirrorlist"
)

// Config is a whole configuration, checked, with the defaults filled in.
type Config struct {
	File      string   // where it was read, for messages
	Listen    []string // host:port each, without TLS
	ListenTLS []string // the same with TLS; none without TLS
	TLS       *TLS     // nil = none
	PublicURL *url.URL // where clients reach mirrord; nil = where they say they do
	DataDir   string
	Log       Log
	AccessLog AccessLog
	Tracing   *Tracing // nil = none
	Offline   bool     // no upstream is asked
	// When it is told to stop, mirrord goes on as if it were not for DrainDelay, and
	// then lets what is under way end, for Drain at most.
	Drain, DrainDelay time.Duration
	Cache             Cache
	Admin             Admin
	Upstream          Timeouts
	Repos             []Repo
	Aliases           []Alias // in the order of the file
	Fleet             Fleet
}

// Admin is how the admin API is reached.
type Admin struct {
	TokenFile string // of the CLI's token; "" = admin.token in DataDir
	PlainHTTP bool   // calls over plain HTTP are answered from other machines too
}

// Alias is one entry of aliases: who asks for From is given To. Both are text
// here; repo/oci knows what a reference is.
type Alias struct {
	From, To string
	Line     int // where it stands, for Errorf
}

// Cache bounds what the store keeps on disk.
type Cache struct {
	MaxSize   int64 // bytes
	MinFree   int64 // bytes of the file system that are never used
	Abandoned Abandoned
	Scrub     int64 // bytes a second that are read again and checked, 0 = none
}

// Abandoned says what becomes of a fill whose last client has left.
type Abandoned string

// Finish fetches the rest; Park keeps what is there until somebody asks again.
const (
	Finish Abandoned = "finish"
	Park   Abandoned = "park"
)

// Timeouts bound the waits on an upstream.
type Timeouts struct {
	Connect time.Duration // to a connection, TLS included
	Header  time.Duration // from the request to the answer's header
	Idle    time.Duration // between two pieces of a body
}

// Type is the kind of a repository.
type Type string

// The kinds that are served.
const (
	Apt     Type = "apt"
	RPM     Type = "rpm"
	Generic Type = "generic"
	OCI     Type = "oci"
)

// Gone says what a client is given for a stored tag that upstream says 404 for.
type Gone string

// Deny passes the 404 on; Serve serves the stored tag, labelled; Warn does and logs it.
const (
	Deny  Gone = "deny"
	Warn  Gone = "warn"
	Serve Gone = "serve"
)

// Repo is one repository: a name under which its mirrors are served.
type Repo struct {
	Name      string
	Type      Type
	Upstreams []*url.URL        // the same tree on each, the preferred one first; no trailing slash
	Lists     []mirrorlist.List // of more mirrors; for type rpm only. Upstreams may be empty where there are some
	// TLS has for each upstream what its connections need that others do not: a
	// client certificate, an authority; nil, or a list that ends before, nothing.
	TLS       []*tls.Config
	Keyring   string // a file that could be read at load, or ""
	Fresh     time.Duration
	History   time.Duration // how long a state that was replaced can be asked for by its time
	Redirects []string      // host patterns: "host", "*.host", either with ":port"

	// Connections to one mirror for one large file, 1 to 4; 0 is 1.
	Connections int
	Rate        int64 // bytes a second of all its downloads together, 0 no cap
	MaxSize     int64 // bytes that it may keep stored, 0 only what all may together

	// What follows is for type oci only, and its zero value elsewhere.

	Default      bool     // serves the repositories that name no registry; at most one
	Realms       []string // "host" or "host:port": who may be asked for tokens and given credentials
	Share        []string // patterns of repository names that everybody may read
	Gone         Gone
	DockerConfig string // a file that could be read at load, or ""
	Login        bool   // /v2/ asks clients to log in
}

// Defaults that a configuration may override.
const (
	defaultListen = "127.0.0.1:8080" // closed until told otherwise

	defaultDrain = 30 * time.Second // most downloads are through by then, and clients of a restart still wait

	defaultMaxSize = 50 << 30 // bytes: one Debian release for one architecture, with room
	defaultMinFree = 2 << 30  // bytes: logs and the machine's own upgrades go on

	defaultScrub = 5_000_000 // bytes a second: a slow disk does not feel it, and 50 GiB take three hours

	defaultConnect = 5 * time.Second  // two lost SYNs: 1 s + 2 s, RFC 6298
	defaultHeader  = 10 * time.Second // a mirror's own disk or upstream may be slow
	defaultIdle    = 20 * time.Second // a stalled TCP connection has retried by then
)

// defaultFresh is how long what is mutable is served unasked.
var defaultFresh = map[Type]time.Duration{
	// A repository's root is asked for once a run of apt-get update; ten seconds let
	// a fleet that updates at once share one question and still see an update soon.
	Apt: 10 * time.Second,
	// The same of dnf makecache and repomd.xml.
	RPM: 10 * time.Second,
	// Nothing vouches for a generic file, and most of them never change.
	Generic: 60 * time.Second,
	// Tags. Docker Hub does not count the HEAD that confirms one, but limits how
	// many requests come from one address.
	OCI: 5 * time.Minute,
}

// withDefaults is the configuration of an empty file, but for its repositories.
func withDefaults(file string) *Config {
	return &Config{
		File:     file,
		Listen:   []string{defaultListen},
		DataDir:  DefaultDataDir(),
		Drain:    defaultDrain,
		Cache:    Cache{MaxSize: defaultMaxSize, MinFree: defaultMinFree, Abandoned: Finish, Scrub: defaultScrub},
		Upstream: Timeouts{Connect: defaultConnect, Header: defaultHeader, Idle: defaultIdle},
	}
}
