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
// everything to the same path elsewhere, as to HTTPS.
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
	switch {
	case strings.EqualFold(host, "%{HTTP_HOST}"):
		host = "{hostport}"
	case strings.Contains(host, "%"):
		return false, false
	}
	never, ok := s.neverHolds(r)
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
	b.Line("redir", parts[1]+"://"+host+"{uri}", strconv.Itoa(status))
	return true, true
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

// neverHolds tells whether the conditions of a rule can't hold on this site. It
// is not ok when they ask for more than HTTPS: names of hosts are compared by
// apache_rewrite, which knows them with a final dot, and requests without any.
func (s *Site) neverHolds(r rule) (never, ok bool) {
	for _, c := range r.conditions {
		if !strings.EqualFold(c.words[0], "%{HTTPS}") || c.words[2] != "" && !strings.EqualFold(c.words[2], "[NC]") {
			return false, false
		}
		holds, known := s.httpsHolds(c.words[1])
		if !known {
			return false, false
		}
		never = never || !holds
	}
	return never, true
}

// httpsHolds evaluates a condition on %{HTTPS}, which a site knows.
func (s *Site) httpsHolds(pattern string) (holds, known bool) {
	on := slices.Contains([]string{"on", "=on", "^on$", "^on", "!off", "!=off", "!^off$"}, strings.ToLower(pattern))
	off := slices.Contains([]string{"off", "=off", "^off$", "^off", "!on", "!=on", "!^on$", "!^on"}, strings.ToLower(pattern))
	return on == s.HTTPS(), on || off
}
