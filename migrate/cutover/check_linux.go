package cutover

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// anyName is a name that no site has: RFC 2606 keeps it from being one.
const anyName = "fairway-check.invalid"

// concrete is a name that a pattern with * and ? stands for.
var concrete = strings.NewReplacer("*", "fairway-check", "?", "x")

// question is a site at an address.
type question struct {
	name    string
	address netip.AddrPort
	tls     bool
}

func (q question) String() string {
	if q.name == anyName {
		return "any other name at " + q.address.String()
	}
	return q.name + " at " + q.address.String()
}

// ask gets "/" of a site, and its certificate.
func ask(ctx context.Context, dialer *net.Dialer, q question) (SiteAnswer, error) {
	answer := SiteAnswer{Name: q.name, Address: q.address}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	connection, err := dialer.DialContext(ctx, "tcp", q.address.String())
	if err != nil {
		return answer, err
	}
	defer func() { _ = connection.Close() }()
	deadline, _ := ctx.Deadline()
	if err := connection.SetDeadline(deadline); err != nil {
		return answer, err
	}
	host := concrete.Replace(q.name)
	if q.tls {
		secured, err := handshake(ctx, connection, host)
		if err != nil {
			return answer, err
		}
		certificate := secured.ConnectionState().PeerCertificates[0]
		answer.Serial = fmt.Sprintf("%X", certificate.SerialNumber)
		answer.Covers = certificate.VerifyHostname(host) == nil && time.Now().Before(certificate.NotAfter)
		connection = secured
	}
	answer.Status, err = status(ctx, connection, host)
	return answer, err
}

// handshake takes any certificate: it is compared with the one before.
func handshake(ctx context.Context, connection net.Conn, host string) (*tls.Conn, error) {
	secured := tls.Client(connection, &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) //nolint:gosec // compared instead
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secured, nil
}

// status sends GET / and reads the status of the answer.
func status(ctx context.Context, connection net.Conn, host string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/", nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("User-Agent", "Fairway")
	request.Close = true
	if err := request.Write(connection); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), request)
	if err != nil {
		return 0, err
	}
	const enough = 1 << 20 // a whole answer, where it is no download
	_, _ = io.CopyN(io.Discard, response.Body, enough)
	return response.StatusCode, response.Body.Close()
}

// speaksTLS reports whether an address does.
func speaksTLS(ctx context.Context, address netip.AddrPort, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address.String())
	if err != nil {
		return false
	}
	defer func() { _ = connection.Close() }()
	_, err = handshake(ctx, connection, name)
	var refusal *net.OpError // an alert, as for a name it does not know
	return err == nil || errors.As(err, &refusal) && refusal.Op == "remote error"
}

// questions are all sites at all addresses where they are to answer: those
// without TLS not where TLS is spoken.
func questions(sites Sites, addresses []SharedAddress) []question {
	var all []question
	for _, shared := range addresses {
		address := shared.handover().Reachable()
		for _, name := range sites.Names {
			if !shared.TLS || !slices.Contains(sites.WithoutTLS, name) {
				all = append(all, question{name, address, shared.TLS})
			}
		}
		if slices.Contains(sites.AnyName, address.Port()) {
			all = append(all, question{anyName, address, shared.TLS})
		}
	}
	return all
}

// anyOf is a name to begin a handshake with.
func (s Sites) anyOf() string {
	if len(s.Names) == 0 {
		return anyName
	}
	return concrete.Replace(s.Names[0])
}

// withoutTLS are the questions that [questions] leaves out.
func withoutTLS(sites Sites, addresses []SharedAddress) []question {
	var all []question
	for _, shared := range addresses {
		for _, name := range sites.WithoutTLS {
			if shared.TLS {
				all = append(all, question{name, shared.handover().Reachable(), true})
			}
		}
	}
	return all
}

// askAll asks all questions, some at a time. An error is that of the first
// that was not answered.
func askAll(ctx context.Context, dialer *net.Dialer, all []question) ([]SiteAnswer, error) {
	answers, errs := askEach(ctx, dialer, all)
	for i, err := range errs {
		if err != nil {
			return answers, fmt.Errorf("%s: %w", all[i], err)
		}
	}
	return answers, nil
}

// askFirst asks the server that has answered so far. Where it answers no unknown
// names, such as without the certificate for one, neither must the other: it
// returns the questions that are left.
func askFirst(ctx context.Context, dialer *net.Dialer, all []question) (left []question, answers []SiteAnswer, err error) {
	each, errs := askEach(ctx, dialer, all)
	for i, q := range all {
		if errs[i] != nil && q.name == anyName && ctx.Err() == nil {
			continue
		}
		if errs[i] != nil {
			return nil, nil, fmt.Errorf("%s: %w", q, errs[i])
		}
		left, answers = append(left, q), append(answers, each[i])
	}
	return left, answers, nil
}

func askEach(ctx context.Context, dialer *net.Dialer, all []question) ([]SiteAnswer, []error) {
	const atOnce = 8
	answers, errs := make([]SiteAnswer, len(all)), make([]error, len(all))
	slots := make(chan struct{}, atOnce)
	var group sync.WaitGroup
	for i, q := range all {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			answers[i], errs[i] = ask(ctx, dialer, q)
		})
	}
	group.Wait()
	return answers, errs
}

// answeredBefore finds the answers to questions among those that were recorded.
// It returns the questions that are left without the unknown names that were not
// answered, or none when another answer is missing.
func answeredBefore(all []question, recorded []SiteAnswer) (left []question, answers []SiteAnswer) {
	for _, q := range all {
		i := slices.IndexFunc(recorded, func(a SiteAnswer) bool { return a.Name == q.name && a.Address == q.address })
		switch {
		case i >= 0:
			left, answers = append(left, q), append(answers, recorded[i])
		case q.name != anyName:
			return nil, nil
		}
	}
	return left, answers
}

// compare notes in after what differs from before, and returns an error for
// what visitors would miss.
func compare(before, after []SiteAnswer) error {
	var errs []error
	for i := range after {
		was, is := before[i], &after[i]
		bad := ""
		switch {
		case was.Covers && is.Serial != was.Serial:
			bad = fmt.Sprintf("the certificate is number %s, before it was %s", is.Serial, was.Serial)
		case was.Serial != "" && !was.Covers && !is.Covers && is.Serial != was.Serial:
			bad = "the certificate is not for this name"
		case is.Status != was.Status:
			is.Differs = fmt.Sprintf("GET / is answered %d, before %d", is.Status, was.Status)
			if is.Status >= http.StatusBadRequest && was.Status < is.Status/100*100 {
				bad = is.Differs
			}
		}
		if bad != "" {
			is.Differs = bad
			errs = append(errs, fmt.Errorf("%s: %s", question{name: is.Name, address: is.Address}, bad))
		}
	}
	if len(errs) > 0 {
		errs = append(errs, ErrDiffers)
	}
	return errors.Join(errs...)
}
