package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"time"
)

var errWrongAnswer = errors.New("wrong answer")

// newClient has connections of its own, as another machine's apt would.
func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{DisableCompression: true, ReadBufferSize: 64 << 10},
		Timeout:   2 * time.Minute,
	}
}

// fetch reads one object, checks every byte, and tells how long the first byte of
// the body took from asking.
func fetch(ctx context.Context, c *http.Client, url string, o object) (first time.Duration, err error) {
	start := time.Now()
	body, err := open(ctx, c, url)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	crc, size, buf := uint32(0), int64(0), make([]byte, 256<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 && size == 0 {
			first = time.Since(start)
		}
		crc, size = crc32.Update(crc, castagnoli, buf[:n]), size+int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("%s after %d bytes: %w", url, size, err)
		}
	}
	if size != o.Size || crc != o.CRC {
		return 0, fmt.Errorf("%w: %s: %d bytes, checksum %08x; want %d, %08x", errWrongAnswer, url, size, crc, o.Size, o.CRC)
	}
	return first, nil
}

func open(ctx context.Context, c *http.Client, url string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		resp.Body.Close()
		return nil, fmt.Errorf("%w: %s: %s: %s", errWrongAnswer, url, resp.Status, said)
	}
	return resp.Body, nil
}

// update asks for the indexes, as `apt-get update` does before anything else. A
// missing one is no error: the repository is unsigned, so it has no InRelease.
func update(ctx context.Context, base string, repo *repository) error {
	c := newClient()
	defer c.CloseIdleConnections()
	for _, index := range repo.Indexes {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/"+index, nil)
		if err != nil {
			return err
		}
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
