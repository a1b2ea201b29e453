package rehearse

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aditechsphere/fairway/migrate/internal/apachetest"
)

// TestLogsOfApache asks a real Apache that logs in many formats, and reads the
// requests from each of its logs.
func TestLogsOfApache(t *testing.T) {
	t.Parallel()
	formats := map[string]string{
		"common": Common, "combined": Combined, "vhost_combined": VhostCombined,
		"parts":    `%m %U%q %H %v %p`,
		"quoted":   `%{%Y-%m-%d}t "%{User-Agent}i" \"%r\" %D`,
		"brackets": `[%{Host}i] [%m] [%U%q] %B %X %{c}p %^ti %%`,
		"crowded":  `%a,%{sec}t,%v,%p,"%r",%>s,%I`,
		"own":      `%V:%p %h (%r) %s`,
	}
	// Targets and what is asked of Apache: as they are on the wire.
	targets := []string{"/", "/a?b=c&d=%20e", "/%C3%A9?q=%22quoted%22", "/a%20b", `/back\slash?"quote"`, "/semi;colon", "/plus+and-minus", "//two//slashes", "/?", "/caf\xc3\xa9"}
	var configuration strings.Builder
	for name, format := range formats {
		fmt.Fprintf(&configuration, "CustomLog {root}/%s.log \"%s\"\n", name, strings.ReplaceAll(strings.ReplaceAll(format, `\"`, `"`), `"`, `\"`))
	}
	server := apachetest.Start(t, nil, "UseCanonicalName Off\n"+configuration.String(), nil)
	for _, target := range targets {
		ask(t, server.Port, target)
	}
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			parsed, err := ParseFormat(format)
			if err != nil {
				t.Fatal(err)
			}
			var missing string
			for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
				if missing = missingIn(t, filepath.Join(server.Root, name+".log"), format, parsed, targets); missing == "" {
					return // Apache writes its log after the answer, in any order
				}
			}
			t.Error(missing)
		})
	}
}

// ask sends a target as it is.
func ask(t *testing.T, port int, target string) {
	t.Helper()
	connection, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: a \"b\" \\c\r\nConnection: close\r\n\r\n", target); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(connection).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
}

// missingIn says what is not in a log that should be.
func missingIn(t *testing.T, file, format string, parsed *Format, targets []string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]entry)
	for line := range strings.Lines(string(text)) {
		e, ok := parsed.parse(strings.TrimSuffix(line, "\n"))
		if !ok && !strings.Contains(format, "%U") { // which is decoded, and may have spaces
			return "not read: " + line
		}
		got[e.target] = e
	}
	for _, target := range targets {
		if strings.Contains(format, "%U") && (strings.ContainsAny(target, "%?\"\\") || !utf8.ValidString(target) || strings.Contains(target, "//")) {
			continue // %U is the decoded path, without empty segments
		}
		e, ok := got[target]
		if !ok || e.method != "GET" || strings.Contains(format, "%v") && e.host == "" || strings.Contains(format, "%p") && e.port == 0 {
			return fmt.Sprintf("%q is read as %+v, %t", target, e, ok)
		}
	}
	return ""
}

func TestFormatsThatSayNothing(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"", "%h %t", "%m only", "%U only", "% broken", "%"} {
		if _, err := ParseFormat(format); err == nil {
			t.Errorf("%q is taken", format)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Combined, `1.2.3.4 - - [01/Jan/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"`)
	f.Add(VhostCombined, `a.example:443 ::1 - - [x] "\x16\x03" 400 0 "-" "-"`)
	f.Fuzz(func(_ *testing.T, format, line string) {
		if parsed, err := ParseFormat(format); err == nil {
			parsed.parse(line)
		}
	})
}
