package translate

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

func init() {
	Register(Part{
		Stage:      StageSite,
		Directives: []string{"LogFormat", "CustomLog", "TransferLog", "ErrorLog", "ErrorLogFormat", "GlobalLog", "ForensicLog", "CookieLog", "LogIOTrackTTFB", "BufferedLogs"},
		Site:       writeLogs,
	})
}

// common is the format of a CustomLog without one.
const common = `%h %l %u %t "%r" %>s %b`

// writeLogs writes the logs of a site: its own, or the main server's where it
// has none.
func writeLogs(s *Site, b *Block) {
	for _, d := range s.All("LogFormat", "ErrorLogFormat", "CookieLog", "LogIOTrackTTFB", "BufferedLogs", "ForensicLog", "GlobalLog") {
		switch {
		case d.Is("LogFormat"):
			s.Translated(d)
		case d.Is("ForensicLog", "GlobalLog"):
			s.Approximate(d, "this log is not written", "")
		default:
			s.Harmless(d, "")
		}
	}
	names := []string{"CustomLog", "TransferLog"}
	for _, d := range s.All(names...) {
		s.Translated(d)
	}
	logs := ownOrMain(s, names...)
	name := s.logName()
	written := 0
	for _, d := range logs {
		if s.Name() == "" && written > 0 {
			s.Approximate(d, "a site without a name has one access log", "")
			continue
		}
		own := name
		if written > 0 {
			own = fmt.Sprintf("%s_%d", name, written+1)
		}
		if s.writeAccessLog(b, d, own) {
			written++
		}
	}
	s.writeErrorLog(b, name, written)
}

// ownOrMain gives the virtual host's directives, or the main server's where it
// has none.
func ownOrMain(s *Site, names ...string) []*apacheconf.Directive {
	for _, list := range [][]*apacheconf.Directive{s.Own, s.Main} {
		var found []*apacheconf.Directive
		for _, d := range list {
			if d.Is(names...) {
				found = append(found, d)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// logName is a name for the site's loggers that no other site has.
func (s *Site) logName() string {
	name := strings.Trim(notWord.ReplaceAllString(s.Name(), "_"), "_")
	if name == "" || name == "default" {
		name = "site"
	}
	name += "_" + strconv.Itoa(s.Port())
	s.t.logNames[name]++
	if n := s.t.logNames[name]; n > 1 {
		name += "_" + strconv.Itoa(n)
	}
	return name
}

func (s *Site) writeAccessLog(b *Block, d *apacheconf.Directive, name string) bool {
	if len(d.Args) == 0 {
		return false
	}
	output, ok := s.logOutput(d, d.Args[0])
	if !ok {
		return false
	}
	format, condition := common, ""
	for _, arg := range d.Args[1:] {
		if strings.HasPrefix(arg, "env=") || strings.HasPrefix(arg, "expr=") {
			condition = arg
		} else {
			format = s.logFormat(arg)
		}
	}
	if d.Is("TransferLog") {
		if last := s.Last("LogFormat"); last != nil && len(last.Args) == 1 {
			format = last.Args[0]
		}
	}
	format, lost := apacheLogFormat(format)
	if condition != "" {
		s.Approximate(d, "all requests are logged, not only those with "+condition, "")
	}
	if len(lost) > 0 {
		s.Approximate(d, "not known to Caddy's log: "+strings.Join(lost, " "), "")
	}
	b.From(d)
	log := b.Open("log", name)
	if !s.writeLogHosts(log) {
		s.Approximate(d, "only requests for names without wildcards are logged", "")
	}
	log.Append(output)
	s.writeLogFormat(log, format)
	return true
}

// writeLogHosts names the hosts of a log in a block of many sites; the default
// host logs what no other has. Not ok when some hosts can't be named.
func (s *Site) writeLogHosts(log *Block) bool {
	if s.table == nil || s.table.isDefault && !s.table.https {
		return true
	}
	var names []string
	for _, name := range s.host.names {
		if hostName.MatchString(name) && !strings.Contains(name, "*") {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		names = []string{"invalid"} // nobody; a log without hosts would be everybody's
	}
	log.Line(append([]string{"hostnames"}, names...)...)
	return len(names) == len(s.host.names)
}

func (s *Site) writeLogFormat(log *Block, format string) {
	inner := log.Detached()
	if s.Name() != "" && hostName.MatchString(s.Name()) && !strings.Contains(s.Name(), "*") {
		inner.Line("server_name", s.Name())
	}
	inner.Line("server_port", strconv.Itoa(s.Port()))
	if format == "" {
		log.Line("format", "apache")
		return
	}
	log.Open("format", "apache", format).Append(inner)
}

// logOutput writes where a log goes. Programs and syslog are not written to.
func (s *Site) logOutput(d *apacheconf.Directive, target string) (*Block, bool) {
	if strings.HasPrefix(target, "|") {
		file := rotatedFile(target)
		if file == "" {
			s.Approximate(d, "logs are not piped into programs; it is not written", "read the log of another site, or have the program read a file")
			return nil, false
		}
		s.Approximate(d, "Caddy rotates the file itself, by size", "")
		target = file
	}
	if strings.HasPrefix(target, "syslog") || strings.HasPrefix(target, "journald") {
		s.Approximate(d, "it goes to Caddy's own log", "")
		return nil, false
	}
	output := NewBlock()
	name := s.t.serverPath(target)
	if name == "/dev/null" {
		output.Line("output", "discard")
		return output, true
	}
	if s.t.options.LogFolder != "" {
		name = path.Join(s.t.options.LogFolder, path.Base(name))
	}
	if strings.HasPrefix(name, "/dev/") || strings.HasPrefix(name, "/proc/") {
		output.Line("output", "stdout")
		return output, true
	}
	output.Open("output", "file", Literal(name)).Line("mode", "0640")
	return output, true
}

// rotatedFile is the file of a pipe into rotatelogs or cronolog without its
// time stamp, or "".
func rotatedFile(pipe string) string {
	fields := strings.Fields(strings.TrimLeft(pipe, "|$"))
	if len(fields) < 2 || !slices.Contains([]string{"rotatelogs", "cronolog", "rotatelogs2"}, path.Base(strings.Trim(fields[0], `"'`))) {
		return ""
	}
	for _, field := range fields[1:] {
		field = strings.Trim(field, `"'`)
		if strings.HasPrefix(field, "/") {
			return strings.Trim(timeStamp.ReplaceAllString(field, ""), ".-_")
		}
	}
	return ""
}

var timeStamp = regexp.MustCompile(`[._-]?%[A-Za-z]`)

func (s *Site) writeErrorLog(b *Block, name string, written int) {
	for _, d := range s.All("ErrorLog") {
		s.Translated(d)
	}
	logs := ownOrMain(s, "ErrorLog")
	if len(logs) == 0 || s.Name() == "" && written == 0 {
		return
	}
	d := logs[len(logs)-1]
	if len(d.Args) == 0 {
		return
	}
	output, ok := s.logOutput(d, d.Args[0])
	if !ok {
		return
	}
	if written == 0 {
		log := b.Open("log", name) // gives the site's errors a name
		s.writeLogHosts(log)
		log.Line("output", "discard")
		written = 1
	}
	key := output.String()
	if s.t.errorLogs[key] == nil {
		s.t.errorLogs[key] = &errorLog{output: output}
		s.t.errorLogOrder = append(s.t.errorLogOrder, key)
	}
	s.t.errorLogs[key].loggers = append(s.t.errorLogs[key].loggers, "http.log.error."+name)
	for i := range written {
		own := name
		if i > 0 {
			own = fmt.Sprintf("%s_%d", name, i+1)
		}
		s.t.errorLoggers = append(s.t.errorLoggers, "http.log.error."+own)
	}
}

// errorLog is a file and the loggers that write into it.
type errorLog struct {
	output  *Block
	loggers []string
}

// writeErrorLogs writes the logs of errors, one per file.
func (t *translation) writeErrorLogs(options *Block) {
	for i, key := range t.errorLogOrder {
		log := options.Open("log", fmt.Sprintf("errors_%d", i+1))
		log.Line(append([]string{"include"}, t.errorLogs[key].loggers...)...)
		log.Append(t.errorLogs[key].output)
		log.Line("format", "apache")
		log.Line("level", "DEBUG")
	}
	if len(t.errorLoggers) > 0 {
		options.Open("log", "default").Line(append([]string{"exclude"}, t.errorLoggers...)...)
	}
}

// logFormat is the text of a named format, or the text itself.
func (s *Site) logFormat(name string) string {
	for _, d := range slices.Backward(s.All("LogFormat")) {
		if len(d.Args) == 2 && d.Args[1] == name {
			return d.Args[0]
		}
	}
	if name == "common" {
		return common
	}
	return name
}

// logDirective is a % directive of mod_log_config.
var logDirective = regexp.MustCompile(`%([!0-9,]*)([<>]?)(?:\{([^}]*)\})?(\^?[A-Za-z]{1,2}|%)`)

// apacheLogFormat makes a format that the encoder apache takes: what it does
// not know becomes "-". Bytes with headers become those of the body.
func apacheLogFormat(format string) (text string, lost []string) {
	var out strings.Builder
	for format != "" {
		at := logDirective.FindStringSubmatchIndex(format)
		if at == nil {
			out.WriteString(strings.ReplaceAll(format, "%", "%%"))
			break
		}
		out.WriteString(strings.ReplaceAll(format[:at[0]], "%", "%%"))
		group := func(i int) string {
			if at[2*i] < 0 {
				return ""
			}
			return format[at[2*i]:at[2*i+1]]
		}
		end := at[1]
		letter := group(4)
		if len(letter) == 2 && letter[0] != '^' {
			letter, end = letter[:1], end-1
		}
		written, ok := logWord(group(1), group(2), group(3), letter)
		if !ok {
			lost = append(lost, format[at[0]:end])
		}
		out.WriteString(written)
		format = format[end:]
	}
	return out.String(), lost
}

// logWord gives a directive as the encoder takes it; not ok when it differs.
func logWord(statuses, which, argument, letter string) (string, bool) {
	whole := "%" + statuses + which
	if argument != "" {
		whole += "{" + argument + "}"
	}
	whole += letter
	known := map[string][]string{ // the arguments that are known; nil for all
		"%": {""}, "a": {"", "c"}, "h": {"", "c"}, "b": {""}, "B": {""}, "C": nil, "c": {"version", "cipher"}, "D": {""},
		"T": {"", "s", "ms", "us"}, "H": {""}, "i": nil, "l": {""}, "m": {""}, "n": nil, "o": nil, "p": {"", "canonical", "remote"},
		"P": {"", "pid"}, "q": {""}, "r": {""}, "s": {""}, "t": {"", "sec", "msec", "usec", "msec_frac", "usec_frac"}, "u": {""}, "U": {""},
		"v": {""}, "V": {""},
		"x": {"HTTPS", "SSL_PROTOCOL", "SSL_CIPHER", "SSL_CIPHER_USEKEYSIZE", "SSL_CIPHER_ALGKEYSIZE", "SSL_TLS_SNI", "SSL_SESSION_RESUMED", "SSL_CLIENT_S_DN_CN", "SSL_CLIENT_M_SERIAL"},
	}
	arguments, ok := known[letter]
	switch {
	case letter == "O":
		return "%" + statuses + "b", true // Debian's formats; the body's bytes
	case !ok || which == ">" && letter == "U" || arguments != nil && !slices.Contains(arguments, argument) && letter != "t":
		return "-", false
	case letter == "t" && !slices.Contains(arguments, argument):
		if !timeFormat.MatchString(argument) {
			return "-", false
		}
		return whole, true
	case arguments == nil && argument == "":
		return "-", false
	case letter == "o" && slices.Contains([]string{"date", "connection", "content-length", "keep-alive", "transfer-encoding"}, strings.ToLower(argument)):
		return "-", false
	case letter == "i" && strings.EqualFold(argument, "Trailer"):
		return "-", false
	default:
		return whole, true
	}
}

// timeFormat are the formats of strftime that the encoder knows.
var timeFormat = regexp.MustCompile(`^(?:begin:|end:)?(?:[^%{}]|%-?[aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%])+$`)
