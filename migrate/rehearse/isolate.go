package rehearse

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Isolate changes a configuration of Caddy, as JSON, so that it can be tried
// beside the servers that run: every address gets a free port of 127.0.0.1,
// names get certificates of an authority of its own, and all that is written
// goes to folder. Nothing is asked of a certificate authority.
func Isolate(config []byte, folder string, freePort func() (int, error)) ([]byte, []Port, error) {
	var document map[string]any
	if err := json.Unmarshal(config, &document); err != nil {
		return nil, nil, fmt.Errorf("reading the configuration: %w", err)
	}
	apps := object(document, "apps")
	web := object(apps, "http")
	if len(object(web, "servers")) == 0 {
		return nil, nil, errors.New("the configuration serves no site")
	}
	ports, err := movePorts(web, freePort)
	if err != nil {
		return nil, nil, err
	}
	kept := map[string]any{
		"http": web,
		"tls":  ownCertificates(object(apps, "tls")),
		"pki":  map[string]any{"certificate_authorities": map[string]any{"local": map[string]any{"install_trust": false}}},
	}
	if fairway, ok := apps["fairway"].(map[string]any); ok {
		fairway["store"] = map[string]any{"driver": "sqlite", "folder": filepath.Join(folder, "data")}
		kept["fairway"] = fairway
		if table, ok := apps["fairway.subdomains"]; ok {
			kept["fairway.subdomains"] = table
		}
	}
	isolated, err := json.Marshal(map[string]any{
		"admin":   map[string]any{"listen": "unix/" + filepath.Join(folder, "admin.sock"), "config": map[string]any{"persist": false}},
		"storage": map[string]any{"module": "file_system", "root": filepath.Join(folder, "storage")},
		"logging": map[string]any{"logs": map[string]any{"default": map[string]any{
			"writer": map[string]any{"output": "file", "filename": filepath.Join(folder, "log"), "roll": false},
		}}},
		"apps": kept,
	})
	return isolated, ports, err
}

// object is the object at key, made if it is not there.
func object(parent map[string]any, key string) map[string]any {
	child, ok := parent[key].(map[string]any)
	if !ok {
		child = make(map[string]any)
		parent[key] = child
	}
	return child
}

// movePorts gives each listening address a port of its own.
func movePorts(web map[string]any, freePort func() (int, error)) ([]Port, error) {
	var ports []Port
	moved := make(map[string]int)
	servers := object(web, "servers")
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		server, ok := servers[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("the server %s of the configuration is no object", name)
		}
		server["protocols"] = []string{"h1", "h2"}
		delete(server, "listen_protocols")
		listen, _ := server["listen"].([]any)
		addresses := []string{}
		for _, value := range listen {
			address, _ := value.(string)
			host, port, err := splitAddress(address)
			if err != nil {
				return nil, err
			}
			if port == 0 {
				continue // a socket file, which requests from logs do not come through
			}
			key := net.JoinHostPort(host, strconv.Itoa(port))
			if moved[key] == 0 {
				if moved[key], err = freePort(); err != nil {
					return nil, err
				}
				ports = append(ports, Port{Host: host, Old: port, New: moved[key]})
			}
			if next := net.JoinHostPort("127.0.0.1", strconv.Itoa(moved[key])); !slices.Contains(addresses, next) {
				addresses = append(addresses, next)
			}
		}
		server["listen"] = addresses
	}
	// A request is sent to the first of its port: those for every address come first.
	slices.SortStableFunc(ports, func(a, b Port) int { return len(a.Host) - len(b.Host) })
	return setDefaultPorts(web, ports, freePort)
}

// setDefaultPorts has Caddy's own redirects lead to the ports of this trial, and
// adds those that Caddy opens by itself.
func setDefaultPorts(web map[string]any, ports []Port, freePort func() (int, error)) ([]Port, error) {
	for key, standard := range map[string]int{"http_port": 80, "https_port": 443} {
		if configured, ok := web[key].(float64); ok {
			standard = int(configured)
		}
		at := slices.IndexFunc(ports, func(p Port) bool { return p.Old == standard })
		if at < 0 {
			port, err := freePort()
			if err != nil {
				return nil, err
			}
			at = len(ports)
			ports = append(ports, Port{Old: standard, New: port, Optional: true})
		}
		web[key] = ports[at].New
	}
	return ports, nil
}

// splitAddress reads an address of Caddy's: [NETWORK/]HOST:PORT. The port is 0
// for a socket file.
func splitAddress(address string) (host string, port int, err error) {
	network, rest, ok := strings.Cut(address, "/")
	if !ok {
		network, rest = "", address
	}
	if strings.HasPrefix(network, "unix") || strings.HasPrefix(network, "fd") {
		return "", 0, nil
	}
	host, text, err := net.SplitHostPort(rest)
	if err != nil {
		return "", 0, fmt.Errorf("the configuration listens on %q: %w", address, err)
	}
	if port, err = strconv.Atoi(text); err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("the configuration listens on %q, which is not a single port", address)
	}
	if host == "0.0.0.0" || host == "::" {
		host = ""
	}
	return host, port, nil
}

// ownCertificates has an authority of the server's own issue all certificates
// that are not loaded from files.
func ownCertificates(secure map[string]any) map[string]any {
	internal := []any{map[string]any{"module": "internal"}}
	automation := object(secure, "automation")
	policies, _ := automation["policies"].([]any)
	forAll := false
	for _, value := range policies {
		if policy, ok := value.(map[string]any); ok {
			policy["issuers"] = internal
			delete(policy, "get_certificate")
			subjects, _ := policy["subjects"].([]any)
			forAll = forAll || len(subjects) == 0
		}
	}
	if !forAll {
		policies = append(policies, map[string]any{"issuers": internal})
	}
	automation["policies"] = policies
	delete(secure, "encrypted_client_hello")
	delete(secure, "dns")
	return secure
}
