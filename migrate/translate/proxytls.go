package translate

import "strings"

// checkTLS tells why a backend that speaks TLS can't be reached: in Apache too
// it is not without SSLProxyEngine.
func (s *Site) checkTLS(t target, members balancer) string {
	if len(members.members) > 0 {
		t = members.members[0].target
	}
	if !t.tls() || saysOn(s.Last("SSLProxyEngine")) {
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

// writeBackendTLS writes how far the backend's certificate is checked.
func (s *Site) writeBackendTLS(tr *Block, sc *Scope) {
	tr.Line("tls")
	if saysOn(s.setting(sc, "ProxyPreserveHost")) {
		tr.Line("tls_server_name", "{host}")
	}
	verify := s.setting(sc, "SSLProxyVerify")
	if verify == nil || len(verify.Args) != 1 || !strings.EqualFold(verify.Args[0], "require") {
		tr.Comment("as in Apache: the certificate of the backend is not verified")
		tr.Line("tls_insecure_skip_verify")
		if engine := s.setting(sc, "SSLProxyEngine"); engine != nil {
			s.Approximate(engine, "the certificates of backends are not verified, their names neither", "set SSLProxyVerify require and SSLProxyCACertificateFile")
		}
		return
	}
	if d := s.setting(sc, "SSLProxyCACertificateFile"); d != nil && len(d.Args) == 1 {
		tr.Open("tls_trust_pool", "file").Line("pem_file", Literal(s.t.serverPath(d.Args[0])))
	}
}
