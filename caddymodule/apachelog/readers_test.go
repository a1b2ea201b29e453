package apachelog

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// TestGoAccessReadsEveryLine runs Debian's goaccess on what Caddy has logged.
func TestGoAccessReadsEveryLine(t *testing.T) {
	t.Parallel()
	goaccess := program(t, "goaccess", "goaccess")
	dir := folder(t)
	port := strconv.Itoa(porttest.Free(t))
	formats := map[string]string{"combined": "COMBINED", "vhost_combined": "VCOMBINED", "common": "COMMON"}
	global := caddyServer
	for name := range formats {
		global += fmt.Sprintf("\nlog %s {\ninclude http.log.access.site\noutput file %s/%[1]s.log\nformat apache %[1]s\n}", name, dir)
	}
	serveCaddy(t, global, fmt.Sprintf("http://:%s {\n\tlog site\n%s\n}\n", port, caddySite(content(t, dir))), nil, port)

	sent := visits()
	for _, raw := range sent {
		exchange(t, port, raw)
	}

	for name, logFormat := range formats {
		log := filepath.Join(dir, name+".log")
		lines := linesOf(t, log, len(sent))
		report := filepath.Join(dir, name+".json")
		command := exec.CommandContext(t.Context(), goaccess, log, "--no-global-config", "--log-format="+logFormat, // #nosec G204 -- Debian's goaccess
			"--no-query-string", "--invalid-requests="+dir+"/"+name+".invalid", "-o", report)
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("goaccess: %v\n%s", err, output)
		}
		content, err := os.ReadFile(report) // #nosec G304 -- of this test
		if err != nil {
			t.Fatal(err)
		}
		var result struct {
			General struct {
				Total  int `json:"total_requests"`
				Valid  int `json:"valid_requests"`
				Failed int `json:"failed_requests"`
			} `json:"general"`
		}
		if err := json.Unmarshal(content, &result); err != nil {
			t.Fatal(err)
		}
		if g := result.General; g.Total != len(sent) || g.Valid != len(sent) || g.Failed != 0 {
			invalid, _ := os.ReadFile(filepath.Join(dir, name+".invalid")) // #nosec G304 -- of this test
			t.Errorf("%s: goaccess takes %d of %d lines for valid and %d for not:\n%s\nof\n%s",
				name, g.Valid, len(sent), g.Failed, invalid, strings.Join(lines, "\n"))
		}
	}
}

// visits are what the readers' log files are made of: the requests compared
// with Apache's lines, and visitors with awkward names.
func visits() []string {
	sent := slices.Clone(requests)
	for _, agent := range []string{
		`Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0`,
		`"quoted" \ agent`, "tab\tand é", "%h %j [brackets]", "-", strings.Repeat("long ", 500),
	} {
		sent = append(sent, "GET /file.txt?"+strings.Repeat("q", 300)+" HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\nUser-Agent: "+agent+"\r\n\r\n")
	}
	return sent
}

// TestAWStatsReadsEveryLine runs Debian's AWStats on what Caddy has logged.
func TestAWStatsReadsEveryLine(t *testing.T) {
	t.Parallel()
	awstats := program(t, "awstats.pl", "awstats")
	dir := folder(t)
	port := strconv.Itoa(porttest.Free(t))
	formats := map[string]int{"combined": 1, "common": 4} // AWStats' numbers for them
	global := caddyServer
	for name := range formats {
		global += fmt.Sprintf("\nlog %s {\ninclude http.log.access.site\noutput file %s/%[1]s.log\nformat apache %[1]s\n}", name, dir)
	}
	serveCaddy(t, global, fmt.Sprintf("http://:%s {\n\tlog site\n%s\n}\n", port, caddySite(content(t, dir))), nil, port)
	sent := visits()
	for _, raw := range sent {
		exchange(t, port, raw)
	}

	for name, number := range formats {
		log := filepath.Join(dir, name+".log")
		lines := linesOf(t, log, len(sent))
		config := fmt.Sprintf("LogFile=%q\nLogType=W\nLogFormat=%d\nSiteDomain=\"shop.example.com\"\nDirData=%q\nDNSLookup=0\n", log, number, dir)
		if err := os.WriteFile(filepath.Join(dir, "awstats."+name+".conf"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(t.Context(), awstats, "-config="+name, "-configdir="+dir, "-update", "-showcorrupted") // #nosec G204 -- Debian's awstats
		output, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("awstats: %v\n%s", err, output)
		}
		report := string(output)
		if !strings.Contains(report, fmt.Sprintf("Parsed lines in file: %d\n", len(sent))) ||
			!strings.Contains(report, "Found 0 corrupted records") {
			t.Errorf("%s: of %d lines AWStats says:\n%s\nof\n%s", name, len(sent), report, strings.Join(lines, "\n"))
		}
	}
}

// twoSites have, with siteLog, the files docs/reference/log-format-apache.md shows:
// an access log and an error log per site.
const twoSites = `
http://shop.localhost:%[1]s {
	log shop {
		output file %[2]s/shop.access.log {
			mode 0640
			roll_size 50MiB
			roll_keep 14
		}
		format apache combined
	}
	basic_auth /secret/* {
		bob ` + caddyPassword + `
	}
	error /denied/* 403
	reverse_proxy /app/* 127.0.0.1:%[3]s
	root %[2]s
	file_server
}
http://blog.localhost:%[1]s {
	log blog {
		output file %[2]s/blog.access.log {
			mode 0640
		}
		format apache vhost_combined
	}
	error 404
}
`

// siteLog is the global option that gives a site its error log.
func siteLog(site, dir string) string {
	return fmt.Sprintf(`
	log %[1]s_error {
		include http.log.error.%[1]s
		level DEBUG
		output file %[2]s/%[1]s.error.log {
			mode 0640
		}
		format apache
	}`, site, dir)
}

func TestFilesPerSiteAndFail2ban(t *testing.T) {
	t.Parallel()
	fail2ban := program(t, "fail2ban-regex", "fail2ban")
	dir := folder(t)
	port, closed := strconv.Itoa(porttest.Free(t)), strconv.Itoa(porttest.Free(t))
	serveCaddy(t, "servers {\ntrusted_proxies static 127.0.0.1/32\n}"+siteLog("shop", dir)+siteLog("blog", dir)+`
	log default {
		output file `+dir+`/caddy.log
		exclude http.log.error.shop http.log.error.blog
	}`, fmt.Sprintf(twoSites, port, dir, closed), nil, port)

	for _, r := range []struct{ site, client, path, headers string }{
		{"shop", "203.0.113.1", "/secret/", ""},
		{"shop", "203.0.113.2", "/secret/", "Authorization: Basic Ym9iOm5v\r\n"},
		{"shop", "203.0.113.3", "/wp-login.php", "Referer: http://x/\r\n"},
		{"shop", "203.0.113.4", "/denied/x", ""},
		{"shop", "203.0.113.5", "/app/x", ""},
		{"shop", "203.0.113.6", "/missing.txt", "User-Agent: EmailSiphon\r\n"},
		{"shop", "2001:db8::7", "/secret/", "Authorization: Basic Ym9iOm5v\r\n"},
		{"blog", "203.0.113.8", "/x.php", ""},
	} {
		exchange(t, port, "GET "+r.path+" HTTP/1.1\r\nHost: "+r.site+".localhost\r\nConnection: close\r\nX-Forwarded-For: "+r.client+"\r\n"+r.headers+"\r\n")
	}

	for name, count := range map[string]int{"shop.access": 7, "shop.error": 7, "blog.access": 1, "blog.error": 1} {
		file := filepath.Join(dir, name+".log")
		linesOf(t, file, count)
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o640 {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
	}
	rest, err := os.ReadFile(filepath.Join(dir, "caddy.log")) // #nosec G304 -- of this test
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(rest), "http.log.error") || strings.Contains(string(rest), "http.log.access") {
		t.Errorf("records of a site are in Caddy's own log too:\n%s", rest)
	}

	for _, test := range []struct{ filter, log, clients string }{
		{"apache-auth", "shop.error", "203.0.113.2 203.0.113.4 2001:db8::7"},
		{"apache-noscript", "shop.error", "203.0.113.3"},
		{"apache-auth", "blog.error", ""},
		{"apache-badbots", "shop.access", "203.0.113.6"},
	} {
		command := exec.CommandContext(t.Context(), fail2ban, "--usedns", "no", "--out", "ip", // #nosec G204 -- Debian's fail2ban
			filepath.Join(dir, test.log+".log"), "/etc/fail2ban/filter.d/"+test.filter+".conf")
		output, err := command.Output()
		if err != nil {
			t.Fatalf("fail2ban-regex: %v", err)
		}
		if got := strings.Join(strings.Fields(string(output)), " "); got != test.clients {
			log, _ := os.ReadFile(filepath.Join(dir, test.log+".log")) // #nosec G304 -- of this test
			t.Errorf("%s finds %q in %s, want %q:\n%s", test.filter, got, test.log, test.clients, log)
		}
	}
}
