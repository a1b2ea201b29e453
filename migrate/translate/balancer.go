package translate

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// member is a BalancerMember.
type member struct {
	*apacheconf.Directive
	target  target
	load    float64
	route   string
	standby bool
}

// balancer is what all directives say about balancer://NAME.
type balancer struct {
	members    []member
	parameters map[string]string // of ProxySet
	why        string            // it can't be carried over
}

// balancerOf collects the members of a balancer.
func (s *Site) balancerOf(name string) balancer {
	found := balancer{parameters: map[string]string{}}
	for _, section := range s.sections {
		isOwn := section.Kind == KindProxy && len(section.Conditions) == 1 && isBalancer(section.Conditions[0].Pattern, name)
		for _, d := range section.Directives {
			args := d.Args
			switch {
			case !d.Is("BalancerMember", "ProxySet"):
				continue
			case isOwn:
			case len(args) > 0 && isBalancer(args[0], name):
				args = args[1:]
			default:
				continue
			}
			section.applied = true
			s.addToBalancer(&found, d, args)
		}
	}
	if len(found.members) == 0 && found.why == "" {
		found.why = "the balancer " + name + " has no members"
	}
	return found
}

func isBalancer(url, name string) bool {
	return strings.EqualFold(strings.TrimSuffix(url, "/"), "balancer://"+name)
}

func (s *Site) addToBalancer(found *balancer, d *apacheconf.Directive, args []string) {
	if d.Is("ProxySet") {
		for _, arg := range args {
			name, value, _ := strings.Cut(arg, "=")
			found.parameters[strings.ToLower(name)] = value
		}
		s.Translated(d)
		return
	}
	if len(args) == 0 {
		s.Refuse(d, "the URL of the member is missing", "correct the line")
		return
	}
	m := member{Directive: d, load: 1}
	var err error
	if m.target, err = parseTarget(args[0]); err != nil || m.target.scheme == "balancer" {
		found.why = "a member of the balancer can't be carried over"
		s.Refuse(d, "the member has no equivalent", "")
		return
	}
	s.Translated(d)
	disabled := false
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		switch strings.ToLower(name) {
		case "loadfactor":
			if load, err := strconv.ParseFloat(value, 64); err == nil && load > 0 {
				m.load = load
			}
		case "status":
			m.standby = strings.ContainsAny(value, "Hh") && !strings.Contains(value, "-H")
			disabled = strings.ContainsAny(value, "DdSs") && !strings.HasPrefix(value, "-")
		case "route":
			m.route = value
		}
	}
	if disabled {
		s.Harmless(d, "the member is disabled")
		return
	}
	found.members = append(found.members, m)
}

// check tells why the members can't serve together.
func (b balancer) check() string {
	if b.why != "" {
		return b.why
	}
	first := b.members[0].target
	for _, m := range b.members {
		if m.target.tls() != first.tls() || m.target.path != first.path || m.target.scheme == "fcgi" {
			return "the members differ in scheme or path"
		}
	}
	return ""
}

// first is the target of the first member, or that of a ProxyPass without.
func (b balancer) first(of target) target {
	if len(b.members) > 0 {
		return b.members[0].target
	}
	return of
}

// active are the members that serve, and those that stand by.
func (b balancer) active() (active, standby []member) {
	for _, m := range b.members {
		if m.standby {
			standby = append(standby, m)
		} else {
			active = append(active, m)
		}
	}
	return active, standby
}

// writeBalancing writes the policy, and what happens when a member fails.
func (s *Site) writeBalancing(rp *Block, d *apacheconf.Directive, b balancer) []string {
	active, standby := b.active()
	serving := active
	switch {
	case len(active) <= 1 && len(standby) > 0:
		serving = append(active, standby...)
		rp.Line("lb_policy", "first")
	case len(standby) > 0:
		for _, m := range standby {
			s.Approximate(m.Directive, "members that stand by are left out where several serve", "add it as a member")
		}
		s.writePolicyOf(rp, d, b, active)
	default:
		s.writePolicyOf(rp, d, b, active)
	}
	if len(serving) > 1 {
		rp.Line("lb_retries", strconv.Itoa(len(serving)-1))
		rp.Line("fail_duration", "60s")
	}
	var dials []string
	for _, m := range serving {
		dials = append(dials, Literal(m.target.dial()))
	}
	return dials
}

func (s *Site) writePolicyOf(rp *Block, d *apacheconf.Directive, b balancer, active []member) {
	sticky := b.parameters["stickysession"]
	switch {
	case sticky != "":
		policy := rp.Open(append([]string{"lb_policy", "apache_route"}, literals(strings.Split(sticky, "|"))...)...)
		for _, m := range active {
			if m.route != "" {
				policy.Line("route", Literal(m.route), Literal(m.target.dial()))
			}
		}
	case strings.EqualFold(b.parameters["lbmethod"], "bybusyness"):
		rp.Line("lb_policy", "least_conn")
	case slices.ContainsFunc(active, func(m member) bool { return m.load != active[0].load }):
		words := []string{"lb_policy", "weighted_round_robin"}
		for _, m := range active {
			words = append(words, strconv.Itoa(max(1, int(math.Round(m.load*10)))))
		}
		rp.Line(words...)
	default:
		if method := b.parameters["lbmethod"]; method != "" && !strings.EqualFold(method, "byrequests") {
			s.Approximate(d, "members take turns; "+method+" has no equivalent", "")
		}
		rp.Line("lb_policy", "round_robin")
	}
}
