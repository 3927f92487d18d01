package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var sizeForm = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)$`)

var units = map[string]float64{
	"": 1, "B": 1,
	"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

const expectedSize = "a size such as 50GiB, 512MiB or 2GB"

// parseSize reads a number of bytes. It is stricter than the libraries for this:
// "50g" or "50Gi" would be a guess, and a guess may fill a disk.
func parseSize(s string) (int64, error) {
	parts := sizeForm.FindStringSubmatch(s)
	if parts == nil {
		return 0, fmt.Errorf("%q is not a size", s)
	}
	unit, known := units[parts[2]]
	if !known {
		return 0, fmt.Errorf("%q has an unknown unit", s)
	}
	number, err := strconv.ParseFloat(parts[1], 64)
	if err != nil || number*unit >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return int64(number * unit), nil
}

// parseBudget is parseSize without zero.
func parseBudget(s string) (int64, error) {
	n, err := parseSize(s)
	if err == nil && n == 0 {
		return 0, errors.New("a cache of no bytes holds nothing")
	}
	return n, err
}

const (
	expectedWait  = "a duration above zero such as 5s or 1m"
	expectedFresh = "a duration such as 10s, 5m or 0s"
)

const expectedRate = "a rate such as 50MB/s or 512KiB/s"

func parseRate(s string) (int64, error) {
	size, ok := strings.CutSuffix(s, "/s")
	n, err := parseSize(strings.TrimSpace(size))
	switch {
	case !ok || err != nil:
		return 0, fmt.Errorf("%q is not a rate", s)
	case n < rateLeast:
		return 0, fmt.Errorf("%q is less than a modem's", s)
	}
	return n, nil
}

const expectedScrub = "a rate such as 5MB/s, or off"

func parseScrub(s string) (int64, error) {
	if s == "off" {
		return 0, nil
	}
	return parseRate(s)
}

// rateLeast bytes a second: under it every client would give up.
const rateLeast = 1 << 10

const (
	expectedConnections = "a number from 1 to 4"
	connectionsMost     = 4 // what the keepers of mirrors put up with
)

func parseConnections(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > connectionsMost {
		return 0, fmt.Errorf("%q is no number of connections", s)
	}
	return n, nil
}

func parseFresh(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration", s)
	}
	if d < 0 {
		return 0, fmt.Errorf("%q is negative", s)
	}
	return d, nil
}

// parseWait is parseFresh without zero: a wait of no time would refuse every answer.
func parseWait(s string) (time.Duration, error) {
	d, err := parseFresh(s)
	if err == nil && d == 0 {
		return 0, fmt.Errorf("%q is no time at all", s)
	}
	return d, err
}

const expectedAddress = `an address such as "127.0.0.1:8080" or ":8080"`

// ParseListen checks a listen address: a host that may be empty, and a port.
func ParseListen(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", fmt.Errorf("%q is not host:port", s)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%q has no port between 0 and %d", s, math.MaxUint16)
	} else {
		return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
	}
}

func parseAbandoned(s string) (Abandoned, error) {
	if a := Abandoned(s); a == Finish || a == Park {
		return a, nil
	}
	return "", fmt.Errorf("%q is unknown", s)
}

func parseBool(s string) (bool, error) {
	switch s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither", s)
}

const (
	expectedText      = "a path"
	expectedReference = `a name or a reference such as "library/alpine:3.12"`
)

func parseText(s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", errors.New("is empty")
	}
	return s, nil
}
