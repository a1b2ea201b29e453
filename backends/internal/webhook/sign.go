package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

const secretPrefix = "whsec_"

// NewSecret makes the secret of an endpoint: 256 random bits that both schemes take.
func NewSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// secrets are those in force at a time, the current one first.
func (e Endpoint) secrets(now time.Time) []string {
	if e.OldSecret != "" && now.Before(e.OldSecretUntil) {
		return []string{e.Secret, e.OldSecret}
	}
	return []string{e.Secret}
}

// Headers sign the body of a delivery of an event, at a time that receivers
// check: as Stripe does, and as Standard Webhooks says. While a secret is
// being replaced both sign.
func (e Endpoint) Headers(eventID string, body []byte, now time.Time) map[string]string {
	seconds := strconv.FormatInt(now.Unix(), 10)
	stripe := "t=" + seconds
	var standard []string
	for _, secret := range e.secrets(now) {
		stripe += ",v1=" + hex.EncodeToString(sum([]byte(secret), seconds+".", body))
		standard = append(standard, "v1,"+base64.StdEncoding.EncodeToString(sum(standardKey(secret), eventID+"."+seconds+".", body)))
	}
	return map[string]string{
		"Stripe-Signature":  stripe,
		"Webhook-Id":        eventID,
		"Webhook-Timestamp": seconds,
		"Webhook-Signature": strings.Join(standard, " "),
	}
}

// standardKey is what Standard Webhooks signs with: the bytes that the secret
// encodes. A secret of another form signs as it is.
func standardKey(secret string) []byte {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil {
		return []byte(secret)
	}
	return key
}

func sum(key []byte, prefix string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(prefix)) // a hash never fails
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}
