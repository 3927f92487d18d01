package registryfaults

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"mirrord/internal/repo/oci"
	"mirrord/test/rig"
)

// codes are what may go with a status while upstream is in trouble.
var codes = map[int][]oci.Code{
	http.StatusUnauthorized:       {oci.CodeUnauthorized},
	http.StatusForbidden:          {oci.CodeDenied},
	http.StatusNotFound:           {oci.CodeManifestUnknown, oci.CodeBlobUnknown, oci.CodeNameUnknown},
	http.StatusTooManyRequests:    {oci.CodeTooManyRequests},
	http.StatusBadGateway:         {oci.CodeUnavailable},
	http.StatusServiceUnavailable: {oci.CodeUnavailable},
	http.StatusGatewayTimeout:     {oci.CodeUnavailable},
}

// password is what clients log in with. It, and what begins with it, must stand in
// no answer and no log.
const password = "hunter2-never-shown"

// basic is the header field of a user with a password.
func basic(user, password string) []string {
	return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
}

// upstreamFailed are the statuses of any trouble that passes.
var upstreamFailed = []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// failure says what is wrong with an error as clients get it: the API's form, one
// line, the registry named, nothing that is nobody's business.
func failure(m *rig.Mirrord, r rig.Reply, registry string, statuses ...int) error {
	if r.Err != nil || !slices.Contains(statuses, r.Status) {
		return fmt.Errorf("%s, expected one of %v; %.300q", r.How(), statuses, r.Body)
	}
	if late := slices.Contains([]int{429, 503, 504}, r.Status); late && r.Header.Get("Retry-After") == "" {
		return fmt.Errorf("%d without Retry-After", r.Status)
	}
	if r.Status == http.StatusUnauthorized && r.Header.Get("WWW-Authenticate") == "" {
		return errors.New("401 without WWW-Authenticate")
	}
	if r.Status == http.StatusRequestedRangeNotSatisfiable {
		return nil // net/http's own, before it is known that upstream told a wrong size
	}
	if err := apiForm(r, registry); err != nil {
		return fmt.Errorf("%w: %q", err, r.Body)
	}
	return discreet(m, string(r.Body))
}

// apiForm holds an error to the distribution specification's form.
func apiForm(r rig.Reply, registry string) error {
	var said struct {
		Errors []struct {
			Code    oci.Code
			Message string
		}
	}
	switch err := json.Unmarshal(r.Body, &said); {
	case r.Header.Get("Content-Type") != "application/json":
		return fmt.Errorf("error of type %q", r.Header.Get("Content-Type"))
	case err != nil:
		return err
	case len(said.Errors) != 1 || !slices.Contains(codes[r.Status], said.Errors[0].Code):
		return fmt.Errorf("%d without the one fitting code", r.Status)
	case strings.ContainsAny(said.Errors[0].Message, "\r\n") || bytes.ContainsAny(r.Body, "\r\n") || len(r.Body) > 700:
		return errors.New("more than one short line")
	case !strings.Contains(said.Errors[0].Message, registry):
		return errors.New("the registry is not named")
	}
	return nil
}

// discreet says what a text holds that is nobody's business.
func discreet(m *rig.Mirrord, text string) error {
	shown := []string{m.Data, "/tmp/", "partial/", "blobs/", password, "token-"}
	for _, user := range []string{"alice", "bob"} {
		_, encoded, _ := strings.Cut(basic(user, password)[1], " ")
		shown = append(shown, encoded)
	}
	for _, s := range shown {
		if strings.Contains(text, s) {
			return fmt.Errorf("%q in %q", s, text)
		}
	}
	return nil
}

// ranged are the header fields of a request for that Range, "" for the whole.
func ranged(field string) []string {
	if field == "" {
		return nil
	}
	return []string{"Range", field}
}

// exactly says what is wrong with an answer that must be that Range of data, or all
// of it, and no more.
func exactly(r rig.Reply, field string, data []byte) error {
	if err := r.Right(field, data); err != nil {
		return err
	}
	if field == "" {
		return nil
	}
	at := r.Header.Get("Content-Range")
	if want := fmt.Sprintf("%s/%d", strings.Replace(field, "=", " ", 1), len(data)); r.Status != http.StatusPartialContent || at != want {
		return fmt.Errorf("%d, Content-Range %q, expected 206 and %q", r.Status, at, want)
	}
	return nil
}

// manifestOf says what is wrong with an answer that must be the manifest data.
func manifestOf(r rig.Reply, data []byte) error {
	switch {
	case r.Right("", data) != nil:
		return fmt.Errorf("%w: %s, %.300q", r.Right("", data), r.How(), r.Body)
	case r.Header.Get("Docker-Content-Digest") != sum(data):
		return fmt.Errorf("Docker-Content-Digest is %q, expected %q", r.Header.Get("Docker-Content-Digest"), sum(data))
	case r.Header.Get("Content-Type") != oci.TypeManifest:
		return fmt.Errorf("type is %q", r.Header.Get("Content-Type"))
	}
	return nil
}

// headOf says what is wrong with the answer to a HEAD for data.
func headOf(r rig.Reply, data []byte) error {
	if r.Err != nil || r.Status != http.StatusOK || len(r.Body) != 0 {
		return errors.New(r.How())
	}
	if got := r.Header.Get("Content-Length"); got != "" && got != fmt.Sprint(len(data)) { // upstream need not tell it
		return fmt.Errorf("Content-Length is %q, expected %d", got, len(data))
	}
	if got := r.Header.Get("Docker-Content-Digest"); got != sum(data) {
		return fmt.Errorf("Docker-Content-Digest is %q, expected %q", got, sum(data))
	}
	return nil
}

func head(url string, fields ...string) rig.Reply {
	return rig.Do(noKeep, http.MethodHead, url, fields...)
}

var noKeep = rig.NewClient(false)

// until asks again and again until ok has nothing to say of the answer, for as long
// as the longest cool-down here takes and a busy machine adds.
func until(ask func() rig.Reply, ok func(rig.Reply) error) error {
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		err := ok(ask())
		if err == nil || time.Since(start) > recoverFor {
			return err
		}
	}
}

// recoverFor covers the cool-downs of a breaker (1 s, 2 s, 4 s, each up to a fifth
// longer) and a busy machine.
const recoverFor = 20 * time.Second
