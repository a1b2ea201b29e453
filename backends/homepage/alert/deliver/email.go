package deliver

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"slices"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/alert"
	"github.com/aditechsphere/fairway/backends/internal/id"
)

// Security is how a connection to a mail server is protected.
type Security string

// The ways.
const (
	StartTLS Security = "starttls" // asked for before anything is said; without it nothing is sent
	Implicit Security = "implicit" // from the first byte, as on port 465
	Plain    Security = "off"      // none, for a relay on this machine; never with a password
)

// Email sends messages through a mail server.
type Email struct {
	From     *mail.Address
	To       []*mail.Address
	Server   string // host and port
	Security Security
	Username string // "" for no login
	Password string

	// TLS is the configuration to begin with. Default: that of crypto/tls.
	TLS *tls.Config
}

// ID implements [Channel].
func (e *Email) ID() string {
	to := make([]string, len(e.To))
	for i, address := range e.To {
		to[i] = address.Address
	}
	slices.Sort(to)
	return id.Of("email", strings.Join(to, "\n"))
}

// Name implements [Channel].
func (e *Email) Name() string {
	name := "e-mail to " + e.To[0].Address
	if more := len(e.To) - 1; more > 0 {
		name += fmt.Sprintf(" and %d more", more)
	}
	return name
}

// Send implements [Channel].
func (e *Email) Send(ctx context.Context, m alert.Message) (err error) {
	conversation, err := e.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conversation.Close() }()
	if e.Username != "" {
		if err := e.login(conversation); err != nil {
			return fmt.Errorf("logging in: %w", err)
		}
	}
	if err := conversation.Mail(e.From.Address); err != nil {
		return fmt.Errorf("sender %s: %w", e.From.Address, err)
	}
	for _, to := range e.To {
		if err := conversation.Rcpt(to.Address); err != nil {
			return fmt.Errorf("recipient %s: %w", to.Address, err)
		}
	}
	body, err := conversation.Data()
	if err != nil {
		return err
	}
	text, err := e.compose(m)
	if err != nil {
		return err
	}
	if _, err := body.Write(text); err != nil {
		return err
	}
	if err := body.Close(); err != nil { // the server has taken it when this returns
		return err
	}
	_ = conversation.Quit() // it has the message, whatever it says now
	return nil
}

// connect begins a conversation, protected as it should be.
func (e *Email) connect(ctx context.Context) (*smtp.Client, error) {
	host, _, err := net.SplitHostPort(e.Server)
	if err != nil {
		return nil, err
	}
	config := new(tls.Config)
	if e.TLS != nil {
		config = e.TLS.Clone()
	}
	config.ServerName, config.MinVersion = host, tls.VersionTLS12
	dialed, err := new(net.Dialer).DialContext(ctx, "tcp", e.Server)
	if err != nil {
		return nil, err
	}
	// The conversation knows nothing of ctx: when that ends, nothing more is waited for.
	context.AfterFunc(ctx, func() { _ = dialed.SetDeadline(time.Unix(1, 0)) })
	connection := dialed
	if e.Security == Implicit {
		connection = tls.Client(connection, config)
	}
	conversation, err := smtp.NewClient(connection, host)
	if err != nil {
		_ = connection.Close()
		return nil, err
	}
	if e.Security == StartTLS {
		err = startTLS(conversation, config)
	}
	if err != nil {
		_ = conversation.Close()
		return nil, err
	}
	return conversation, nil
}

func startTLS(conversation *smtp.Client, config *tls.Config) error {
	if offered, _ := conversation.Extension("STARTTLS"); !offered {
		return errors.New("the server does not offer STARTTLS, and nothing is sent without")
	}
	return conversation.StartTLS(config)
}

// login uses PLAIN, else LOGIN, which older servers have alone.
func (e *Email) login(conversation *smtp.Client) error {
	if e.Security == Plain {
		return errors.New("a password is not sent without TLS")
	}
	offered, mechanisms := conversation.Extension("AUTH")
	host, _, err := net.SplitHostPort(e.Server)
	switch words := strings.Fields(strings.ToUpper(mechanisms)); {
	case err != nil:
		return err
	case !offered:
		return errors.New("the server takes no login")
	case !slices.Contains(words, "PLAIN") && slices.Contains(words, "LOGIN"):
		return conversation.Auth(&loginAuth{e.Username, e.Password})
	}
	return conversation.Auth(smtp.PlainAuth("", e.Username, e.Password, host))
}

// loginAuth is the mechanism LOGIN, which the standard library lacks.
type loginAuth struct{ username, password string }

// Start implements [smtp.Auth].
func (l *loginAuth) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

// Next implements [smtp.Auth].
func (l *loginAuth) Next(prompt []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	if strings.HasPrefix(strings.ToLower(string(prompt)), "user") {
		return []byte(l.username), nil
	}
	return []byte(l.password), nil
}

// compose writes the message as RFC 5322 has it.
func (e *Email) compose(m alert.Message) ([]byte, error) {
	to := make([]string, len(e.To))
	for i, address := range e.To {
		to[i] = address.String()
	}
	_, domain, _ := strings.Cut(e.From.Address, "@")
	var text bytes.Buffer
	for _, header := range [][2]string{
		{"From", e.From.String()},
		{"To", strings.Join(to, ", ")},
		{"Subject", mime.QEncoding.Encode("utf-8", oneLine(m.Headline+" ["+m.Server+"]"))},
		{"Date", m.At.Format(time.RFC1123Z)},
		{"Message-ID", "<" + m.ID + "@" + domain + ">"}, // the same at each attempt
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		text.WriteString(header[0] + ": " + header[1] + "\r\n")
	}
	text.WriteString("\r\n")
	body := quotedprintable.NewWriter(&text)
	_, err := body.Write([]byte(bodyOf(m)))
	return text.Bytes(), errors.Join(err, body.Close())
}

// bodyOf is a message as a text.
func bodyOf(m alert.Message) string {
	lines := []string{strings.TrimSuffix(m.Sentence, ".") + "."}
	if !m.Since.IsZero() {
		lines = append(lines, "Since "+m.Since.Format("2 Jan 2006 15:04:05 MST")+".")
	}
	if m.URL != "" {
		lines = append(lines, "", m.URL)
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}

// oneLine keeps a text from beginning another header.
func oneLine(text string) string {
	return strings.Join(strings.Fields(text), " ")
}
