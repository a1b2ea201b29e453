package letsencrypt

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RenewalInfo says when a certificate is to be renewed (ACME Renewal
// Information, RFC 9773), in the form in which Caddy keeps it.
type RenewalInfo struct {
	SuggestedWindow  Window    `json:"suggestedWindow"`
	ExplanationURL   string    `json:"explanationURL,omitempty"`
	UniqueIdentifier string    `json:"_uniqueIdentifier"`
	RetryAfter       time.Time `json:"_retryAfter"`   // when to ask the authority again
	SelectedTime     time.Time `json:"_selectedTime"` // when to renew: in the window
}

// Window is the time in which the authority would have the certificate renewed.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// EstimateRenewal is the information for a certificate whose authority was not
// asked: a window that begins when a third of its life is left. Its RetryAfter
// has passed, so that Caddy asks as soon as it runs; without a window it would
// never ask.
func EstimateRenewal(leaf *x509.Certificate) RenewalInfo {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	start := leaf.NotAfter.Add(-life / 3).UTC().Truncate(time.Second)
	info := RenewalInfo{
		SuggestedWindow:  Window{start, start.Add(life / 45).Truncate(time.Second)},
		UniqueIdentifier: renewalID(leaf),
		RetryAfter:       leaf.NotBefore.UTC(),
	}
	info.selectTime()
	return info
}

// selectTime picks any second of the window, as RFC 9773 wants it.
func (r *RenewalInfo) selectTime() {
	r.SelectedTime = r.SuggestedWindow.Start
	if seconds := int64(r.SuggestedWindow.End.Sub(r.SuggestedWindow.Start) / time.Second); seconds > 0 {
		r.SelectedTime = r.SelectedTime.Add(time.Duration(rand.Int64N(seconds)) * time.Second)
	}
}

// renewalID is the certificate's identifier in RFC 9773: authority key
// identifier and serial number, as the certificate's DER has them.
func renewalID(leaf *x509.Certificate) string {
	serial, err := asn1.Marshal(leaf.SerialNumber)
	if err != nil || len(serial) < 3 {
		return ""
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode(leaf.AuthorityKeyId) + "." + encode(serial[2:]) // without tag and length
}

// Authority asks certificate authorities about certificates. It reads the
// directory of each once, and gives up those whose directory it cannot read.
type Authority struct {
	Client *http.Client // nil: one that waits 10 seconds
	Now    func() time.Time

	directories map[string]directory // by its URL
}

// directory is what an ACME directory says of renewal information.
type directory struct {
	address string // empty: there is none
	err     error  // why it could not be read
}

// ErrNoRenewalInfo says that a certificate authority offers no renewal
// information.
var ErrNoRenewalInfo = errors.New("the certificate authority offers no renewal information")

// RenewalInfo asks the authority at a directory URL when to renew. An Authority
// asks for one certificate at a time.
func (a *Authority) RenewalInfo(ctx context.Context, server string, leaf *x509.Certificate) (RenewalInfo, error) {
	if len(leaf.AuthorityKeyId) == 0 {
		return RenewalInfo{}, errors.New("the certificate does not identify its authority's key")
	}
	base, err := a.directory(ctx, server)
	if err != nil {
		return RenewalInfo{}, err
	}
	info := RenewalInfo{}
	header, err := a.get(ctx, base+"/"+renewalID(leaf), &info)
	if err != nil {
		return RenewalInfo{}, err
	}
	if !info.SuggestedWindow.Start.Before(info.SuggestedWindow.End) {
		return RenewalInfo{}, errors.New("the certificate authority suggests a window without an inside")
	}
	info.UniqueIdentifier = renewalID(leaf)
	info.RetryAfter = a.now().UTC()
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds > 0 {
		info.RetryAfter = info.RetryAfter.Add(min(time.Duration(seconds)*time.Second, 24*time.Hour))
	}
	info.selectTime()
	return info, nil
}

func (a *Authority) now() time.Time {
	if a.Now == nil {
		return time.Now()
	}
	return a.Now()
}

// directory is the renewalInfo address of the authority at a directory URL.
func (a *Authority) directory(ctx context.Context, server string) (string, error) {
	read, known := a.directories[server]
	if !known {
		var answer struct {
			RenewalInfo string `json:"renewalInfo"`
		}
		_, read.err = a.get(ctx, server, &answer)
		read.address = strings.TrimRight(answer.RenewalInfo, "/")
		if a.directories == nil {
			a.directories = make(map[string]directory)
		}
		a.directories[server] = read
	}
	if read.err == nil && read.address == "" {
		return "", ErrNoRenewalInfo
	}
	return read.address, read.err
}

func (a *Authority) get(ctx context.Context, address string, into any) (http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "fairway-migrate")
	client := a.Client
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", address, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(into); err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return response.Header, nil
}
