package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/admin"
)

// remoteOptions say which mirrord a verb is for, and with which token.
type remoteOptions struct {
	server, config, tokenFile, ca string
	plain, json                   bool
}

func (o *remoteOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.server, "server", "", "URL of the mirrord, http[s]://host:port (default: where the configuration listens)")
	f.StringVar(&o.config, "config", "", "the mirrord's configuration file (default: the built-in catalogue)")
	f.StringVar(&o.tokenFile, "token-file", "", "file with the token (default: $MIRRORD_TOKEN, else the configuration's token_file)")
	f.StringVar(&o.ca, "ca", "", "PEM file of authorities to trust for the server, besides the system's")
	f.BoolVar(&o.plain, "plain-http", false, "send the token over plain HTTP to another machine too")
	f.BoolVar(&o.json, "json", false, "print the API's answer")
}

// tokenVariable is the environment's variable with a token.
const tokenVariable = "MIRRORD_TOKEN"

// adminClient is the admin API of one mirrord.
type adminClient struct {
	base   string
	secret string
	client http.Client
	out    io.Writer
	json   bool
}

func (o *remoteOptions) open(cmd *cobra.Command) (*adminClient, error) {
	cfg, err := loadConfig(o.config)
	if err != nil {
		return nil, err
	}
	server, err := serverURL(cmd, o.server, cfg)
	if err != nil {
		return nil, err
	}
	if !o.plain && !private(server) {
		return nil, usagef(cmd, "%s: the token would be readable on the way; expected https, or --plain-http", server)
	}
	secret := os.Getenv(tokenVariable)
	if o.tokenFile != "" || secret == "" {
		text, err := os.ReadFile(cmp.Or(o.tokenFile, tokenFile(cfg)))
		if err != nil {
			return nil, fmt.Errorf("no token: %w; give --token-file, or %s in the environment", err, tokenVariable)
		}
		secret = string(text)
	}
	r := &adminClient{base: server + admin.Prefix, secret: strings.TrimSpace(secret), out: cmd.OutOrStdout(), json: o.json}
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if o.ca != "" {
		r.client.Transport, err = trusting(o.ca)
	}
	return r, err
}

// private reports a URL whose requests nobody on the way can read.
func private(server string) bool {
	u, err := url.Parse(server)
	if err != nil || u.Scheme == "https" {
		return err == nil
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}

// trusting is a transport that trusts the authorities in the file too.
func trusting(file string) (http.RoundTripper, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no PEM certificate", file)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: pool}
	return t, nil
}

// answerMost bounds an answer, in bytes: the largest has 1,000 objects.
const answerMost = 64 << 20

// call makes one request and reads the answer into to. With --json it also prints it.
func (r *adminClient) call(ctx context.Context, method, path string, body, to any) error {
	var send io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.base+path, send)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.secret)
	req.Header.Set("User-Agent", "mirrord/"+cmp.Or(version, "devel"))
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return unreachable(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, answerMost))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return r.refused(resp, text)
	}
	if r.json {
		_, err = r.out.Write(text)
	}
	if jerr := json.Unmarshal(text, to); jerr != nil {
		return fmt.Errorf("%s answers what is no JSON: %w", r.base, jerr)
	}
	return err
}

// refused words an answer that is not 200.
func (r *adminClient) refused(resp *http.Response, text []byte) error {
	var p struct{ Detail string }
	if json.Unmarshal(text, &p) != nil || p.Detail == "" {
		return fmt.Errorf("%s answers %s: is it a mirrord?", r.base, resp.Status)
	}
	return fmt.Errorf("%d %s: %s", resp.StatusCode, http.StatusText(resp.StatusCode), p.Detail)
}
