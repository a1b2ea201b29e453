package rehearse

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// answer is a response, read whole.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
	Cut    bool // the body is longer than maxBody
}

const (
	maxBody = 8 << 20
	// exchangeTime bounds one request, from connecting to the last byte.
	exchangeTime = 30 * time.Second
	// userAgent marks the requests in the logs of those who answer them.
	userAgent = "fairway-rehearsal"
)

// send sends a request over a connection of its own, the target byte for byte,
// and follows nothing. Certificates are not looked at: the new server has
// others while it is tried.
func send(ctx context.Context, address string, r Request) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	connection, err := dial(ctx, address, r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = connection.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err = fmt.Fprintf(connection, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nConnection: close\r\n\r\n",
		r.Method, r.Target, r.host(), userAgent)
	if err != nil {
		return nil, err
	}
	return readAnswer(bufio.NewReader(connection), r.Method)
}

func dial(ctx context.Context, address string, r Request) (net.Conn, error) {
	if r.Scheme != "https" {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	config := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // a connection to this machine, which only compares
	if net.ParseIP(r.Host) == nil {
		config.ServerName = r.Host
	}
	return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
}

func readAnswer(reader *bufio.Reader, method string) (*answer, error) {
	for {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			return nil, err
		}
		if response.StatusCode >= 100 && response.StatusCode < 200 && response.StatusCode != http.StatusSwitchingProtocols {
			continue // early hints and the like
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
		_ = response.Body.Close()
		if err != nil {
			return nil, err
		}
		return &answer{response.StatusCode, response.Header, body[:min(len(body), maxBody)], len(body) > maxBody}, nil
	}
}
