package platform

import (
	"bytes"
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
	// watchedEvery is the same for a proxied service while somebody has the
	// dashboard open, who is to see within seconds that one hangs; with many
	// services it is watchedShare for each.
	watchedEvery = time.Second
	watchedShare = 25 * time.Millisecond
	// probeBeat is how often the prober looks for services that are due, and
	// lookEvery how often it looks whether an upstream is gone.
	probeBeat    = 500 * time.Millisecond
	lookEvery    = 2 * time.Second
	probeTimeout = 10 * time.Second
	// recoverySoon is when a service that failed is first probed again.
	recoverySoon = time.Second

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
	mu     sync.Mutex
	last   *homepage.Probe // nil: never probed
	since  time.Time       // when the one that is under way began; zero: none is
	looked time.Time       // when it was last seen whether an upstream is gone
}

// begin notes that a probe begins, unless one is under way.
func (p *probeResult) begin(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.since.IsZero() {
		return false
	}
	p.since = now
	return true
}

// set notes a probe, or with nil that there was none after all; in a run of
// failures it keeps when the run began.
func (p *probeResult) set(probe *homepage.Probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since = time.Time{}
	if probe == nil {
		return
	}
	if !probe.Passed() {
		probe.FailingSince = probe.At
		if p.last != nil && !p.last.Passed() {
			probe.FailingSince = p.last.FailingSince
		}
	}
	p.last = probe
}

// get returns the last probe, and when the one that is under way began.
func (p *probeResult) get() (last *homepage.Probe, since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last, p.since
}

// dueForLook reports, once for lookEvery, whether it is time to look for a gone
// upstream. A failing service has its own pace, in which it may recover.
func (p *probeResult) dueForLook(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil || !p.last.Passed() || !p.since.IsZero() || now.Sub(p.looked) < lookEvery {
		return false
	}
	p.looked = now
	return true
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
	slots := make(chan struct{}, probeConcurrency)
	for {
		a.probeIdle(ctx, slots)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// probeConcurrency bounds how many services are probed at once; one that hangs
// keeps its place until the probe's time is over.
const probeConcurrency = 32

// probeIdle begins a probe of every service that is due.
func (a *App) probeIdle(ctx context.Context, slots chan struct{}) {
	services := a.catalogue.all()
	for _, service := range services {
		if len(service.targets) == 0 || service.targets[0].orders() {
			continue
		}
		now := time.Now()
		due := a.dueForProbe(service, a.pace(service, len(services)), now)
		if look := len(service.Upstreams) > 0 && service.probe.dueForLook(now); !due && !look {
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			return // the rest with the next beat
		}
		go func() {
			defer func() { <-slots }()
			if due || gone(ctx, service.Service) {
				service.probeNow(ctx)
			}
		}()
	}
}

// probeNow probes a service, unless that is under way.
func (c *cataloguedService) probeNow(ctx context.Context) {
	if !c.probe.begin(time.Now()) {
		return
	}
	result := probeOnce(ctx, c.targets[0], c.Service)
	if ctx.Err() != nil {
		c.probe.set(nil)
		return
	}
	c.probe.set(&result)
}

// pace is how long a service may be idle before it is probed, one of so many.
func (a *App) pace(service *cataloguedService, services int) time.Duration {
	if len(service.Upstreams) == 0 || a.watchers.Load() == 0 {
		return probeEvery
	}
	return min(max(watchedEvery, time.Duration(services)*watchedShare), probeEvery)
}

// dueForProbe reports whether a service has been idle for as long as pace. One
// that fails is probed more often at first, so that its recovery is seen soon;
// one that was not probed yet, or whose certificate has expired since, at once.
func (a *App) dueForProbe(service *cataloguedService, pace time.Duration, now time.Time) bool {
	last, since := service.probe.get()
	if !since.IsZero() {
		return false
	}
	if last == nil || last.Outlived(now) {
		return true
	}
	if !last.Passed() {
		failing := last.At.Sub(last.FailingSince)
		return now.Sub(last.At) >= min(max(failing, recoverySoon), probeEvery)
	}
	if now.Sub(last.At) < pace {
		return false
	}
	if !service.Expect.IsZero() {
		return true // real requests do not show whether it is met
	}
	return !service.measured || now.Sub(a.Recorder(service.ID).Snapshot().Last) >= pace
}

// probeOnce asks target for the service's health and judges the answer.
func probeOnce(ctx context.Context, target probeTarget, service homepage.Service) homepage.Probe {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	under, id := new(Probing), rand.Text()
	probing.Store(id, under)
	defer probing.Delete(id)
	begun := time.Now()
	answer, err := request(ctx, target, service, id)
	status := answer.Status
	answer.At, answer.Latency = time.Now(), time.Since(begun)
	probe := homepage.Probe{At: answer.At, Latency: answer.Latency, Status: status}
	if told := under.reported(); told != nil && status >= http.StatusInternalServerError {
		probe.Cause = measure.CauseOf(status, told)
		err = told
	}
	if answer.Leaf != nil {
		probe.Expires = answer.Leaf.NotAfter
	}
	if unfit := new(certificateError); errors.As(err, unfit) {
		probe.Cause = measure.BadCertificate
	}
	switch {
	case err != nil:
		probe.Err = err.Error()
	case probe.Passed(): // else that says more
		probe.Unmet = service.Expect.Unmet(answer)
	}
	return probe
}

// maxBody is how much of an answer is read.
const maxBody = 1 << 20

// request asks target for the service's health, as the probe with this id.
func request(ctx context.Context, target probeTarget, service homepage.Service, id string) (answer homepage.Answer, err error) {
	path := service.Health
	if path == "" {
		path = "/"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.url+path, nil)
	if err != nil {
		return answer, err
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
		return answer, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	answer.Status = response.StatusCode
	if response.TLS != nil {
		answer.Leaf = leafOf(response.TLS.PeerCertificates[0])
	}
	body := io.LimitReader(response.Body, maxBody)
	if service.Expect.Body == "" {
		_, err = io.Copy(io.Discard, body)
		return answer, err
	}
	text, err := io.ReadAll(body)
	answer.HasBody = bytes.Contains(text, []byte(service.Expect.Body))
	return answer, err
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
