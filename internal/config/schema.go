package config

import "github.com/goccy/go-yaml/ast"

// top reads the whole file.
func (r *reader) top(n ast.Node, cfg *Config) error {
	err := r.mapping(n, "the configuration", map[string]setter{
		"listen":      r.listen(&cfg.Listen, "listen"),
		"listen_tls":  r.listen(&cfg.ListenTLS, "listen_tls"),
		"tls":         r.tls(&cfg.TLS),
		"log":         r.log(&cfg.Log),
		"access_log":  r.accessLog(&cfg.AccessLog),
		"tracing":     r.tracing(&cfg.Tracing),
		"public_url":  value(r, &cfg.PublicURL, "public_url", expectedPublic, parsePublic),
		"data_dir":    value(r, &cfg.DataDir, "data_dir", expectedText, parseText),
		"drain":       value(r, &cfg.Drain, "drain", expectedFresh, parseFresh),
		"drain_delay": value(r, &cfg.DrainDelay, "drain_delay", expectedFresh, parseFresh),
		"offline":     value(r, &cfg.Offline, "offline", expectedBool, parseBool),
		"cache": func(n ast.Node) error {
			return r.mapping(n, "cache", map[string]setter{
				"max_size":  value(r, &cfg.Cache.MaxSize, "max_size", expectedSize, parseBudget),
				"min_free":  value(r, &cfg.Cache.MinFree, "min_free", expectedSize, parseSize),
				"scrub":     value(r, &cfg.Cache.Scrub, "scrub", expectedScrub, parseScrub),
				"abandoned": value(r, &cfg.Cache.Abandoned, "abandoned", "finish or park", parseAbandoned),
			})
		},
		"admin": func(n ast.Node) error {
			return r.mapping(n, "admin", map[string]setter{
				"token_file": value(r, &cfg.Admin.TokenFile, "token_file", expectedText, parseText),
				"plain_http": value(r, &cfg.Admin.PlainHTTP, "plain_http", expectedBool, parseBool),
			})
		},
		"upstream": func(n ast.Node) error {
			return r.mapping(n, "upstream", map[string]setter{
				"connect_timeout": value(r, &cfg.Upstream.Connect, "connect_timeout", expectedWait, parseWait),
				"header_timeout":  value(r, &cfg.Upstream.Header, "header_timeout", expectedWait, parseWait),
				"idle_timeout":    value(r, &cfg.Upstream.Idle, "idle_timeout", expectedWait, parseWait),
			})
		},
		"aliases": r.aliases(&cfg.Aliases),
		"fleet":   r.fleet(&cfg.Fleet),
		"repos": r.list("repos", func(n ast.Node) error {
			repo, err := r.repo(n)
			cfg.Repos = append(cfg.Repos, repo)
			return err
		}),
	})
	if err != nil {
		return err
	}
	return r.served(n, cfg)
}

// listen reads a list of addresses that may be empty.
func (r *reader) listen(to *[]string, key string) setter {
	return func(n ast.Node) error {
		*to = nil
		if list, ok := n.(*ast.SequenceNode); ok && len(list.Values) == 0 {
			return nil
		}
		return r.texts(to, key, expectedAddress, ParseListen)(n)
	}
}

// aliases reads a mapping of one reference to another, line by line.
func (r *reader) aliases(to *[]Alias) setter {
	return func(n ast.Node) error {
		values, ok := pairs(n)
		if !ok {
			return r.wrong(n, "aliases is %s, expected a mapping of references to references", kind(n))
		}
		for _, pair := range values {
			alias := Alias{Line: lineOf(pair.Key)}
			if err := value(r, &alias.From, "aliases", expectedReference, parseText)(pair.Key); err != nil {
				return err
			}
			if err := value(r, &alias.To, "aliases", expectedReference, parseText)(pair.Value); err != nil {
				return err
			}
			*to = append(*to, alias)
		}
		return nil
	}
}
