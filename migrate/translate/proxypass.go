package translate

import (
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/pcre"
)

// proxyPass is a ProxyPass or ProxyPassMatch.
type proxyPass struct {
	*apacheconf.Directive
	target     target
	prefix     string // of paths; empty with an expression
	regexp     string
	exclude    bool // the target is "!"
	parameters map[string]string
	section    *Section // the Location it stands in, or nil
}

// harmlessParameters steer Apache's own processes and connections.
var harmlessParameters = []string{
	"min", "max", "smax", "acquire", "retry", "iobuffersize", "receivebuffersize", "keepalive", "ping", "enablereuse", "upgrade", "loadfactor", "route",
	"redirect", "status", "lbset", "addressttl", "timeout", "connectiontimeout", "ttl", "disablereuse", "flushpackets", "flushwait", "nocanon",
	"responsefieldsize", "lbmethod", "stickysession", "stickysessionsep", "nofailover", "failonstatus", "failontimeout", "maxattempts", "forcerecovery", "growth", "scolonpathdelim", "nonce",
}

// readProxyPass reads a directive; in a Location the path is the section's.
func readProxyPass(d *apacheconf.Directive, section *Section) (p proxyPass, why string) {
	p = proxyPass{Directive: d, section: section, parameters: map[string]string{}}
	args := d.Args
	isMatch := d.Is("ProxyPassMatch")
	if section != nil {
		pattern, why := proxyLocation(section, isMatch)
		if why != "" {
			return p, why
		}
		args = append([]string{pattern}, args...)
	}
	if len(args) < 2 {
		return p, "a path and the URL of a backend are needed"
	}
	if isMatch {
		p.regexp = args[0]
		if _, err := pcre.Compile(p.regexp, false); err != nil {
			return p, err.Error()
		}
	} else if p.prefix = args[0]; !strings.HasPrefix(p.prefix, "/") {
		return p, "the path does not begin with a slash"
	}
	if p.exclude = args[1] == "!"; p.exclude {
		return p, ""
	}
	for _, arg := range args[2:] {
		name, value, _ := strings.Cut(arg, "=")
		p.parameters[strings.ToLower(name)] = value
		if !slices.Contains(harmlessParameters, strings.ToLower(name)) {
			return p, "the parameter " + name + " has no equivalent"
		}
	}
	var err error
	if p.target, err = parseTarget(args[1]); err != nil {
		return p, err.Error()
	}
	return p, ""
}

// proxyLocation is the path or expression of a Location with a ProxyPass.
func proxyLocation(section *Section, isMatch bool) (pattern, why string) {
	if !isLocationOnly(section) || len(section.Conditions) != 1 {
		return "", "ProxyPass stands outside of sections, or in a Location"
	}
	condition := section.Conditions[0]
	switch {
	case condition.Glob:
		return "", "a Location with wildcards can't hold ProxyPass"
	case condition.Regexp != isMatch:
		return "", "LocationMatch takes ProxyPassMatch, and Location ProxyPass"
	}
	return condition.Pattern, ""
}

// conditions are what a request has to meet for the directive.
func (p proxyPass) conditions() []Condition {
	if p.regexp != "" {
		return []Condition{{Kind: KindLocation, Pattern: p.regexp, Regexp: true}}
	}
	if p.prefix == "/" {
		return nil
	}
	return []Condition{{Kind: KindLocation, Pattern: p.prefix}}
}

// mapsPath tells whether the backend's path differs from the request's.
func (p proxyPass) mapsPath() bool {
	if _, raw := p.parameters["nocanon"]; raw || p.regexp != "" && p.target.path != "" {
		return true
	}
	path := p.target.path
	if path == "" && p.prefix == "/" {
		return false
	}
	return p.regexp == "" && p.prefix != path
}

// isMismatched tells whether Apache would put the rest of the path right
// behind the name of the backend.
func (p proxyPass) isMismatched() bool {
	return p.regexp == "" && strings.HasSuffix(p.prefix, "/") && p.target.path == ""
}

// proxyPasses are all of the site in the order in which Apache asks them:
// those of Locations, the last one first, then the main server's and the
// virtual host's.
func (s *Site) proxyPasses(refused func(p proxyPass, why string)) []proxyPass {
	var list []proxyPass
	add := func(d *apacheconf.Directive, section *Section) {
		p, why := readProxyPass(d, section)
		if why != "" {
			refused(p, why)
			p.exclude = false
		}
		if why == "" || p.prefix != "" || p.regexp != "" {
			list = append(list, p)
		}
	}
	for _, section := range slices.Backward(s.sections) {
		if section.Kind == KindServer {
			continue
		}
		for _, d := range section.All("ProxyPass", "ProxyPassMatch") {
			add(d, section)
		}
	}
	for _, d := range s.All("ProxyPass", "ProxyPassMatch") {
		add(d, nil)
	}
	return list
}
