package platform

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddytls"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
	"github.com/aditechsphere/fairway/backends/instance"
)

const (
	// probeEvery is how long a service may be idle before it is probed: well
	// within the 60 s after which evidence is too old.
	probeEvery = 20 * time.Second
	// probeBeat is how often the prober looks for services that are due, and the
	// least time between two probes.
	probeBeat    = 2 * time.Second
	probeTimeout = 10 * time.Second

	// probeHeader marks a request as a probe.
	probeHeader = "X-Fairway-Probe"
)

// Probing is a probe that is under way.
type Probing struct {
	mu  sync.Mutex
	err error
}

// probing holds the probes under way by the random value of their header, which
// keeps clients from passing their requests off as probes.
var probing sync.Map // string → *Probing

// ProbeOf returns the probe that r is and takes its mark off, or nil.
func ProbeOf(r *http.Request) *Probing {
	values := r.Header[probeHeader]
	if len(values) != 1 {
		return nil
	}
	probe, ok := probing.Load(values[0])
	if !ok {
		return nil
	}
	r.Header.Del(probeHeader)
	return probe.(*Probing)
}

// Report notes how the service's handler ended.
func (p *Probing) Report(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func (p *Probing) reported() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// probeTarget is an address to probe: a real request to the process's own
// listener, so that routing, TLS and certificate are part of the evidence.
type probeTarget struct {
	url    string
	host   string
	server serverAddress
	lazy   bool
}

// orders reports whether probing the target would order a certificate, which
// is for visitors to do: certificate authorities limit them.
func (t probeTarget) orders() bool {
	return t.lazy && t.server.scheme == "https" && len(caddytls.AllMatchingCertificates(t.host)) == 0
}

// probeResult holds the last probe of a service.
type probeResult struct {
	mu   sync.Mutex
	last *homepage.Probe // nil: never probed
}

// set notes a probe; in a run of failures it keeps when the run began.
func (p *probeResult) set(probe homepage.Probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !probe.Passed() {
		probe.FailingSince = probe.At
		if p.last != nil && !p.last.Passed() {
			probe.FailingSince = p.last.FailingSince
		}
	}
	p.last = &probe
}

func (p *probeResult) get() *homepage.Probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// probe looks after idle services until the app stops.
func (a *App) probe() {
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	go func() {
		<-a.stop
		cancel()
	}()
	ticker := time.NewTicker(probeBeat)
	defer ticker.Stop()
	for {
		a.probeIdle(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// probeConcurrency bounds how many services are probed at once.
const probeConcurrency = 8

// probeIdle probes every service that is due.
func (a *App) probeIdle(ctx context.Context) {
	var group sync.WaitGroup
	slots := make(chan struct{}, probeConcurrency)
	for _, service := range a.catalogue.all() {
		if len(service.targets) == 0 || service.targets[0].orders() {
			continue
		}
		due := a.dueForProbe(service, time.Now())
		if last := service.probe.get(); !due && (last == nil || !last.Passed() || len(service.Upstreams) == 0) {
			continue // a failing one has its own pace, in which it may recover
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if !due && !gone(ctx, service.Service) {
				return
			}
			result := probeOnce(ctx, service.targets[0], service.Health)
			if ctx.Err() == nil {
				service.probe.set(result)
			}
		})
	}
	group.Wait()
}

// dueForProbe reports whether a service has been idle for long enough. One that
// fails is probed more often at first, so that its recovery is seen soon.
func (a *App) dueForProbe(service *cataloguedService, now time.Time) bool {
	last := service.probe.get()
	if last != nil && !last.Passed() {
		failing := last.At.Sub(last.FailingSince)
		return now.Sub(last.At) >= min(max(failing, probeBeat/2), probeEvery)
	}
	if last != nil && now.Sub(last.At) < probeEvery {
		return false
	}
	return !service.measured || now.Sub(a.Recorder(service.ID).Snapshot().Last) >= probeEvery
}

// probeOnce asks target for path and judges the answer.
func probeOnce(ctx context.Context, target probeTarget, path string) homepage.Probe {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	under, id := new(Probing), rand.Text()
	probing.Store(id, under)
	defer probing.Delete(id)
	begun := time.Now()
	status, err := request(ctx, target, path, id)
	probe := homepage.Probe{At: time.Now(), Latency: time.Since(begun), Status: status}
	if told := under.reported(); told != nil && status >= http.StatusInternalServerError {
		probe.Cause = measure.CauseOf(measure.Result{Status: status, Err: told})
		err = told
	}
	if unfit := new(certificateError); errors.As(err, unfit) {
		probe.Cause = measure.BadCertificate
	}
	if err != nil {
		probe.Err = err.Error()
	}
	return probe
}

// request asks target for path, as the probe with this id.
func request(ctx context.Context, target probeTarget, path, id string) (status int, err error) {
	if path == "" {
		path = "/"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.url+path, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set(probeHeader, id)
	request.Header.Set("User-Agent", "Fairway-Probe/"+instance.Version())
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext:       target.dial,
		TLSClientConfig:   probeTLS(target.host),
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, err
}

// dial connects to the server's own listener, whatever DNS says of the name.
func (t probeTarget) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var dialer net.Dialer
	listen := t.server.dial
	if listen.IsUnixNetwork() {
		return dialer.DialContext(ctx, "unix", listen.Host)
	}
	host := listen.Host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, fmt.Sprint(listen.StartPort)))
}

// probeTLS checks that the certificate covers host and has not expired. It does
// not check who issued it: the CA may be one that this machine does not trust.
func probeTLS(host string) *tls.Config {
	return &tls.Config{
		ServerName:         host,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection below checks what can be checked
		VerifyConnection: func(state tls.ConnectionState) error {
			if err := checkCertificate(state.PeerCertificates[0], host, time.Now()); err != nil {
				return certificateError{err}
			}
			return nil
		},
	}
}

// certificateError is why the server's own certificate does not serve.
type certificateError struct{ error }

func checkCertificate(certificate *x509.Certificate, host string, now time.Time) error {
	if now.After(certificate.NotAfter) {
		return fmt.Errorf("its certificate expired at %s", certificate.NotAfter.Format(time.RFC3339))
	}
	if now.Before(certificate.NotBefore) {
		return fmt.Errorf("its certificate is valid only from %s", certificate.NotBefore.Format(time.RFC3339))
	}
	return certificate.VerifyHostname(host)
}
