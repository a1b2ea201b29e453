package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// fewHosts and manyHosts are the numbers of virtual hosts that are compared.
const (
	fewHosts  = 10
	manyHosts = 1000
)

// hostsRow is a server with virtual hosts of Apache.
type hostsRow struct {
	namesRow
	Adapts []float64 `json:"adapt_ms,omitempty"` // of "caddy adapt", from start to end of the process
}

// hosts writes one configuration of Apache, for Apache and for Fairway.
func (w *workspace) hosts(count int) (config string, err error) {
	config, err = w.write("apache-hosts.conf", struct {
		namesData
		Modules []string
	}{w.names(count, ""), []string{"mpm_event", "authz_core", "alias", "dir", "headers", "mime", "rewrite", "socache_shmcb", "ssl"}})
	if err != nil {
		return "", err
	}
	root := filepath.Join(w.Folder, "www")
	err = errors.Join(
		os.MkdirAll(root, 0o755),                             // #nosec G301 -- Apache reads it as another user
		os.Chmod(w.Folder, 0o755), os.Chmod(w.Shared, 0o755), // #nosec G302
		os.WriteFile(filepath.Join(root, "index.html"), []byte(w.Body), 0o644), // #nosec G306
	)
	return config, err
}

// fairwayHosts is Fairway with Apache's configuration, by way of the adapter.
func fairwayHosts(count int) *names {
	return newNames(peer{
		key: "fairway", title: "Fairway, Apache's virtual hosts",
		pages: []page{nthPage(1)},
		prepare: func(w *workspace) ([]command, error) {
			config, err := w.hosts(count)
			commands := w.caddy(config)
			commands[0].args = []string{"run", "--config", config, "--adapter", "apache"}
			commands[0].env = append(commands[0].env, "CADDY_ADMIN=127.0.0.1:"+strconv.Itoa(w.Admin))
			return commands, err
		},
	}, count)
}

// apacheHosts is Apache itself.
func apacheHosts(count int) *names {
	return newNames(peer{
		key: "apache", title: "Apache, virtual hosts", needs: apache.needs[:1],
		pages: []page{nthPage(1)},
		prepare: func(w *workspace) ([]command, error) {
			config, err := w.hosts(count)
			return []command{{name: "apache2", args: []string{"-D", "FOREGROUND", "-f", config}}}, err
		},
	}, count)
}

// measureHosts measures few and many virtual hosts side by side, because a bar
// compares them: of Fairway, then of Apache.
func (b *bench) measureHosts(ctx context.Context) error {
	for _, make := range []func(int) *names{fairwayHosts, apacheHosts} {
		pair := []*names{make(fewHosts), make(manyHosts)}
		if !b.selected(pair[0].peer.key) || ctx.Err() != nil {
			continue
		}
		b.measureHostsOf(ctx, pair)
	}
	return ctx.Err()
}

func (b *bench) measureHostsOf(ctx context.Context, pair []*names) {
	adapts := make([][]float64, len(pair))
	for i, n := range pair {
		if err := b.startNames(ctx, n, b.runs); err != nil {
			b.problem(ctx, err)
			return
		}
		defer n.stack.stop()
		if n.peer.key != fairway.key {
			continue
		}
		var err error
		if adapts[i], err = b.adapt(ctx, n); err != nil {
			b.problem(ctx, err)
			return
		}
	}
	b.loadNames(ctx, pair...)
	for i, n := range pair {
		b.report.Hosts = append(b.report.Hosts, hostsRow{n.row, adapts[i]})
	}
}

// adapt times the command that adapts the configuration, in ms.
func (b *bench) adapt(ctx context.Context, n *names) (times []float64, err error) {
	config := filepath.Join(n.stack.Folder, "apache-hosts.conf")
	for range b.runs {
		if err := b.awaitQuiet(ctx); err != nil {
			return nil, err
		}
		cmd := exec.CommandContext(ctx, b.caddy, "adapt", "--adapter", "apache", "--config", config) // #nosec G204 -- its own file
		cmd.SysProcAttr = processAttributes()
		var problem bytes.Buffer
		cmd.Stderr = &problem
		begun := time.Now()
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("adapting %d virtual hosts: %w: %s", n.row.Names, err, tail(problem.Bytes(), 3))
		}
		times = append(times, milliseconds(time.Since(begun)))
	}
	b.progress("hosts  %-30s %7s names: %6.0f ms to adapt", n.row.Title, thousands(float64(n.row.Names)), medianOf(times))
	return times, nil
}

func (r *report) writeHosts(put putter) {
	if len(r.Hosts) == 0 {
		return
	}
	put("\nVirtual hosts of Apache\tnumber\tadapted\tfirst answer\tmemory at rest\trequests/s, first\tlast\trandom\tfailed")
	for _, row := range r.Hosts {
		adapted := ""
		if len(row.Adapts) > 0 {
			adapted = fmt.Sprintf("%.0f ms", medianOf(row.Adapts))
		}
		failed := row.First.failures() + row.Last.failures() + row.Random.failures()
		put("%s\t%s\t%s\t%.0f ms\t%s\t%s\t%s\t%s\t%d", row.Title, thousands(float64(row.Names)), adapted,
			medianOf(row.Starts), megabytes(row.Memory), rate(row.First), rate(row.Last), rate(row.Random), failed)
	}
}

// judgeHosts compares Fairway's many virtual hosts with its few.
func (r *report) judgeHosts() {
	var base, many *hostsRow
	for i := range r.Hosts {
		switch row := &r.Hosts[i]; {
		case row.Peer != fairway.key:
		case row.Names == fewHosts:
			base = row
		default:
			many = row
		}
	}
	if base == nil || many == nil {
		return
	}
	var speed []candidate
	for _, p := range picks {
		if reference := *p.series(&base.namesRow); len(reference) > 0 {
			speed = append(speed, candidate{p.title, p.series(&many.namesRow).ratio(reference, perSecondOf)})
		}
	}
	number := thousands(manyHosts) + " virtual hosts of Apache"
	r.judge(atMost(1, " s", number+": adapted"), candidate{many.Title, medianOf(many.Adapts) / 1e3})
	r.judge(atLeast(0.95, "×", number+": requests/s, to those of ten"), speed...)
}
