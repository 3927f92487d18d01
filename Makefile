# `make run` starts mirrord; `make test` installs what the tests need and runs them.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := -s -w -X main.version=$(VERSION)
# A count: go's fuzzer can fail with "context deadline exceeded" where a time ends.
FUZZTIME ?= 20000x
# Flags for serve: make run ARGS="--listen 127.0.0.1:9090 --data /tmp/mirrord".
ARGS ?=
# How long soak goes on. What fails is repeated with the seed that it prints.
SOAK ?= 10m
# -quick takes about a minute and shows that it runs, not what is faster.
BENCHFLAGS ?=

# Pinned: a lint that changes by itself fails builds that did not.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
export GOVULNCHECK
# The last that builds with this Go; later ones do not.
NFPM := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.44.2
export NFPM
# Where make packages puts them.
PACKAGES ?= build/packages

.PHONY: run build test soak bench bench-evict bench-fleet lint fuzz docker packages deps clean

run:
	go run ./cmd/mirrord serve $(ARGS)

build:
	CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o build/mirrord ./cmd/mirrord

deps:
	scripts/deps.sh

test: deps
	scripts/test.sh ./...

soak: deps
	go test -race -count=1 -timeout=0 ./test/campaign -soak $(SOAK)

bench: deps
	go run ./bench $(BENCHFLAGS)

# The policies of eviction on made traces, and hits while a million objects lose some;
# or the policies on an access log of your own: LOG=access.log.
bench-evict:
	go run ./bench/evict $(if $(LOG),-log $(LOG))
	$(if $(LOG),,go test -run NONE -bench HitsWhileEvicting ./test/memory)

# What updates cost who has the version before, of real packages that apt fetches: BENCHFLAGS=-quick
# takes three, -dir keeps them for the next time.
bench-fleet: deps
	go run ./bench/fleet $(BENCHFLAGS)

lint:
	scripts/gofmt.sh
	go vet ./...
	go run $(STATICCHECK) ./...
	scripts/vulncheck.sh

fuzz:
	scripts/fuzz.sh $(FUZZTIME)

docker:
	scripts/image.sh build/image
	docker build -t mirrord build/image

packages:
	scripts/packages.sh $(PACKAGES)

clean:
	rm -rf build
