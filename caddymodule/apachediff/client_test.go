package apachediff_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// answer is what came back for a request.
type answer struct {
	status      int
	header      http.Header
	body        string
	certificate string // common name of the one presented
}

// answerTime bounds one exchange.
const answerTime = 20 * time.Second

// ask sends one request on a connection of its own.
func (m *tree) ask(r *request) (answer, error) {
	if r.scheme == "ws" {
		return m.askWebSocket(r)
	}
	link, err := m.dial(r.scheme, r.host, r.port, r.client)
	if err != nil {
		return answer{}, err
	}
	defer link.close()
	return link.exchange(m, r)
}

// link is a connection to a server.
type link struct {
	net.Conn
	reader      *bufio.Reader
	framer      *http2.Framer // for h2
	stream      uint32
	certificate string
}

// dial connects to the port that stands for one as written.
func (m *tree) dial(scheme, host, port, client string) (*link, error) {
	connection, err := net.DialTimeout("tcp", "127.0.0.1:"+m.ports[port], answerTime)
	if err != nil {
		return nil, err
	}
	l := &link{Conn: connection}
	if scheme == "https" || scheme == "h2" {
		if err := l.startTLS(scheme, host, client); err != nil {
			_ = connection.Close()
			return nil, err
		}
	}
	l.reader = bufio.NewReader(l.Conn)
	if scheme == "h2" {
		return l, l.startHTTP2()
	}
	return l, nil
}

func (l *link) close() { _ = l.Close() }

func (l *link) startTLS(scheme, host, client string) error {
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}} // #nosec G402 -- which certificate it is, is compared
	if scheme == "h2" {
		config.NextProtos = []string{"h2"}
	}
	if err := presentCertificate(config, client); err != nil {
		return err
	}
	if net.ParseIP(host) == nil && host != "-" {
		config.ServerName = strings.TrimSuffix(strings.ToLower(host), ".")
	}
	secured := tls.Client(l.Conn, config)
	if err := secured.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	if err := secured.Handshake(); err != nil {
		return err
	}
	l.Conn, l.certificate = secured, secured.ConnectionState().PeerCertificates[0].Subject.CommonName
	return nil
}

// exchange sends a request and reads its answer.
func (l *link) exchange(m *tree, r *request) (answer, error) {
	if err := l.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return answer{}, err
	}
	if l.framer != nil {
		return l.exchangeHTTP2(m, r)
	}
	if _, err := io.WriteString(l, r.raw(m)); err != nil {
		return answer{}, err
	}
	response, err := http.ReadResponse(l.reader, &http.Request{Method: r.method})
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, fmt.Errorf("body: %w", err)
	}
	if response.Close {
		_ = l.Close()
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(body), certificate: l.certificate}, nil
}

// authority is the value of the request's Host.
func (r *request) authority(m *tree) string {
	if r.withTag {
		return r.host + ":" + m.ports[r.port]
	}
	return r.host
}

// raw is the request as HTTP/1 puts it on the wire.
func (r *request) raw(m *tree) string {
	version := "1.1"
	if r.scheme == "http10" {
		version = "1.0"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/%s\r\n", r.method, r.target, version)
	if r.host != "-" {
		fmt.Fprintf(&text, "Host: %s\r\n", r.authority(m))
	}
	for _, field := range r.header {
		fmt.Fprintf(&text, "%s: %s\r\n", field[0], field[1])
	}
	if r.body != "" {
		fmt.Fprintf(&text, "Content-Length: %d\r\n", len(r.body))
	}
	return text.String() + "\r\n" + r.body
}

func (l *link) startHTTP2() error {
	if _, err := io.WriteString(l, http2.ClientPreface); err != nil {
		return err
	}
	l.framer = http2.NewFramer(l, l.reader)
	l.framer.ReadMetaHeaders = hpack.NewDecoder(65536, nil)
	l.stream = 1
	return l.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 24})
}

// exchangeHTTP2 sends a request whose path stands on the wire byte for byte,
// which no client library does.
func (l *link) exchangeHTTP2(m *tree, r *request) (answer, error) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	fields := append([][2]string{{":method", r.method}, {":scheme", "https"}, {":authority", r.authority(m)}, {":path", r.target}}, r.header...)
	if r.body != "" {
		fields = append(fields, [2]string{"content-length", strconv.Itoa(len(r.body))})
	}
	for _, field := range fields {
		_ = encoder.WriteField(hpack.HeaderField{Name: strings.ToLower(field[0]), Value: field[1]}) // to memory
	}
	id := l.stream
	l.stream += 2
	err := l.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndStream: r.body == "", EndHeaders: true})
	if err == nil && r.body != "" {
		err = l.framer.WriteData(id, true, []byte(r.body))
	}
	if err != nil {
		return answer{}, err
	}
	return l.readHTTP2(id)
}

// readHTTP2 reads frames until the answer on a stream is complete.
func (l *link) readHTTP2(id uint32) (answer, error) {
	got := answer{header: make(http.Header), certificate: l.certificate}
	for {
		frame, err := l.framer.ReadFrame()
		if err != nil {
			return got, err
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				if err := l.framer.WriteSettingsAck(); err != nil {
					return got, err
				}
			}
		case *http2.MetaHeadersFrame:
			got.readFields(frame.Fields)
		case *http2.DataFrame:
			got.body += string(frame.Data())
		case *http2.RSTStreamFrame:
			return got, fmt.Errorf("stream reset: %s", frame.ErrCode)
		case *http2.GoAwayFrame:
			return got, fmt.Errorf("connection ended: %s", frame.ErrCode)
		}
		if header := frame.Header(); header.StreamID == id && header.Flags.Has(http2.FlagDataEndStream) && header.Type <= http2.FrameHeaders {
			return got, nil
		}
	}
}

func (a *answer) readFields(fields []hpack.HeaderField) {
	for _, field := range fields {
		if field.Name == ":status" {
			a.status, _ = strconv.Atoi(field.Value)
			continue
		}
		a.header.Add(field.Name, field.Value)
	}
}

// askWebSocket opens a WebSocket, sends a message and reads one.
func (m *tree) askWebSocket(r *request) (answer, error) {
	dialer := websocket.Dialer{HandshakeTimeout: answerTime}
	header := make(http.Header)
	for _, field := range r.header {
		header.Add(field[0], field[1])
	}
	header.Set("Host", r.authority(m))
	connection, response, err := dialer.Dial("ws://127.0.0.1:"+m.ports[r.port]+r.target, header)
	if response == nil {
		return answer{}, err
	}
	got := answer{status: response.StatusCode, header: response.Header}
	got.header.Del("Sec-Websocket-Accept") // of a key made up for each try
	if err != nil {
		body, _ := io.ReadAll(response.Body)
		got.body = string(body)
		return got, nil
	}
	defer func() { _ = connection.Close() }()
	if err := connection.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
		return got, err
	}
	if err := connection.SetReadDeadline(time.Now().Add(answerTime)); err != nil {
		return got, err
	}
	_, message, err := connection.ReadMessage()
	got.body = string(message)
	return got, err
}

// plainBody is the body with its content coding undone.
func (a *answer) plainBody() string {
	if a.header.Get("Content-Encoding") != "gzip" {
		return a.body
	}
	reader, err := gzip.NewReader(strings.NewReader(a.body))
	if err != nil {
		return a.body
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		return a.body
	}
	return string(plain)
}
