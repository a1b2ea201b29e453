package translate

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// everyPath are patterns that every path fits, with what $1 is then.
var everyPath = map[string]string{
	"^": "", ".*": "", "^.*$": "", "^.*": "", "": "",
	"(.*)": "/", "^(.*)$": "/", "^(.*)": "/",
	"^/(.*)$": "", "^/(.*)": "", "^/?(.*)$": "", "^/?(.*)": "", "/(.*)": "", "^/*(.*)$": "",
}

// toSamePath are substitutions that lead to the same path of another origin.
var toSamePath = regexp.MustCompile(`^(https?)://([^/$\\]+?)(%\{REQUEST_URI\}|/\$1|/?\$1)$`)

// writeNative writes rules as plain Caddyfile when they do nothing but redirect
// everything of some host to the same path elsewhere, as certbot's do.
func (s *Site) writeNative(b *Block, set *ruleset) bool {
	if len(set.maps) > 0 || len(set.options) > 0 {
		return false
	}
	detached := b.Detached()
	complete := false
	for _, r := range set.rules {
		if complete {
			return false
		}
		var ok bool
		if complete, ok = s.writeSamePath(detached, r); !ok {
			return false
		}
	}
	b.Append(detached)
	if complete {
		s.Complete()
	}
	return true
}

// writeSamePath writes one rule; complete tells that it answers everything.
func (s *Site) writeSamePath(b *Block, r rule) (complete, ok bool) {
	status, ok := redirectFlags(r.words[2])
	if !ok || !s.isSamePath(r) {
		return false, false
	}
	parts := toSamePath.FindStringSubmatch(r.words[1])
	host := parts[2]
	for apache, caddy := range map[string]string{"%{HTTP_HOST}": "{hostport}", "%{SERVER_NAME}": "{host}"} {
		if strings.EqualFold(host, apache) {
			host = caddy
		}
	}
	if strings.Contains(host, "%") {
		return false, false
	}
	hosts, never, ok := s.hostsOf(r)
	switch {
	case !ok:
		return false, false
	case never:
		return false, true
	}
	for _, c := range r.conditions {
		b.Comment("%s %s", shortName(c.Position), c.Text())
	}
	b.From(r.Directive)
	words := []string{"redir"}
	if len(hosts) > 0 {
		words = append(words, b.Matcher("host", append([]string{"host"}, hosts...)...))
	}
	b.Line(append(words, parts[1]+"://"+host+"{uri}", strconv.Itoa(status))...)
	return len(hosts) == 0, true
}

// isSamePath tells whether the rule leads every path to itself elsewhere.
func (s *Site) isSamePath(r rule) bool {
	group, every := everyPath[r.words[0]]
	parts := toSamePath.FindStringSubmatch(r.words[1])
	switch {
	case !every || parts == nil:
		return false
	case strings.HasSuffix(parts[3], "$1"):
		hasGroup := strings.Contains(r.words[0], "(")
		withSlash := strings.HasPrefix(parts[3], "/")
		return hasGroup && withSlash == (group == "")
	}
	return true
}

// redirectFlags reads the status, when the flags say no more than that the
// request ends there.
func redirectFlags(flags string) (status int, ok bool) {
	status = 302
	final := false
	for flag := range strings.SplitSeq(strings.Trim(flags, "[]"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(flag), "=")
		switch strings.ToUpper(name) {
		case "R", "REDIRECT":
			if value != "" {
				known, valid := redirectStatus(value)
				if !valid || known < 300 || known > 399 {
					return 0, false
				}
				status = known
			}
		case "L", "LAST", "END":
			final = true
		case "NE", "NOESCAPE", "NC", "NOCASE":
		default:
			return 0, false
		}
	}
	return status, final
}

// plainHost finds host names in patterns of conditions: literal ones.
var plainHost = regexp.MustCompile(`^\^?((?:[A-Za-z0-9-]|\\?\.)+)\$$`)

// hostsOf are the host names for which the conditions of a rule hold; none
// means all, never that they can't hold here.
func (s *Site) hostsOf(r rule) (hosts []string, never, ok bool) {
	for i, c := range r.conditions {
		isLast := i == len(r.conditions)-1
		or := strings.EqualFold(strings.Trim(c.words[2], "[]"), "OR") || strings.EqualFold(strings.Trim(c.words[2], "[]"), "NC,OR") || strings.EqualFold(strings.Trim(c.words[2], "[]"), "OR,NC")
		plainFlags := c.words[2] == "" || or || strings.EqualFold(c.words[2], "[NC]")
		if !plainFlags || or && isLast {
			return nil, false, false
		}
		switch strings.ToUpper(c.words[0]) {
		case "%{HTTPS}":
			holds, known := s.httpsHolds(c.words[1])
			if !known || or || len(hosts) > 0 {
				return nil, false, false
			}
			never = never || !holds
		case "%{HTTP_HOST}", "%{SERVER_NAME}":
			name, known := hostPattern(c.words[1])
			if !known || !or && !isLast {
				return nil, false, false
			}
			hosts = append(hosts, name)
		default:
			return nil, false, false
		}
	}
	return hosts, never, true
}

// httpsHolds evaluates a condition on %{HTTPS}, which a site knows.
func (s *Site) httpsHolds(pattern string) (holds, known bool) {
	on := slices.Contains([]string{"on", "=on", "^on$", "^on", "!off", "!=off", "!^off$"}, strings.ToLower(pattern))
	off := slices.Contains([]string{"off", "=off", "^off$", "^off", "!on", "!=on", "!^on$", "!^on"}, strings.ToLower(pattern))
	return on == s.HTTPS(), on || off
}

// hostPattern is the name for which a condition on the host holds.
func hostPattern(pattern string) (string, bool) {
	if name, ok := strings.CutPrefix(pattern, "="); ok {
		return strings.ToLower(name), hostName.MatchString(strings.ToLower(name))
	}
	match := plainHost.FindStringSubmatch(pattern)
	if match == nil || !strings.HasPrefix(pattern, "^") || strings.Contains(strings.ReplaceAll(match[1], `\.`, ""), ".") {
		return "", false
	}
	return strings.ToLower(strings.ReplaceAll(match[1], `\.`, ".")), true
}
