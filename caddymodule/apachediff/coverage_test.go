package apachediff_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/migrate/translate"
)

// provenElsewhere are directives that no case can hold, with what proves them.
var provenElsewhere = map[string]string{
	"cookielog":            goneWhy,
	"rewritelock":          goneWhy,
	"rewritelog":           goneWhy,
	"rewriteloglevel":      goneWhy,
	"brotliwindowsize":     "Apache's own name of it is BrotliCompressionWindow",
	"proxypassinterpolate": "Apache's own name of it is ProxyPassInterpolateEnv",
	"balancernonce":        "Apache has it as a parameter of ProxySet only",
}

const goneWhy = "Apache 2.4 has it no more, and does not start with it"

// refusedAlways are directives that the adapter answers for by refusing every
// line of them; they occur in cases that must be refused.
var refusedAlways = []string{
	"action", "addinputfilter", "authbasicfake", "filterchain", "filterdeclare", "filterprovider", "mdcertificateagreement", "mdcontactemail", "mdomain", "proxyblock", "proxydomain",
	"proxyfcgisetenvif", "proxymatch", "proxyremote", "proxyremotematch", "remoteipproxyprotocol", "remoteipproxyprotocolexceptions",
	"scriptalias", "scriptaliasmatch", "setinputfilter", "sslcarevocationcheck", "sslcarevocationfile",
	"sslcarevocationpath", "sslcertificatechainfile", "sslocspenable", "sslpolicy", "sslrequire", "sslsrpverifierfile", "sslusername",
}

// TestEveryDirectiveOccurs fails for each directive that the adapter answers
// for and that no case compares with Apache.
func TestEveryDirectiveOccurs(t *testing.T) {
	t.Parallel()
	compared, refused := make(map[string]bool), make(map[string]bool)
	for _, c := range readCases(t) {
		in := compared
		if len(c.refused) > 0 {
			in = refused
		}
		for _, f := range c.files {
			for _, name := range directivesIn(f) {
				in[name] = true
			}
		}
	}
	answered, _ := translate.Directives()
	for _, name := range answered {
		switch {
		case slices.Contains(refusedAlways, name):
			if !refused[name] || compared[name] {
				t.Errorf("%s is listed as always refused: it has to occur in a case that is refused, and in no other", name)
			}
		case provenElsewhere[name] != "":
			if compared[name] {
				t.Errorf("%s occurs in a case: strike it out of those proven elsewhere", name)
			}
		case !compared[name]:
			t.Errorf("%s occurs in no case", name)
		}
	}
}

var directiveLine = regexp.MustCompile(`(?m)^\s*<?([A-Za-z][A-Za-z0-9]*)\b`)

// directivesIn are the names, in lower case, that begin the lines of a
// configuration.
func directivesIn(f file) []string {
	if strings.HasPrefix(f.name, "/var/www/") && !strings.HasSuffix(f.name, "/.htaccess") {
		return nil
	}
	var names []string
	for _, found := range directiveLine.FindAllStringSubmatch(f.text, -1) {
		names = append(names, strings.ToLower(found[1]))
	}
	return names
}
