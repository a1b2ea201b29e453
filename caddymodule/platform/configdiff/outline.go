package configdiff

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// outline is a configuration by subject: "site blog.example", "server srv0",
// "tls", "logging".
type outline map[string]subject

// subject is what a part of a configuration consists of, by label: "upstream
// 127.0.0.1:8000", "header response.set".
type subject map[string]fact

// fact is a thing that is there, or a setting with the fingerprint of its value.
type fact struct {
	fingerprint uint64
	main        bool   // a service or an upstream: worth naming when all of it is new
	of          string // label of what this is a setting of
}

// seed is of this process: fingerprints mean nothing to anyone else.
var seed = maphash.MakeSeed()

// depth is how many names of a setting are shown; what lies deeper is one value.
const depth = 3

type object = map[string]any

// outlineOf reads a configuration in Caddy's JSON; none at all is an empty one.
func outlineOf(config []byte) (outline, error) {
	var root object
	if len(config) > 0 {
		if err := json.Unmarshal(config, &root); err != nil {
			return nil, fmt.Errorf("it is no JSON object: %w", err)
		}
	}
	o := make(outline)
	for name, value := range root {
		if name != "apps" {
			o.of(name).settings("", "", value)
			continue
		}
		for app, value := range objectOf(value) {
			if app == "http" {
				o.http(objectOf(value))
			} else {
				o.of(app).settings("", "", value)
			}
		}
	}
	return o, nil
}

func (o outline) of(name string) subject {
	if o[name] == nil {
		o[name] = make(subject)
	}
	return o[name]
}

// http outlines the app that serves sites: each host is a subject of its own,
// whichever server and whichever block it shares.
func (o outline) http(app object) {
	for name, value := range app {
		if name != "servers" {
			o.of("http").settings("", name, value)
		}
	}
	for name, value := range objectOf(app["servers"]) {
		server := objectOf(value)
		subject := "server " + name
		for _, address := range listOf(server["listen"]) {
			o.of(subject).add("address " + textOf(address))
		}
		for key, value := range server {
			if key != "listen" && key != "routes" {
				o.of(subject).settings("", key, value)
			}
		}
		for _, route := range listOf(server["routes"]) {
			o.site(subject, objectOf(route))
		}
	}
}

// site outlines a route of a server under its hosts, or under the server.
func (o outline) site(server string, route object) {
	hosts := hostsOf(route)
	if len(hosts) == 0 {
		o.of(server).route(route, "")
	}
	for _, host := range hosts {
		o.of("site "+host).route(route, "")
	}
}

func hostsOf(route object) (hosts []string) {
	for _, set := range listOf(route["match"]) {
		for _, host := range listOf(objectOf(set)["host"]) {
			hosts = append(hosts, textOf(host))
		}
	}
	return hosts
}

// route outlines the handlers of a route; place tells where within the site
// they are: " at /api/*".
func (s subject) route(route object, place string) {
	for _, set := range listOf(route["match"]) {
		for kind, value := range objectOf(set) {
			switch kind {
			case "host":
			case "path":
				for _, path := range listOf(value) {
					place += " at " + homepage.RedactPath(textOf(path))
				}
			default:
				s.settings("", "matcher "+kind+place, value)
			}
		}
	}
	for _, handler := range listOf(route["handle"]) {
		s.handler(objectOf(handler), place)
	}
}

// handler outlines one handler.
func (s subject) handler(handler object, place string) {
	kind := textOf(handler["handler"])
	rest := maps.Clone(handler)
	delete(rest, "handler")
	label := kind + place
	switch kind {
	case "subroute":
		for _, route := range listOf(handler["routes"]) {
			s.route(objectOf(route), place)
		}
		return
	case "service":
		delete(rest, "name")
		label = "service " + textOf(handler["name"]) + place
		s.addMain(label)
	case "reverse_proxy":
		delete(rest, "upstreams")
		for _, upstream := range listOf(handler["upstreams"]) {
			s.addMain("upstream " + address(textOf(objectOf(upstream)["dial"])) + place)
		}
		s.add(label)
	default:
		s.add(label)
	}
	s.settings(label, "", rest)
}

// address is an upstream's without the credentials it should not have.
func address(dial string) string { return dial[strings.LastIndex(dial, "@")+1:] }

func (s subject) add(label string)     { s[label] = fact{} }
func (s subject) addMain(label string) { s[label] = fact{main: true} }

// settings adds the settings within a value under their names.
func (s subject) settings(of, name string, value any) {
	if within, ok := value.(object); ok && strings.Count(name, ".") < depth-1 {
		for _, key := range slices.Sorted(maps.Keys(within)) {
			if key == "group" || key == "terminal" || key == "@id" {
				continue // made by the adapter, numbered anew each time
			}
			s.settings(of, strings.TrimPrefix(name+"."+nameOf(key), "."), within[key])
		}
		return
	}
	label := strings.TrimSpace(of + " " + name)
	known := s[label]
	text, _ := json.Marshal(value) // it was JSON
	known.of = of
	known.fingerprint = known.fingerprint*31 + maphash.Bytes(seed, text)
	s[label] = known
}

// nameOf is the name of a setting, unless that is no name but a secret itself.
func nameOf(key string) string { return strings.ReplaceAll(homepage.Redact(key), ".", "·") }

func objectOf(v any) object {
	o, _ := v.(object)
	return o
}

func listOf(v any) []any {
	l, _ := v.([]any)
	return l
}

func textOf(v any) string {
	t, _ := v.(string)
	return t
}
