package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const (
	// patience is how long a stack may take to its first answer.
	patience = 90 * time.Second
	// settling is the time between the first answer and measuring what is at rest.
	settling = 2 * time.Second
)

// stack is a running peer.
type stack struct {
	*workspace
	client    cores // of who asks it
	processes []*process
	started   time.Duration // from the first process's start to the first answer
}

// workspace makes or finds the folder of a peer and gives it free ports.
func (b *bench) workspace(name string) (*workspace, error) {
	w := &workspace{
		Folder: filepath.Join(b.folder, name),
		Shared: b.folder, Domain: domain, Body: b.body, Root: os.Getuid() == 0,
		bench: b, ports: b.freePort,
	}
	if err := os.MkdirAll(w.Folder, 0o700); err != nil {
		return nil, err
	}
	for _, port := range []*int{&w.HTTPS, &w.Admin, &w.Backend, &w.HTTP} {
		var err error
		if *port, err = b.freePort(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// freePort returns a loopback port that is free and was not returned before.
func (b *bench) freePort() (int, error) {
	for {
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := listener.Addr().(*net.TCPAddr).Port
		if err := listener.Close(); err != nil {
			return 0, err
		}
		if !b.given[port] {
			b.given[port] = true
			return port, nil
		}
	}
}

// missing names the programs that a peer needs and this machine lacks.
func (p *peer) missing() error {
	var errs []error
	for _, needed := range p.needs {
		if _, err := exec.LookPath(needed.name); err != nil {
			errs = append(errs, fmt.Errorf("%s is not installed: apt-get install %s", needed.name, needed.debian))
		}
	}
	return errors.Join(errs...)
}

// start starts a peer in the named folder and waits for its first answer. It
// and its client have all cores.
func (b *bench) start(ctx context.Context, p *peer, name string) (*stack, error) {
	return b.startOn(ctx, nil, nil, p, name)
}

// startOn is start with some cores for the servers and some for their client.
func (b *bench) startOn(ctx context.Context, servers, client cores, p *peer, name string) (*stack, error) {
	if err := p.missing(); err != nil {
		return nil, err
	}
	w, err := b.workspace(name)
	if err != nil {
		return nil, err
	}
	w.Cores = servers.count()
	commands, err := p.prepare(w)
	if err != nil {
		return nil, fmt.Errorf("preparing %s: %w", p.title, err)
	}
	s := &stack{workspace: w, client: client}
	begun := time.Now()
	for _, c := range commands {
		started, err := startProcess(ctx, servers, c, w.Folder)
		if err != nil {
			s.stop()
			return nil, err
		}
		s.processes = append(s.processes, started)
	}
	if err := s.firstAnswer(ctx, p.pages[0]); err != nil {
		s.stop()
		return nil, fmt.Errorf("%s: %w", p.title, err)
	}
	s.started = time.Since(begun)
	return s, nil
}

// stop ends all processes of the stack.
func (s *stack) stop() {
	for _, p := range s.processes {
		p.stop()
	}
}

func (s *stack) pids() []int {
	pids := make([]int, len(s.processes))
	for i, p := range s.processes {
		pids[i] = p.pid
	}
	return pids
}

// firstAnswer asks for the page until there is one.
func (s *stack) firstAnswer(ctx context.Context, p page) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		_, problem := s.fetch(ctx, p)
		if problem == nil {
			return nil
		}
		for _, p := range s.processes {
			if err := p.failure(); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer within %v: %w", patience, problem)
		case <-time.After(time.Millisecond):
		}
	}
}

// fetch gets a page on a connection of its own. Anything but 200 is an error.
func (s *stack) fetch(ctx context.Context, p page) ([]byte, error) {
	return get(ctx, "https://"+p.host+":"+strconv.Itoa(s.HTTPS)+p.path, s.HTTPS, p.gzip)
}

// liveHeap has Caddy collect its garbage and returns the bytes that remain.
func (s *stack) liveHeap(ctx context.Context) (int64, error) {
	address := "http://127.0.0.1:" + strconv.Itoa(s.Admin) + "/debug/pprof/heap?gc=1&debug=1"
	var profile []byte
	for range 2 { // what finalizers let go of is collected the second time
		var err error
		if profile, err = get(ctx, address, s.Admin, false); err != nil {
			return 0, err
		}
	}
	return parseLiveHeap(profile)
}

// loopbackClient connects to a loopback port, whatever a URL's host.
func loopbackClient(port int) *http.Client {
	transport := &http.Transport{
		MaxIdleConnsPerHost: connections,
		DisableCompression:  true, // it would ask for gzip by itself
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port))
		},
		// #nosec G402 -- a stack that this program has started, on loopback
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// get fetches a URL from a loopback port, whatever the URL's host. A body that
// was asked for with gzip is returned as it came.
func get(ctx context.Context, url string, port int, gzip bool) ([]byte, error) {
	client := loopbackClient(port)
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if gzip {
		request.Header.Set("Accept-Encoding", "gzip")
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, response.Status)
	}
	return body, nil
}
