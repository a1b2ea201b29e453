package subdomain_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/aditechsphere/fairway/backends/subdomain"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	table := subdomain.NewTable("example.com", map[string]string{"@": "apex", "blog": "blog", "a.b": "a.b"})
	for host, want := range map[string]string{
		"example.com":           "apex",
		"EXAMPLE.com":           "apex",
		"example.com.":          "apex",
		"example.com:443":       "apex",
		"example.com.:443":      "apex",
		"blog.example.com":      "blog",
		"BLOG.Example.COM":      "blog",
		"blog.example.com:":     "blog",
		"a.b.example.com":       "a.b",
		"b.example.com":         "",
		"x.blog.example.com":    "",
		"blog.example.com..":    "",
		"blog.example.com:1:2":  "",
		"blog..example.com":     "",
		".blog.example.com":     "",
		".example.com":          "",
		"..example.com":         "",
		"@.example.com":         "",
		"@":                     "",
		"blogexample.com":       "",
		"xexample.com":          "",
		"blog.example.com.evil": "",
		"blog.example.org":      "",
		"blog":                  "",
		"":                      "",
		".":                     "",
		":":                     "",
		":443":                  "",
		"[::1]":                 "",
		"[::1]:443":             "",
		"blog.example.com\x00":  "",
		"blog%2eexample.com":    "",
		"ｂlog.example.com":      "",
		"com":                   "",
		strings.Repeat("x", 300) + ".example.com": "",
		strings.Repeat("x", 99999):                "",
	} {
		if got, ok := table.Lookup(host); got != want || ok != (want != "") {
			t.Errorf("Lookup(%q) = %q, %v; want %q", host, got, ok, want)
		}
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	table := tableOf(1000)
	for _, host := range []string{"label-500.example.com", "LABEL-500.Example.com:8443", "unknown.example.com"} {
		if allocations := testing.AllocsPerRun(1000, func() { table.Lookup(host) }); allocations != 0 {
			t.Errorf("Lookup(%q) allocates %v times", host, allocations)
		}
	}
}

// A table is a map from labels, whatever the order of its changes.
func TestTableIsAMap(t *testing.T) {
	t.Parallel()
	label := rapid.SampledFrom([]string{"@", "a", "b", "a.b", "xn--bcher-kva", "www", "0"})
	rapid.Check(t, func(t *rapid.T) {
		model := rapid.MapOf(label, rapid.Int()).Draw(t, "rows")
		table := subdomain.NewTable("example.com", maps.Clone(model))
		for range rapid.IntRange(0, 10).Draw(t, "changes") {
			put := rapid.MapOf(label, rapid.Int()).Draw(t, "put")
			remove := rapid.SliceOf(label).Draw(t, "remove")
			table.Change(put, remove)
			for _, label := range remove {
				delete(model, label)
			}
			maps.Copy(model, put)
		}
		if labels, want := table.Labels(), slices.Sorted(maps.Keys(model)); !slices.Equal(slices.Sorted(slices.Values(labels)), want) || table.Len() != len(want) {
			t.Fatalf("labels are %q, want %q", labels, want)
		}
		for _, label := range []string{"@", "a", "b", "a.b", "xn--bcher-kva", "www", "0", "c"} {
			want, known := model[label]
			name, err := subdomain.Join(label, "example.com")
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := table.Lookup(strings.ToUpper(name) + ".:443"); ok != known || got != want {
				t.Fatalf("Lookup(%q) = %v, %v; want %v, %v", name, got, ok, want, known)
			}
			if got, ok := table.Get(label); ok != known || got != want {
				t.Fatalf("Get(%q) = %v, %v; want %v, %v", label, got, ok, want, known)
			}
		}
	})
}

// Readers see each change whole or not at all.
func TestChangeIsAtomic(t *testing.T) {
	t.Parallel()
	const changes = 300
	table := subdomain.NewTable[int]("example.com", nil)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				first, _ := table.Lookup("first.example.com")
				if second, ok := table.Lookup("second.example.com"); ok && second < first {
					t.Errorf("second is %d after first was %d", second, first)
				}
				table.Labels()
			}
		})
	}
	for i := range changes {
		table.Change(map[string]int{"first": i, "second": i}, nil)
		table.Change(map[string]int{fmt.Sprint(i): i}, []string{fmt.Sprint(i - 1)})
	}
	close(done)
	readers.Wait()
	if table.Len() != 3 {
		t.Errorf("%d rows are left, want 3", table.Len())
	}
}

func tableOf(rows int) *subdomain.Table[[2]string] {
	values := make(map[string][2]string, rows)
	for i := range rows {
		values[fmt.Sprintf("label-%d", i)] = [2]string{"127.0.0.1:8000"}
	}
	return subdomain.NewTable("example.com", values)
}

func BenchmarkLookup(b *testing.B) {
	for _, rows := range []int{3, 10, 1_000, 100_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			table := tableOf(rows)
			hosts := make([]string, 1024) // so that more than one row is warm in the cache
			for i := range hosts {
				hosts[i] = fmt.Sprintf("label-%d.example.com:8443", i*7919%rows)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, ok := table.Lookup(hosts[i%len(hosts)]); !ok {
					b.Fatal("not found")
				}
				i++
			}
		})
	}
}

func BenchmarkChange(b *testing.B) {
	for _, rows := range []int{10, 1_000, 100_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			table := tableOf(rows)
			for b.Loop() {
				table.Change(map[string][2]string{"new": {}}, nil)
			}
		})
	}
}
