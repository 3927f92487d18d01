package main

import (
	"context"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

//go:embed nginx.conf.tmpl
var nginxTemplate string

// nginxTemp finds the scratch directories that this nginx was built with, each of
// which it makes at start unless told of another.
var nginxTemp = regexp.MustCompile(`--http-([a-z-]+)-temp-path=`)

// nginxValues fill nginx.conf.tmpl.
type nginxValues struct {
	Dir, Addr, Origin string
	Root              bool     // workers stay root, who alone can enter Dir
	NoPush            string   // on or off
	Temp              []string // names of temp_path directives
}

func startNginx(ctx context.Context, f *fleet, dir string, o options, repo *repository) error {
	built, err := exec.CommandContext(ctx, "nginx", "-V").CombinedOutput()
	if err != nil {
		return err
	}
	version, _, _ := strings.Cut(string(built), "\n")
	f.versions[nginxName] = strings.TrimPrefix(version, "nginx version: ") + ", tcp_nopush " + onOff(o.noPush)
	origin, err := f.origin(repo)
	if err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	v := nginxValues{
		Dir: dir, Addr: addr, Root: os.Geteuid() == 0, NoPush: onOff(o.noPush),
		Origin: strings.TrimSuffix(strings.TrimPrefix(origin.URL, "http://"), "/debian"),
	}
	for _, m := range nginxTemp.FindAllStringSubmatch(string(built), -1) {
		v.Temp = append(v.Temp, strings.ReplaceAll(m[1], "-", "_"))
	}
	conf, err := writeNginxConf(dir, v)
	if err != nil {
		return err
	}
	p, err := f.run(ctx, dir, addr, "nginx", "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	if err != nil {
		return err
	}
	f.add(&server{name: nginxName, base: "http://" + addr + "/bench", pid: p.cmd.Process.Pid, origin: origin})
	return nil
}

func writeNginxConf(dir string, v nginxValues) (string, error) {
	t, err := template.New("nginx.conf").Parse(nginxTemplate)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "nginx.conf")
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if err := t.Execute(file, v); err != nil {
		return "", err
	}
	return path, file.Close()
}

func onOff(v bool) string {
	if v {
		return "on"
	}
	return "off"
}
