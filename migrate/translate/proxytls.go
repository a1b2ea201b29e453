package translate

import (
	"bytes"
	"encoding/pem"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// checkTLS tells why a backend that speaks TLS can't be reached: in Apache too
// it is not without SSLProxyEngine.
func (s *Site) checkTLS(t target, members balancer) string {
	if t = members.first(t); !t.tls() || saysOn(s.Last("SSLProxyEngine")) {
		return ""
	}
	for _, section := range s.sections {
		for _, d := range section.All("SSLProxyEngine") {
			if saysOn(d) {
				return ""
			}
		}
	}
	return "SSLProxyEngine is not on, so that Apache can't reach this backend either"
}

// checkBackendTLS tells why the certificate of the scope's backend can't be
// checked as in Apache, and refuses the line that is to blame.
func (s *Site) checkBackendTLS(sc *Scope) (why string) {
	refuse := func(d *apacheconf.Directive, because, do string) {
		s.Refuse(d, because, do)
		why = d.Name + " can't be carried over: " + because
	}
	for _, section := range s.Sections(sc) {
		if sc.reach(section) == Always {
			continue
		}
		for _, d := range section.All(backendTLSNames...) {
			refuse(d, "it holds for a part of what the backend answers only", "write it in the virtual host, or in a <Proxy> section with the URL of the backend")
		}
	}
	if d := s.setting(sc, "SSLProxyVerify"); d != nil {
		switch verify := strings.ToLower(strings.Join(d.Args, " ")); {
		case verify == "optional_no_ca":
			refuse(d, "certificates of unknown authorities only have no equivalent", "write none or require")
		case !slices.Contains([]string{"none", "optional", "require"}, verify):
			refuse(d, "it takes none, optional or require", "correct the line")
		case verify != "none" && len(s.backendAuthorities(sc)) == 0:
			refuse(d, "no authority is named, and Apache refuses every backend", "name it with SSLProxyCACertificateFile")
		}
	}
	if d := s.setting(sc, "SSLProxyProtocol"); d != nil && s.protocolsOf(d) == nil {
		refuse(d, "nothing older than TLS 1.2 is spoken", "allow TLSv1.2 or TLSv1.3")
	}
	if d := s.setting(sc, "SSLProxyMachineCertificateFile"); d != nil && len(d.Args) == 1 {
		if keys := s.t.privateKeys(s.t.serverPath(d.Args[0])); keys != 1 {
			refuse(d, "the file has to hold one certificate with its key", "keep the one that the backend takes")
		}
	}
	return why
}

// privateKeys is how many a file holds.
func (t *translation) privateKeys(name string) int {
	text, err := fs.ReadFile(t.options.FS, strings.TrimPrefix(name, "/"))
	if err != nil {
		return 0
	}
	keys := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			keys++
		}
	}
	return keys
}

// hashedName is how OpenSSL finds a certificate in a folder.
var hashedName = regexp.MustCompile(`^[0-9a-f]{8}\.[0-9]+$`)

// authoritiesIn are the files of a folder of authorities. Several links to one
// file count once.
func (t *translation) authoritiesIn(folder string) []string {
	entries, err := fs.ReadDir(t.options.FS, strings.TrimPrefix(folder, "/"))
	if err != nil {
		return nil
	}
	var files []string
	var texts [][]byte
	for _, entry := range entries {
		name := path.Join(folder, entry.Name())
		text, err := fs.ReadFile(t.options.FS, strings.TrimPrefix(name, "/"))
		if !hashedName.MatchString(entry.Name()) || err != nil || slices.ContainsFunc(texts, func(known []byte) bool { return bytes.Equal(known, text) }) {
			continue
		}
		files, texts = append(files, name), append(texts, text)
	}
	return files
}

// authorities are the files that a directive for a file and one for a folder name.
func (t *translation) authorities(file, folder *apacheconf.Directive) []string {
	var files []string
	if file != nil && len(file.Args) == 1 {
		files = append(files, t.serverPath(file.Args[0]))
	}
	if folder != nil && len(folder.Args) == 1 {
		files = append(files, t.authoritiesIn(t.serverPath(folder.Args[0]))...)
	}
	return files
}

func (s *Site) backendAuthorities(sc *Scope) []string {
	return s.t.authorities(s.setting(sc, "SSLProxyCACertificateFile"), s.setting(sc, "SSLProxyCACertificatePath"))
}

// writeBackendTLS writes how far the backend's certificate is checked.
func (s *Site) writeBackendTLS(tr *Block, sc *Scope) {
	tr.Line("tls")
	if saysOn(s.setting(sc, "ProxyPreserveHost")) {
		tr.Line("tls_server_name", "{host}")
	}
	if d := s.setting(sc, "SSLProxyMachineCertificateFile"); d != nil && len(d.Args) == 1 {
		file := Literal(s.t.serverPath(d.Args[0]))
		tr.Line("tls_client_auth", file, file)
	}
	if d := s.setting(sc, "SSLProxyProtocol"); d != nil {
		tr.Line(append([]string{"tls_protocols"}, s.protocolsOf(d)...)...)
	}
	name, expiry := s.checkedName(sc), "on"
	if d := s.setting(sc, "SSLProxyCheckPeerExpire"); d != nil && !saysOn(d) {
		expiry = "off"
	}
	verify := s.setting(sc, "SSLProxyVerify")
	if verify != nil && !strings.EqualFold(verify.Args[0], "none") {
		tr.Line(append([]string{"verify_chain"}, literals(s.backendAuthorities(sc))...)...)
		if d := s.setting(sc, "SSLProxyVerifyDepth"); d != nil && len(d.Args) == 1 && isNumber(d.Args[0]) {
			tr.Line("verify_depth", d.Args[0])
		}
	} else {
		tr.Comment("as in Apache: nobody has to vouch for the certificate of the backend")
		if engine := s.setting(sc, "SSLProxyEngine"); engine != nil {
			s.Approximate(engine, "as in Apache, the certificates of backends are taken from any authority", "set SSLProxyVerify require and SSLProxyCACertificateFile")
		}
	}
	tr.Line("verify_name", name)
	tr.Line("verify_expiry", expiry)
}

// checkedName is which name of a backend's certificate has to be its own, as
// SSLProxyCheckPeerName and the older SSLProxyCheckPeerCN say together.
func (s *Site) checkedName(sc *Scope) string {
	name, common := s.setting(sc, "SSLProxyCheckPeerName"), s.setting(sc, "SSLProxyCheckPeerCN")
	switch {
	case saysOn(name), name == nil && (common == nil || saysOn(common)):
		return "any"
	case saysOn(common):
		return "common_name"
	default:
		return "off"
	}
}

// protocolsOf are the oldest and the newest version that a SSLProxyProtocol
// allows; nil when Go has neither.
func (s *Site) protocolsOf(d *apacheconf.Directive) []string {
	switch versions := tlsVersions(d); {
	case versions["tlsv1.2"] && versions["tlsv1.3"]:
		return []string{"tls1.2", "tls1.3"}
	case versions["tlsv1.2"]:
		return []string{"tls1.2", "tls1.2"}
	case versions["tlsv1.3"]:
		return []string{"tls1.3", "tls1.3"}
	}
	return nil
}
