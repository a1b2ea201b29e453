package deliver_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/alert"
	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
)

// message is one that says more than ASCII can.
var message = alert.Message{
	ID: "alert_1", Kind: alert.Problem, Subject: alert.Subject{Kind: "service", ID: "blog"}, Name: "Blög", State: "failing",
	Headline: "Blög is failing\r\nBcc: everybody@example.org", Sentence: "Blög is failing: upstream refused connections since 13:47 UTC",
	Since: noon, At: noon, Server: "example.org", URL: "https://example.org/services/blog",
}

// mailServer is aiosmtpd with a certificate of its own.
type mailServer struct {
	port  string
	lines *bufio.Scanner
	roots *x509.CertPool
}

// mailed is a message that it took.
type mailed struct {
	From, Text string
	To         []string
	TLS, Login bool
}

func startMailServer(t *testing.T, mode string, login ...string) *mailServer {
	t.Helper()
	certificate, key, roots := certify(t)
	cmd := exec.Command("/usr/bin/python3", append([]string{filepath.Join("testdata", "smtpd.py"), mode, certificate, key}, login...)...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	s := &mailServer{lines: bufio.NewScanner(stdout), roots: roots}
	s.port = s.line(t)
	return s
}

func (s *mailServer) line(t *testing.T) string {
	t.Helper()
	if !s.lines.Scan() {
		t.Fatal("the mail server has ended; is python3-aiosmtpd installed? scripts/packages does it")
	}
	return s.lines.Text()
}

// took returns the next message.
func (s *mailServer) took(t *testing.T) (m mailed) {
	t.Helper()
	if err := json.Unmarshal([]byte(s.line(t)), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func (s *mailServer) channel(security deliver.Security, login ...string) *deliver.Email {
	e := &deliver.Email{
		From: &mail.Address{Name: "Fairway", Address: "fairway@example.org"}, Server: "localhost:" + s.port, Security: security,
		To:  []*mail.Address{{Address: "ops@example.org"}, {Name: "Zoë", Address: "zoe@example.org"}},
		TLS: &tls.Config{RootCAs: s.roots},
	}
	if len(login) == 2 {
		e.Username, e.Password = login[0], login[1]
	}
	return e
}

// certify makes a certificate for localhost and returns its files.
func certify(t *testing.T) (certificate, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	folder := t.TempDir()
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("certificate.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", bytes), roots
}

func TestEmail(t *testing.T) {
	t.Parallel()
	const user, password = "fairway", "pass word"
	tests := map[string]struct {
		mode     string
		security deliver.Security
		login    []string // mechanism, user, password
		tls      bool
	}{
		"STARTTLS":                {"starttls", deliver.StartTLS, nil, true},
		"STARTTLS, AUTH PLAIN":    {"starttls", deliver.StartTLS, []string{"PLAIN", user, password}, true},
		"STARTTLS, AUTH LOGIN":    {"starttls", deliver.StartTLS, []string{"LOGIN", user, password}, true},
		"TLS from the first byte": {"implicit", deliver.Implicit, []string{"PLAIN", user, password}, true},
		"a relay without TLS":     {"plain", deliver.Plain, nil, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startMailServer(t, test.mode, test.login...)
			channel := server.channel(test.security, test.login[min(1, len(test.login)):]...)
			if err := channel.Send(t.Context(), message); err != nil {
				t.Fatal(err)
			}
			got := server.took(t)
			if got.From != "fairway@example.org" || !slices.Equal(got.To, []string{"ops@example.org", "zoe@example.org"}) {
				t.Errorf("from %s to %v", got.From, got.To)
			}
			if got.TLS != test.tls || got.Login != (test.login != nil) {
				t.Errorf("TLS %v, login %v", got.TLS, got.Login)
			}
			checkText(t, got.Text)
		})
	}
}

// checkText reads the message as a mail program does.
func checkText(t *testing.T, text string) {
	t.Helper()
	read, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if err != nil || subject != "Blög is failing Bcc: everybody@example.org [example.org]" || read.Header.Get("Bcc") != "" {
		t.Errorf("subject %q, %v; Bcc %q", subject, err, read.Header.Get("Bcc"))
	}
	if to, err := read.Header.AddressList("To"); err != nil || len(to) != 2 || to[1].Name != "Zoë" {
		t.Errorf("to %v, %v", to, err)
	}
	if read.Header.Get("Message-Id") != "<alert_1@example.org>" || read.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("headers %v", read.Header)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(read.Body))
	want := "Blög is failing: upstream refused connections since 13:47 UTC.\r\nSince 4 Mar 2026 12:00:00 UTC.\r\n\r\nhttps://example.org/services/blog\r\n"
	if err != nil || string(body) != want {
		t.Errorf("body %q, %v", body, err)
	}
}

func TestEmailThatIsNotSent(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		mode  string
		login []string
		spoil func(e *deliver.Email)
		says  string
	}{
		"no STARTTLS":                 {"plain", nil, func(e *deliver.Email) { e.Security = deliver.StartTLS }, "does not offer STARTTLS"},
		"a certificate of nobody":     {"starttls", nil, func(e *deliver.Email) { e.TLS = nil }, "certificate"},
		"nobody, from the start":      {"implicit", nil, func(e *deliver.Email) { e.TLS, e.Security = nil, deliver.Implicit }, "certificate"},
		"another password":            {"starttls", []string{"PLAIN", "fairway", "right"}, func(e *deliver.Email) { e.Username, e.Password = "fairway", "wrong" }, "logging in: 535"},
		"a password without TLS":      {"plain", nil, func(e *deliver.Email) { e.Security, e.Username, e.Password = deliver.Plain, "fairway", "right" }, "not sent without TLS"},
		"no login where one must be":  {"starttls", []string{"PLAIN", "fairway", "right"}, func(*deliver.Email) {}, "530"},
		"a mailbox that is not there": {"starttls", nil, func(e *deliver.Email) { e.To[1].Address = "refused@example.org" }, "recipient refused@example.org: 550"},
		"nobody listens":              {"plain", nil, func(e *deliver.Email) { e.Server = "localhost:1" }, "refused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startMailServer(t, test.mode, test.login...)
			channel := server.channel(deliver.StartTLS)
			test.spoil(channel)
			err := channel.Send(t.Context(), message)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, want %q", err, test.says)
			}
			if err != nil && (strings.Contains(err.Error(), "wrong") || strings.Contains(err.Error(), "right")) {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

// A server that accepts and says nothing is not waited for longer than ctx.
func TestEmailGivesUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	silent := silentServer(t)
	channel := (&mailServer{port: silent}).channel(deliver.StartTLS)
	begun := time.Now()
	if err := channel.Send(ctx, message); err == nil {
		t.Error("it was sent")
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("given up after %v", took)
	}
}
