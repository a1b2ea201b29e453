package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/alert"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// client follows no redirects: they would lead what we send, a token with it, to a
// place that nobody configured.
var client = &http.Client{
	Timeout:       timeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// ParseURL reads the address of a receiver. Its error does not repeat it: it
// may be a secret.
func ParseURL(text string) (*url.URL, error) {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" {
		return nil, errors.New("the address is not a URL that begins with https:// or http://")
	}
	return parsed, nil
}

// send sends a request and has any answer but 2xx be an error.
func send(request *http.Request) error {
	request.Header.Set("User-Agent", "Fairway/"+instance.Version())
	response, err := client.Do(request)
	if err != nil {
		var asked *url.Error
		if !errors.As(err, &asked) {
			return err
		}
		if asked.Timeout() {
			return fmt.Errorf("no answer within %v", timeout)
		}
		return asked.Err // without the address, which may be a secret
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // so that the connection can be used again
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s", response.Status)
	}
	return nil
}

// Webhook posts messages as JSON, signed as Standard Webhooks says when there is
// a secret.
type Webhook struct {
	URL    *url.URL
	Secret string // "whsec_…" or any text; "" for none
}

// ID implements [Channel].
func (w *Webhook) ID() string { return id.Of("webhook", w.URL.String()) }

// Name implements [Channel].
func (w *Webhook) Name() string { return "webhook at " + w.URL.Host }

// Send implements [Channel].
func (w *Webhook) Send(ctx context.Context, m alert.Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Webhook-Id", m.ID)
	if w.Secret != "" {
		signed := webhook.Endpoint{Secret: w.Secret}.Headers(m.ID, body, time.Now())
		for _, name := range []string{"Webhook-Timestamp", "Webhook-Signature"} {
			request.Header.Set(name, signed[name])
		}
	}
	return send(request)
}

// Ntfy publishes messages to a topic of ntfy, https://docs.ntfy.sh/publish/.
type Ntfy struct {
	URL   *url.URL // of the topic
	Token string   // access token; "" for none
}

// ID implements [Channel].
func (n *Ntfy) ID() string { return id.Of("ntfy", n.URL.String()) }

// Name implements [Channel]. Who knows the topic can read it.
func (n *Ntfy) Name() string { return "ntfy at " + n.URL.Host }

// Send implements [Channel].
func (n *Ntfy) Send(ctx context.Context, m alert.Message) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL.String(), strings.NewReader(m.Sentence))
	if err != nil {
		return err
	}
	priority, tag := "high", "rotating_light"
	if m.Kind == alert.Recovery || m.Kind == alert.Gone || m.Kind == alert.Test {
		priority, tag = "default", "white_check_mark"
	}
	request.Header.Set("Title", mime.QEncoding.Encode("utf-8", m.Headline+" · "+m.Server))
	request.Header.Set("Priority", priority)
	request.Header.Set("Tags", tag)
	if m.URL != "" {
		request.Header.Set("Click", m.URL)
	}
	if n.Token != "" {
		request.Header.Set("Authorization", "Bearer "+n.Token)
	}
	return send(request)
}

// DeadMan is a place that expects to hear from this server, and tells somebody
// when it does not.
type DeadMan struct {
	URL   *url.URL
	Every time.Duration
}

// deadManID is under what failures of the ping are kept, deadManName what it is called.
const (
	deadManID   = "dead-man"
	deadManName = "the dead-man switch"
)

// ping sends a ping when it is due. It comes from the same beat as alerts: when
// that stops, so do the pings.
func (d *Desk) ping(m *DeadMan, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m == nil {
		delete(d.failures, deadManID)
		return
	}
	if since := now.Sub(d.pinged); d.busy[deadManID] || since >= 0 && since < m.Every || d.ctx.Err() != nil {
		return
	}
	d.pinged, d.busy[deadManID] = now, true
	d.attempts.Go(func() {
		err := m.ping(d.ctx)
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.busy, deadManID)
		if d.ctx.Err() == nil {
			d.note(deadManID, deadManName, err)
		}
	})
}

func (m *DeadMan) ping(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL.String(), nil)
	if err != nil {
		return err
	}
	return send(request)
}
