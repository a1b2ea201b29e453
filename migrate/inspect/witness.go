package inspect

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// Witness is what Apache itself says of the configuration.
type Witness struct {
	// Asked says that Apache was run.
	Asked bool `json:"asked"`
	// Error is why it has no opinion: it can't be run, or refuses the configuration.
	Error string `json:"error,omitempty"`
	// Differences are where its reading is another than this package's.
	Differences []string `json:"differences,omitempty"`

	hosts []witnessed
}

// Agrees says that Apache was asked and reads the configuration the same way.
func (w Witness) Agrees() bool { return w.Asked && w.Error == "" && len(w.Differences) == 0 }

// witnessed is a virtual host at one address, as apache2ctl -S prints it.
type witnessed struct {
	address string
	name    string
	aliases []string
	isFirst bool // answers for unknown names
	place   string
}

// FindApache is Apache's program on this machine, or "".
func FindApache() string {
	for _, name := range []string{"apache2", "/usr/sbin/apache2", "httpd", "/usr/sbin/httpd"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	return ""
}

const witnessPatience = 30 * time.Second

// ask has Apache print its virtual hosts, as apache2ctl -S does.
func ask(ctx context.Context, program string, tree *apacheconf.Tree, config string) Witness {
	if program == "" {
		return Witness{}
	}
	ctx, cancel := context.WithTimeout(ctx, witnessPatience)
	defer cancel()
	arguments := []string{"-t", "-D", "DUMP_VHOSTS", "-d", tree.ServerRoot, "-f", config}
	command := exec.CommandContext(ctx, program, arguments...) //nolint:gosec // the operator's Apache
	command.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for name, value := range tree.Environment {
		command.Env = append(command.Env, name+"="+value)
	}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		reason := strings.TrimSpace(stderr.String())
		if reason == "" {
			reason = err.Error()
		}
		return Witness{Asked: true, Error: reason}
	}
	return Witness{Asked: true, hosts: parseVirtualHosts(string(output))}
}

var (
	hostLine    = regexp.MustCompile(`^(\S+) +(?:is a NameVirtualHost|(\S*) \((.*)\))$`)
	defaultLine = regexp.MustCompile(`^ +default server (\S*) \((.*)\)$`)
	namedLine   = regexp.MustCompile(`^ +port \S+ namevhost (\S*) \((.*)\)$`)
	aliasLine   = regexp.MustCompile(`^ +(?:wild )?alias (.*)$`)
	// macroUse is in the place of a virtual host that a macro brought.
	macroUse = regexp.MustCompile(`used on line (\d+) of "([^"']+)"`)
)

// parseVirtualHosts reads what apache2ctl -S prints.
func parseVirtualHosts(output string) []witnessed {
	var hosts []witnessed
	address, first := "", ""
	for line := range strings.SplitSeq(output, "\n") {
		if match := hostLine.FindStringSubmatch(line); match != nil {
			address, first = match[1], ""
			if match[3] != "" { // the only one of its address
				hosts = append(hosts, witnessed{address: address, name: match[2], isFirst: true, place: placeOf(match[3])})
			}
		} else if match := defaultLine.FindStringSubmatch(line); match != nil {
			first = placeOf(match[2])
		} else if match := namedLine.FindStringSubmatch(line); match != nil {
			place := placeOf(match[2])
			hosts = append(hosts, witnessed{address: address, name: match[1], isFirst: place == first, place: place})
		} else if match := aliasLine.FindStringSubmatch(line); match != nil && len(hosts) > 0 {
			hosts[len(hosts)-1].aliases = append(hosts[len(hosts)-1].aliases, match[1])
		}
	}
	return hosts
}

// placeOf is "file:line"; of what a macro brought, that of the outermost Use.
func placeOf(place string) string {
	if match := macroUse.FindStringSubmatch(place); match != nil {
		return match[2] + ":" + match[1]
	}
	return place
}

func (s *Site) place() string {
	if len(s.Uses) > 0 {
		return s.Uses[0].String()
	}
	return s.File + ":" + strconv.Itoa(s.lastLine)
}

// differences holds the sites against those that Apache has.
func differences(sites []*Site, hosts []witnessed) []string {
	var found []string
	byPlace := map[string][]witnessed{}
	for _, host := range hosts {
		byPlace[host.place] = append(byPlace[host.place], host)
	}
	for _, site := range sites {
		theirs := byPlace[site.place()]
		delete(byPlace, site.place())
		if len(theirs) == 0 && len(site.Uses) == 0 {
			found = append(found, fmt.Sprintf("%s: Apache has no virtual host here", site.Position))
		}
		if len(site.Uses) == 0 {
			found = append(found, site.compare(theirs)...)
		}
	}
	for _, host := range hosts {
		if _, left := byPlace[host.place]; left {
			delete(byPlace, host.place)
			found = append(found, fmt.Sprintf("%s: Apache has virtual host %s, which was not found here", host.place, host.name))
		}
	}
	return found
}

// compare holds one site against what Apache has at its place.
func (s *Site) compare(theirs []witnessed) []string {
	var found []string
	for _, host := range theirs {
		if s.Name != "" && !strings.EqualFold(s.Name, host.name) {
			found = append(found, fmt.Sprintf("%s: the name is %s, for Apache %s", s.Position, s.Name, host.name))
		}
		if len(host.aliases) > 0 && !sameNames(s.Aliases, host.aliases) {
			found = append(found, fmt.Sprintf("%s: the aliases are %s, for Apache %s", s.Position, strings.Join(s.Aliases, " "), strings.Join(host.aliases, " ")))
		}
		if i := slices.Index(s.Addresses, host.address); i < 0 && !s.namesHost() {
			found = append(found, fmt.Sprintf("%s: the addresses are %s, for Apache %s", s.Position, strings.Join(s.Addresses, " "), host.address))
		} else if i >= 0 && host.isFirst != slices.Contains(s.DefaultOn, host.address) {
			found = append(found, fmt.Sprintf("%s: Apache sees another default for %s", s.Position, host.address))
		}
	}
	return found
}

// namesHost tells whether an address is a host name, which Apache resolves.
func (s *Site) namesHost() bool {
	return slices.ContainsFunc(s.Addresses, func(address string) bool {
		return strings.ContainsAny(strings.ToLower(strings.Trim(address[:strings.LastIndexByte(address, ':')], "[]")), "ghijklmnopqrstuvwxyz")
	})
}

func sameNames(a, b []string) bool {
	lower := func(names []string) []string {
		names = slices.Clone(names)
		for i := range names {
			names[i] = strings.ToLower(names[i])
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	return slices.Equal(lower(a), lower(b))
}
