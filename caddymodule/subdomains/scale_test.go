package subdomains_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestScale(t *testing.T) {
	const rows = 100_000
	before := heap()
	var text strings.Builder
	text.WriteString("{\n{global}\n}\nhttp://*.example.com {\n\tbind unix/{socket}\n\tsubdomains {\n")
	for i := range rows {
		fmt.Fprintf(&text, "\t\tcustomer-%d 127.0.0.1:%d\n", i, 1024+i%60000)
	}
	text.WriteString("\t}\n}\n")
	i := start(t, "{\n{global}\n}\nhttp://*.example.com {\n\tbind unix/{socket}\n\tsubdomains {\n\t\ta 127.0.0.1:1\n\t}\n}\n")
	before = heap()
	began := time.Now()
	config, err := i.adapt(text.String())
	t.Log("adapt", time.Since(began), len(config), err)
	began = time.Now()
	if err := i.load(text.String()); err != nil {
		t.Fatal(err)
	}
	t.Log("adapt+load", time.Since(began))
	config = nil
	began = time.Now()
	after := heap()
	t.Logf("heap %d per row", int64(after-before)/rows)
	runtime.KeepAlive(i)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
