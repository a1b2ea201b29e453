package apachelog

import (
	"crypto/tls"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"go.uber.org/zap/buffer"
)

// tlsState is what a record tells about the TLS connection.
type tlsState struct {
	present          bool
	version, cipher  uint16
	serverName       string
	resumed          bool
	clientCommonName string
	clientSerial     string // decimal
}

func (s *tlsState) setText(key, text string) {
	switch key {
	case "server_name":
		s.serverName = text
	case "client_common_name":
		s.clientCommonName = text
	case "client_serial":
		s.clientSerial = text
	}
}

func (s *tlsState) setNumber(key string, number uint16) {
	switch key {
	case "version":
		s.version = number
	case "cipher_suite":
		s.cipher = number
	}
}

// tlsVariables are the variables of mod_ssl that a record can answer.
var tlsVariables = map[string]func(*tlsState) string{
	"HTTPS":                 func(*tlsState) string { return "on" },
	"SSL_PROTOCOL":          (*tlsState).protocol,
	"SSL_CIPHER":            func(s *tlsState) string { return cipherSuites[s.cipher].name },
	"SSL_CIPHER_ALGKEYSIZE": (*tlsState).keySize,
	"SSL_CIPHER_USEKEYSIZE": (*tlsState).keySize,
	"SSL_CIPHER_EXPORT":     func(*tlsState) string { return "false" },
	"SSL_COMPRESS_METHOD":   func(*tlsState) string { return "NULL" },
	"SSL_TLS_SNI":           func(s *tlsState) string { return s.serverName },
	"SSL_SESSION_RESUMED":   (*tlsState).resumption,
	"SSL_CLIENT_S_DN_CN":    func(s *tlsState) string { return s.clientCommonName },
	"SSL_CLIENT_M_SERIAL":   (*tlsState).serial,
}

// tlsVariable is %{NAME}x.
func tlsVariable(_ *compiler, s spec) (appender, error) {
	get, known := tlsVariables[s.arg]
	if !known {
		names := make([]string, 0, len(tlsVariables))
		for name := range tlsVariables {
			names = append(names, name)
		}
		slices.Sort(names)
		return nil, fmt.Errorf("%q is not in Caddy's log records; known are %s", s.arg, strings.Join(names, ", "))
	}
	withoutTLS := "-"
	if s.arg == "HTTPS" {
		withoutTLS = "off"
	}
	return func(line *buffer.Buffer, r *record) {
		if !r.tls.present {
			line.AppendString(withoutTLS)
			return
		}
		appendText(line, get(&r.tls))
	}, nil
}

// tlsShortVariable is %{version}c and %{cipher}c, from before %{NAME}x.
func tlsShortVariable(c *compiler, s spec) (appender, error) {
	switch strings.ToLower(s.arg) {
	case "version":
		return tlsVariable(c, spec{arg: "SSL_PROTOCOL"})
	case "cipher":
		return tlsVariable(c, spec{arg: "SSL_CIPHER"})
	}
	return nil, fmt.Errorf("the argument is version or cipher, not %q", s.arg)
}

func (s *tlsState) protocol() string {
	switch s.version {
	case tls.VersionTLS10:
		return "TLSv1"
	case tls.VersionTLS11:
		return "TLSv1.1"
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS13:
		return "TLSv1.3"
	}
	return ""
}

func (s *tlsState) keySize() string {
	if suite, known := cipherSuites[s.cipher]; known {
		return strconv.Itoa(suite.bits)
	}
	return ""
}

func (s *tlsState) resumption() string {
	if s.resumed {
		return "Resumed"
	}
	return "Initial"
}

// serial is the client certificate's serial number in hexadecimal digits.
func (s *tlsState) serial() string {
	number, ok := new(big.Int).SetString(s.clientSerial, 10)
	if !ok {
		return ""
	}
	digits := strings.ToUpper(number.Text(16))
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	return digits
}

// cipherSuites gives OpenSSL's names, which mod_ssl logs, for all suites
// Caddy negotiates.
var cipherSuites = map[uint16]struct {
	name string
	bits int
}{
	tls.TLS_AES_128_GCM_SHA256:                        {"TLS_AES_128_GCM_SHA256", 128},
	tls.TLS_AES_256_GCM_SHA384:                        {"TLS_AES_256_GCM_SHA384", 256},
	tls.TLS_CHACHA20_POLY1305_SHA256:                  {"TLS_CHACHA20_POLY1305_SHA256", 256},
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:       {"ECDHE-ECDSA-AES128-GCM-SHA256", 128},
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:       {"ECDHE-ECDSA-AES256-GCM-SHA384", 256},
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: {"ECDHE-ECDSA-CHACHA20-POLY1305", 256},
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA:          {"ECDHE-ECDSA-AES128-SHA", 128},
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:          {"ECDHE-ECDSA-AES256-SHA", 256},
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:         {"ECDHE-RSA-AES128-GCM-SHA256", 128},
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:         {"ECDHE-RSA-AES256-GCM-SHA384", 256},
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:   {"ECDHE-RSA-CHACHA20-POLY1305", 256},
	tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA:            {"ECDHE-RSA-AES128-SHA", 128},
	tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA:            {"ECDHE-RSA-AES256-SHA", 256},
}
