package translate

import (
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/letsencrypt"
)

var tlsNames = []string{"SSLEngine", "SSLCertificateFile", "SSLCertificateKeyFile", "SSLCertificateChainFile", "SSLProtocol", "SSLCipherSuite",
	"SSLVerifyClient", "SSLVerifyDepth", "SSLCACertificateFile", "SSLCACertificatePath", "SSLCADNRequestFile", "SSLCADNRequestPath",
	"SSLCARevocationFile", "SSLCARevocationPath", "SSLCARevocationCheck", "SSLOptions", "SSLOpenSSLConfCmd", "SSLUserName", "SSLRenegBufferSize",
	"SSLRequire", "SSLRequireSSL", "SSLOCSPEnable", "SSLPolicy", "SSLFIPS", "SSLSRPVerifierFile", "MDomain", "MDCertificateAgreement", "MDContactEmail"}

func init() {
	Register(Part{Stage: StageSite, Directives: tlsNames, Site: writeTLS})
}

// writeTLS writes the certificate of a site and what TLS it speaks.
func writeTLS(s *Site, b *Block) {
	s.noteTLS()
	if !s.HTTPS() {
		return
	}
	inner := b.Detached()
	line := []string{"tls"}
	certificate, key := s.Last("SSLCertificateFile"), s.Last("SSLCertificateKeyFile")
	switch {
	case certificate == nil || len(certificate.Args) != 1:
	case s.t.lineageOf(certificate.Args[0]) != "":
		s.useCertbot(b, inner, certificate)
	default:
		file := s.t.serverPath(certificate.Args[0])
		keyFile := file
		if key != nil && len(key.Args) == 1 {
			keyFile = s.t.serverPath(key.Args[0])
		}
		line = append(line, Literal(file), Literal(keyFile))
		s.Approximate(certificate, "Caddy does not renew this certificate", "leave the line out of the Caddyfile, and Caddy gets one of its own")
	}
	s.writeProtocols(inner)
	s.writeCiphers(inner)
	s.writeClientAuth(inner)
	if s.table != nil {
		if len(line) > 1 {
			b.Line("apache_certificate", line[1], line[2])
		}
		s.table.tls = inner
		return
	}
	if len(line) == 1 && inner.Empty() {
		return
	}
	if inner.Empty() {
		b.Line(line...)
		return
	}
	b.Open(line...).Append(inner)
}

// noteTLS gives the verdicts that need no text.
func (s *Site) noteTLS() {
	for _, d := range s.All(tlsNames...) {
		switch {
		case d.Is("SSLEngine", "SSLCertificateFile", "SSLCertificateKeyFile", "SSLProtocol", "SSLCipherSuite"):
			s.Translated(d)
		case d.Is("SSLRenegBufferSize"):
			s.Harmless(d, "")
		case d.Is("SSLFIPS"):
			s.noteFIPS(d)
		case d.Is("SSLCACertificateFile", "SSLCACertificatePath", "SSLVerifyClient", "SSLVerifyDepth"):
			s.Translated(d)
		case d.Is("SSLCADNRequestFile", "SSLCADNRequestPath"):
			s.Approximate(d, "clients are told the names of the authorities that are trusted", "")
		case isFakeBasicAuth(d):
			s.Refuse(d, "users of client certificates are not known to Basic authentication", "")
		case d.Is("SSLOptions"):
			s.Harmless(d, "")
		case d.Is("SSLCertificateChainFile"):
			s.noteChain(d)
		case d.Is("SSLOpenSSLConfCmd"):
			s.Approximate(d, "Go's TLS has no such settings", "")
		case !s.HTTPS():
			s.Harmless(d, "the site does not speak TLS")
		default:
			s.Refuse(d, "it has no equivalent", "")
		}
	}
	for _, section := range s.sections {
		if section.Kind == KindServer {
			continue
		}
		for _, d := range section.All("SSLOptions", "SSLRenegBufferSize") {
			if isFakeBasicAuth(d) {
				s.Refuse(d, "users of client certificates are not known to Basic authentication", "")
				continue
			}
			s.Harmless(d, "")
		}
		for _, d := range section.All("SSLCipherSuite", "SSLVerifyDepth") {
			s.Refuse(d, "it holds for a whole site", "move it to the virtual host")
		}
	}
}

// isFakeBasicAuth tells whether users are taken from certificates.
func isFakeBasicAuth(d *apacheconf.Directive) bool {
	return d.Is("SSLOptions") && slices.ContainsFunc(d.Args, func(o string) bool { return strings.EqualFold(strings.TrimPrefix(o, "+"), "FakeBasicAuth") })
}

// noteFIPS speaks of a mode of OpenSSL.
func (s *Site) noteFIPS(d *apacheconf.Directive) {
	if isOn(d) {
		s.Refuse(d, "Go has a mode of its own, which the environment turns on", "run the service with GODEBUG=fips140=on, and delete the line")
		return
	}
	s.Harmless(d, "")
}

// noteChain speaks of certificates in two files.
func (s *Site) noteChain(d *apacheconf.Directive) {
	if !s.HTTPS() || len(d.Args) != 1 {
		s.Harmless(d, "the site does not speak TLS")
		return
	}
	certificate := s.Last("SSLCertificateFile")
	if certificate != nil && len(certificate.Args) == 1 && s.t.lineageOf(certificate.Args[0]) != "" {
		s.Harmless(d, "Caddy's own certificates have their chain")
		return
	}
	s.Refuse(d, "Caddy reads the chain from the file of the certificate", "append it there: cat "+d.Args[0]+" >> the file of SSLCertificateFile, and delete the line")
}

// lineageOf is the name of certbot's lineage that a certificate's file belongs
// to, or "".
func (t *translation) lineageOf(file string) string {
	return letsencrypt.LineageOf(t.options.Letsencrypt, t.serverPath(file))
}

// useCertbot leaves the certificate to Caddy, with the authority that certbot
// had it from.
func (s *Site) useCertbot(b, inner *Block, d *apacheconf.Directive) {
	settings := s.t.certbot()
	if settings == nil {
		s.Approximate(d, "certbot's settings can't be read here; Caddy gets certificates from its default authority", "run it as root, where certbot is")
		return
	}
	for _, text := range settings.Sites[s.t.lineageOf(d.Args[0])] {
		for line := range strings.Lines(text) {
			words := strings.Fields(line)
			switch {
			case len(words) == 2 && words[0] == "imported_certificate":
				b.Line(words...)
			case len(words) == 2 && words[0] == "ca":
				inner.Line("ca", Literal(words[1]))
			}
		}
	}
}

// certbot gives certbot's settings, read once; nil when they can't be read.
func (t *translation) certbot() *letsencrypt.Caddyfile {
	if t.certbotRead {
		return t.certbotSettings
	}
	t.certbotRead = true
	inventory, err := letsencrypt.Read(t.options.Letsencrypt)
	if err != nil {
		return nil
	}
	settings := inventory.Settings(letsencrypt.Options{})
	t.certbotSettings = &settings
	return t.certbotSettings
}

// writeProtocols writes SSLProtocol; Caddy has none before TLS 1.2.
func (s *Site) writeProtocols(b *Block) {
	d := s.Last("SSLProtocol")
	if d == nil {
		return
	}
	versions := tlsVersions(d)
	switch {
	case !versions["tlsv1.2"] && !versions["tlsv1.3"]:
		s.Refuse(d, "Caddy speaks nothing older than TLS 1.2", "allow TLSv1.2 or TLSv1.3")
	case !versions["tlsv1.2"]:
		b.Line("protocols", "tls1.3", "tls1.3")
	case !versions["tlsv1.3"]:
		b.Line("protocols", "tls1.2", "tls1.2")
	}
	if (versions["tlsv1"] || versions["tlsv1.1"]) && !slices.ContainsFunc(d.Args, func(a string) bool { return strings.EqualFold(a, "all") }) {
		s.Approximate(d, "Caddy speaks nothing older than TLS 1.2", "")
	}
}

// tlsVersions reads the arguments of SSLProtocol.
func tlsVersions(d *apacheconf.Directive) map[string]bool {
	versions := map[string]bool{}
	for _, arg := range d.Args {
		on, name := !strings.HasPrefix(arg, "-"), strings.ToLower(strings.TrimLeft(arg, "+-"))
		if name == "all" {
			for _, each := range []string{"tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"} {
				versions[each] = on
			}
			continue
		}
		if !strings.ContainsAny(arg[:min(1, len(arg))], "+-") {
			clear(versions)
			for _, other := range d.Args {
				if other == arg {
					break
				}
				if !strings.ContainsAny(other[:min(1, len(other))], "+-") {
					versions[strings.ToLower(other)] = true
				}
			}
		}
		versions[name] = on
	}
	return versions
}

// goCiphers are the suites of TLS 1.2 that Caddy has, by OpenSSL's names.
var goCiphers = map[string]string{
	"ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
	"ECDHE-RSA-AES128-GCM-SHA256":   "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
	"ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
	"ECDHE-RSA-AES256-GCM-SHA384":   "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
	"ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
	"ECDHE-RSA-CHACHA20-POLY1305":   "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}

// writeCiphers writes SSLCipherSuite where every name in it is a suite, and
// leaves the choice to Caddy where it is written in OpenSSL's language of groups.
func (s *Site) writeCiphers(b *Block) {
	d := s.Last("SSLCipherSuite")
	if d == nil || len(d.Args) != 1 {
		return
	}
	var suites []string
	for _, name := range strings.FieldsFunc(d.Args[0], func(r rune) bool { return r == ':' || r == ',' || r == ' ' }) {
		if strings.HasPrefix(name, "!") {
			continue
		}
		if suite, ok := goCiphers[strings.ToUpper(name)]; ok && !slices.Contains(suites, suite) {
			suites = append(suites, suite)
			continue
		}
		if !strings.HasPrefix(name, "DHE-") && !strings.HasPrefix(name, "TLS_") && goCiphers[strings.ToUpper(name)] == "" {
			s.Approximate(d, "Caddy's own suites hold, all with forward secrecy", "")
			return
		}
		s.Approximate(d, "of these, Caddy has the suites with ECDHE and AEAD", "")
	}
	if len(suites) > 0 {
		b.Line(append([]string{"ciphers"}, suites...)...)
	}
}

// writeClientAuth writes the certificates that clients have to show.
func (s *Site) writeClientAuth(b *Block) {
	d := s.Last("SSLVerifyClient")
	if d == nil || len(d.Args) != 1 || strings.EqualFold(d.Args[0], "none") {
		return
	}
	mode := map[string]string{"require": "require_and_verify", "optional": "verify_if_given"}[strings.ToLower(d.Args[0])]
	files := s.t.authorities(s.Last("SSLCACertificateFile"), s.Last("SSLCACertificatePath"))
	switch {
	case mode == "":
		s.Refuse(d, "certificates of unknown authorities have no equivalent", "write require or optional")
		s.closed = true
		return
	case len(files) == 0:
		s.Refuse(d, "the certificate authority of the clients has to be named by SSLCACertificateFile or SSLCACertificatePath", "name it")
		s.closed = true
		return
	}
	auth := b.Open("client_auth")
	auth.Line("mode", mode)
	auth.Line(append([]string{"trust_pool", "file"}, literals(files)...)...)
	verifier := []string{"verifier", "apache_depth"}
	if d := s.Last("SSLVerifyDepth"); d != nil && len(d.Args) == 1 && isNumber(d.Args[0]) {
		verifier = append(verifier, d.Args[0])
	}
	auth.Line(verifier...)
}
