package command

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// serviceEnvironment is the EnvironmentFile of the packaged systemd unit. With
// it a command sees the server as the server sees itself.
const serviceEnvironment = "/etc/caddy/environment"

// loadEnvironment sets the variables of file that are not set yet. A file that
// was not asked for by name may be missing or unreadable.
func loadEnvironment(file string, asked bool) error {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if !asked && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the environment: %w", err)
	}
	variables, err := parseEnvironment(text)
	if err != nil {
		return fmt.Errorf("%s:%w", file, err)
	}
	for name, value := range variables {
		if _, ok := os.LookupEnv(name); ok {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("%s: %s: %w", file, name, err)
		}
	}
	// Caddy read this variable when the program began.
	if admin := os.Getenv("CADDY_ADMIN"); admin != "" {
		caddy.DefaultAdminListen = admin
	}
	return nil
}

// parseEnvironment reads the lines NAME=value of a systemd EnvironmentFile,
// whose values may stand in quotes. Errors begin with the line's number.
func parseEnvironment(text []byte) (map[string]string, error) {
	variables := make(map[string]string)
	scanner := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; scanner.Scan(); number++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("%d: not a line of the form NAME=value", number)
		}
		variables[name] = unquoted(value)
	}
	return variables, scanner.Err()
}

func unquoted(value string) string {
	if len(value) < 2 {
		return value
	}
	first, last := value[0], value[len(value)-1]
	if first == last && (first == '"' || first == '\'') {
		return value[1 : len(value)-1]
	}
	return value
}
