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
	loggers := &siteLoggers{}
	if s.table == nil {
		loggers.name = s.logName()
	}
	for _, d := range ownOrMain(s, names...) {
		s.writeAccessLog(b, d, loggers)
	}
	s.writeErrorLog(b, loggers)
	if loggers.access > 1 && s.takesAnyName() {
		b.Line(append([]string{"log_name"}, loggers.all()...)...) // names no site has are mapped to one log only
	}
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
	return freeName(s.t.logNames, name+"_"+strconv.Itoa(s.Port()))
}

func (s *Site) writeAccessLog(b *Block, d *apacheconf.Directive, loggers *siteLoggers) {
	if len(d.Args) == 0 {
		return
	}
	settings, ok := s.logOutput(d, d.Args[0])
	if !ok {
		return
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
	s.writeLogFormat(settings, format)
	s.putAccessLog(b, d, settings, loggers)
}

// putAccessLog puts a log into the site's block, or among those of all sites
// where some are in tables.
func (s *Site) putAccessLog(b *Block, d *apacheconf.Directive, settings *Block, loggers *siteLoggers) {
	switch {
	case s.table != nil:
		s.t.siteLogs.add(d, settings, s.table.loggers("access")...)
	case s.t.hasTables:
		name := loggers.next()
		s.openLog(b, loggers).Line("output", "discard") // gives the name; see siteLogs
		s.t.siteLogs.add(d, settings, "http.log.access."+name)
	default:
		b.From(d)
		s.openLog(b, loggers).Append(settings)
	}
}

// openLog opens one more log in the site's block.
func (s *Site) openLog(b *Block, loggers *siteLoggers) *Block {
	log := b.Open("log", loggers.next())
	if loggers.access > 0 && s.takesAnyName() {
		log.Line("no_hostname")
	}
	loggers.access++
	return log
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

func (s *Site) writeErrorLog(b *Block, loggers *siteLoggers) {
	for _, d := range s.All("ErrorLog") {
		s.Translated(d)
	}
	d, settings := s.errorLog()
	switch {
	case settings != nil:
	case s.table != nil && s.table.logger != "":
		settings = NewBlock()
		settings.Line("output", "stderr")
		s.t.siteLogs.add(nil, settings, s.table.loggers("error")...)
		return
	default:
		return // they go to Caddy's own log
	}
	if s.Name() == "" && s.table == nil && loggers.access == 0 {
		return
	}
	settings.Line("format", "apache")
	settings.Line("level", "DEBUG")
	if s.table != nil {
		s.t.siteLogs.add(d, settings, s.table.loggers("error")...)
		return
	}
	if loggers.access == 0 {
		s.openLog(b, loggers).Line("output", "discard") // gives the site's errors a name
	}
	into := &s.t.errorLogs
	if s.t.hasTables {
		into = &s.t.siteLogs
	}
	into.add(d, settings, "http.log.error."+loggers.name)
	for _, name := range loggers.all() {
		s.t.errorLoggers = append(s.t.errorLoggers, "http.log.error."+name)
	}
}

// errorLog is the directive that counts and where it leads, or nil.
func (s *Site) errorLog() (*apacheconf.Directive, *Block) {
	logs := ownOrMain(s, "ErrorLog")
	if len(logs) == 0 || len(logs[len(logs)-1].Args) == 0 {
		return nil, nil
	}
	d := logs[len(logs)-1]
	settings, ok := s.logOutput(d, d.Args[0])
	if !ok {
		return nil, nil
	}
	return d, settings
}

// writeGlobalLogs writes the logs that are not in the block of a site.
func (t *translation) writeGlobalLogs(options *Block) {
	for i, l := range t.errorLogs.list {
		log := options.Open("log", fmt.Sprintf("errors_%d", i+1))
		log.Line(append([]string{"include"}, l.loggers...)...)
		log.Append(l.settings)
	}
	if len(t.siteLogs.list) > 0 {
		t.writeSiteLogs(options)
	}
	if len(t.errorLoggers) > 0 {
		options.Open("log", "default").Line(append([]string{"exclude"}, t.errorLoggers...)...)
	}
}

// writeSiteLogs writes the logs of all sites as one, because Caddy offers each
// entry to every log.
func (t *translation) writeSiteLogs(options *Block) {
	options.Comment("the logs of the sites; the log itself writes nothing")
	log := options.Open("log", freeName(t.logNames, "sites"))
	log.Line(append([]string{"include"}, t.siteLogs.roots()...)...)
	log.Line("level", "FATAL")
	core := log.Open("core", "by_logger")
	for _, l := range t.siteLogs.list {
		if l.from != nil {
			core.From(l.from)
		}
		core.Open(append([]string{"log"}, l.loggers...)...).Append(l.settings)
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
