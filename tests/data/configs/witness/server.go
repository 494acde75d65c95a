package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	v2 "gopkg.in/yaml.v2"
	v3 "gopkg.in/yaml.v3"
)

type Rule struct {
	MatchRegex  *string `yaml:"match-regex,omitempty"`
	MatchType   *string `yaml:"match-type,omitempty"`
	Action      *string `yaml:"action,omitempty"`
	RewriteName *string `yaml:"rewrite-name,omitempty"`
}
type Static struct {
	OsAppTagExecUser         *string  `yaml:"os-app-tag-exec-user,omitempty"`
	OsAppTagExec             []string `yaml:"os-app-tag-exec,omitempty"`
	OsProcRoot               *string  `yaml:"os-proc-root,omitempty"`
	OsProcSocketSyncInterval *int     `yaml:"os-proc-socket-sync-interval,omitempty"`
	OsProcSocketMinLifetime  *int     `yaml:"os-proc-socket-min-lifetime,omitempty"`
	OsProcRegex              []*Rule  `yaml:"os-proc-regex,omitempty"`
	OsProcSyncEnabled        *bool    `yaml:"os-proc-sync-enabled,omitempty"`
	OsProcSyncTaggedOnly     *bool    `yaml:"os-proc-sync-tagged-only,omitempty"`
}
type Outer struct {
	YamlConfig *Static `yaml:"static_config,omitempty"`
}

func run(kind, text string) (out map[string]interface{}) {
	defer func() {
		if r := recover(); r != nil {
			out = map[string]interface{}{"panic": fmt.Sprint(r)}
		}
	}()
	var c *Static
	var err error
	dec := v3.NewDecoder(bytes.NewReader([]byte(text)))
	if kind == "outer" {
		o := &Outer{}
		err = dec.Decode(&o)
		if o != nil {
			c = o.YamlConfig
		}
	} else {
		c = &Static{}
		err = dec.Decode(&c)
	}
	if err == io.EOF {
		return map[string]interface{}{"error": "EOF"}
	}
	if err != nil {
		return map[string]interface{}{"error": err.Error()}
	}
	if c == nil {
		return map[string]interface{}{"v2": "", "v3": "", "nil": true}
	}
	b2, e2 := v2.Marshal(c)
	b3, e3 := v3.Marshal(c)
	if e2 != nil || e3 != nil {
		return map[string]interface{}{"error": fmt.Sprint(e2, e3)}
	}
	return map[string]interface{}{"v2": string(b2), "v3": string(b3)}
}
func main() {
	sc := bufio.NewReaderSize(os.Stdin, 1<<20)
	w := bufio.NewWriter(os.Stdout)
	for {
		line, err := sc.ReadBytes('\n')
		if err != nil {
			return
		}
		var q map[string]string
		if err := json.Unmarshal(line, &q); err != nil {
			panic(err)
		}
		b, _ := json.Marshal(run(q["kind"], q["text"]))
		w.Write(b)
		w.WriteByte('\n')
		w.Flush()
	}
}
