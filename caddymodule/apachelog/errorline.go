package apachelog

import (
	"os"
	"strconv"
	"strings"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

const errorTime = "[Mon Jan 02 15:04:05.000000 2006] ["

var pidField = "] [pid " + strconv.Itoa(os.Getpid()) + "] "

// appendErrorLine writes a record in the form of Apache's error log:
//
//	[time] [logger:level] [pid N] [client ip:port] message, key=value, referer: …
func appendErrorLine(line *buffer.Buffer, entry zapcore.Entry, r *record) {
	line.AppendTime(entry.Time, errorTime)
	appendWord(line, entry.LoggerName)
	line.AppendByte(':')
	line.AppendString(apacheLevel(entry.Level))
	line.AppendString(pidField)
	if r.hasRequest {
		appendClient(line, r)
	}
	if message := apacheMessage(entry, r); message != "" {
		errorEscapes.append(line, message)
	} else {
		errorEscapes.append(line, entry.Message)
		appendDetails(line, entry, r)
	}
	if r.referer != "" {
		line.AppendString(", referer: ")
		errorEscapes.append(line, r.referer)
	}
	line.AppendByte('\n')
}

// appendWord writes a logger's name where Apache has that of a module, which
// readers take to be without spaces.
func appendWord(line *buffer.Buffer, name string) {
	if name == "" {
		name = "caddy"
	}
	errorEscapes.append(line, strings.ReplaceAll(name, " ", "_"))
}

func apacheLevel(level zapcore.Level) string {
	switch level {
	case zapcore.DPanicLevel:
		return "crit"
	case zapcore.PanicLevel:
		return "alert"
	case zapcore.FatalLevel:
		return "emerg"
	}
	return level.String()
}

// appendClient writes the client's address; its port is known only when no
// proxy stands between.
func appendClient(line *buffer.Buffer, r *record) {
	address := r.clientAddress()
	if address == "" {
		return
	}
	line.AppendString("[client ")
	errorEscapes.append(line, address)
	if r.remotePort != "" && address == r.remoteIP {
		line.AppendByte(':')
		errorEscapes.append(line, r.remotePort)
	}
	line.AppendString("] ")
}

// apacheMessage words the refusals that intrusion detectors look for as
// Apache's modules word them; "" for any other record. Where in Caddy an error
// comes from stands in its err_trace.
func apacheMessage(entry zapcore.Entry, r *record) string {
	if !isLogger(entry.LoggerName, errorLogger) {
		return ""
	}
	trace := r.detail("err_trace")
	target := decodedPath(r.uri)
	switch {
	case r.status == 401:
		user, claimed := r.claimedUser()
		if !claimed {
			return ""
		}
		if user == "" {
			user = "-"
		}
		return "user " + user + `: authentication failure for "` + target + `"`
	case r.status == 403 && strings.HasPrefix(trace, "caddyhttp.StaticError."):
		return "client denied by server configuration: " + target
	case r.status == 404 && strings.HasPrefix(trace, "fileserver."):
		return "File does not exist: " + target
	}
	return ""
}

func (r *record) detail(key string) string {
	for _, d := range r.details {
		if d.key == key {
			return d.text
		}
	}
	return ""
}

// appendDetails writes what else the record says, as key=value.
func appendDetails(line *buffer.Buffer, entry zapcore.Entry, r *record) {
	if r.method != "" {
		appendDetail(line, detail{"request", r.method + " " + hidePassword(r.uri) + " " + r.proto})
		appendDetail(line, detail{"host", r.host})
	}
	for _, d := range r.details {
		appendDetail(line, d)
	}
	if entry.Stack != "" {
		appendDetail(line, detail{"stack", entry.Stack})
	}
}

func appendDetail(line *buffer.Buffer, d detail) {
	line.AppendString(", ")
	errorEscapes.append(line, d.key)
	line.AppendByte('=')
	if d.text != "" && !strings.ContainsAny(d.text, ` ,="`) {
		errorEscapes.append(line, d.text)
		return
	}
	line.AppendByte('"')
	accessEscapes.append(line, d.text)
	line.AppendByte('"')
}
