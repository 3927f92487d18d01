package server

import (
	"bytes"
	"strings"
)

// plainMax bounds a request that is recognised here; package managers send about
// 200 bytes.
const plainMax = 2 << 10

// plainFields are the fields that change nothing in the answer to a GET for a
// whole file, in lower case. A request with any other field is net/http's.
var plainFields = map[string]bool{
	"host": true, "user-agent": true, "accept": true, "accept-encoding": true,
	"accept-language": true, "cache-control": true, "pragma": true,
}

var (
	plainStart = []byte("GET /")
	plainProto = []byte(" HTTP/1.1")
	crlf       = []byte("\r\n")
)

const headEnd = "\r\n\r\n"

// plainRequest recognises at the start of buf a complete HTTP/1.1 request that
// asks for one whole file and nothing else, and tells its target and its length.
// It is strict: whatever is unusual in the least is not plain, and no error.
func plainRequest(buf []byte) (target string, length int, ok bool) {
	if !bytes.HasPrefix(buf, plainStart) {
		return "", 0, false
	}
	end := bytes.Index(buf[:min(len(buf), plainMax)], []byte(headEnd))
	if end < 0 {
		return "", 0, false
	}
	line, fields, _ := bytes.Cut(buf[:end+len(crlf)], crlf)
	path, proto := bytes.CutSuffix(line[len("GET "):], plainProto)
	if !proto || len(path) < 2 || !only(path, pathMarks) {
		return "", 0, false
	}
	hosts := 0
	for len(fields) > 0 {
		line, fields, _ = bytes.Cut(fields, crlf)
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || !plainValue(value) {
			return "", 0, false
		}
		switch key := strings.ToLower(string(name)); {
		case key == "host" && only(bytes.TrimSpace(value), hostMarks):
			hosts++
		case key == "connection" && strings.EqualFold(string(bytes.TrimSpace(value)), "keep-alive"):
		case !plainFields[key]:
			return "", 0, false
		}
	}
	return string(path), end + len(headEnd), hosts == 1
}

// plainField is the value of a field of a plain request, "" where it has none.
func plainField(request []byte, name string) string {
	for len(request) > 0 {
		var line []byte
		line, request, _ = bytes.Cut(request, crlf)
		key, value, _ := bytes.Cut(line, []byte(":"))
		if len(key) == len(name) && strings.EqualFold(string(key), name) {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

// What may stand beside letters and digits: in a path that needs no decoding, and
// in a host.
const (
	pathMarks = "/._-+~:=@,"
	hostMarks = "._-:[]"
)

// only reports that p is letters, digits and marks, and not nothing.
func only(p []byte, marks string) bool {
	for _, b := range p {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		case strings.IndexByte(marks, b) >= 0:
		default:
			return false
		}
	}
	return len(p) > 0
}

// plainValue admits printable ASCII.
func plainValue(v []byte) bool {
	for _, b := range v {
		if b < ' ' && b != '\t' || b >= 0x7f {
			return false
		}
	}
	return true
}
