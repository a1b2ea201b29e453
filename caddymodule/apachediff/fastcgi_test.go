package apachediff_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// FastCGI record types and the role of a responder's end.
const (
	fcgiBegin  = 1
	fcgiEnd    = 3
	fcgiParams = 4
	fcgiStdin  = 5
	fcgiStdout = 6
)

// shownParams are the parameters by which PHP finds and runs a script.
var shownParams = []string{
	"CONTENT_LENGTH", "CONTENT_TYPE", "DOCUMENT_ROOT", "HTTPS", "HTTP_AUTHORIZATION", "HTTP_HOST", "PATH_INFO",
	"QUERY_STRING", "REMOTE_USER", "REQUEST_METHOD", "REQUEST_URI", "SCRIPT_FILENAME", "SCRIPT_NAME", "SERVER_NAME",
}

// proxyPrefix is what Apache puts before SCRIPT_FILENAME with SetHandler, and
// PHP-FPM takes away again.
var proxyPrefix = regexp.MustCompile(`^proxy:fcgi://[^/]*//?`)

// serveFastCGI answers as PHP-FPM would: with what it was asked to run.
func (a *apps) serveFastCGI(t *testing.T, listener net.Listener) {
	t.Helper()
	var running sync.WaitGroup
	running.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = connection.Close() }()
				_ = a.answerFastCGI(connection)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
}

// answerFastCGI reads one request and answers it.
func (a *apps) answerFastCGI(connection io.ReadWriter) error {
	reader := bufio.NewReader(connection)
	var params, body []byte
	for {
		kind, id, content, err := readRecord(reader)
		if err != nil {
			return err
		}
		switch {
		case kind == fcgiParams:
			params = append(params, content...)
		case kind == fcgiStdin && len(content) > 0:
			body = append(body, content...)
		case kind == fcgiStdin:
			text := describeFastCGI(params, body)
			a.note(text)
			answer := "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n" + text
			return writeRecords(connection, id, answer)
		}
	}
}

func readRecord(reader io.Reader) (kind byte, id uint16, content []byte, err error) {
	var header [8]byte
	if _, err = io.ReadFull(reader, header[:]); err != nil {
		return 0, 0, nil, err
	}
	content = make([]byte, int(binary.BigEndian.Uint16(header[4:]))+int(header[6]))
	_, err = io.ReadFull(reader, content)
	return header[1], binary.BigEndian.Uint16(header[2:]), content[:len(content)-int(header[6])], err
}

func writeRecords(writer io.Writer, id uint16, answer string) error {
	for _, record := range []struct {
		kind    byte
		content string
	}{{fcgiStdout, answer}, {fcgiStdout, ""}, {fcgiEnd, strings.Repeat("\x00", 8)}} {
		header := []byte{1, record.kind, byte(id >> 8), byte(id), byte(len(record.content) >> 8), byte(len(record.content)), 0, 0}
		if _, err := writer.Write(append(header, record.content...)); err != nil {
			return err
		}
	}
	return nil
}

func describeFastCGI(encoded, body []byte) string {
	params := decodeParams(encoded)
	var lines []string
	for name, value := range params {
		if slices.Contains(shownParams, name) && value != "" && name+value != "CONTENT_LENGTH0" {
			lines = append(lines, name+": "+proxyPrefix.ReplaceAllString(value, "/"))
		}
	}
	slices.Sort(lines)
	text := echoMark + "PHP\n" + strings.Join(lines, "\n") + "\n"
	if len(body) > 0 {
		text += fmt.Sprintf("\n%s\n", body)
	}
	return text
}

// decodeParams reads FastCGI's name-value pairs.
func decodeParams(encoded []byte) map[string]string {
	params := make(map[string]string)
	length := func() int {
		n := int(encoded[0])
		if n < 0x80 {
			encoded = encoded[1:]
			return n
		}
		n = int(binary.BigEndian.Uint32(encoded)) & 0x7fffffff
		encoded = encoded[4:]
		return n
	}
	for len(encoded) > 1 {
		name, value := length(), length()
		if name+value > len(encoded) {
			break
		}
		params[string(encoded[:name])] = string(encoded[name : name+value])
		encoded = encoded[name+value:]
	}
	return params
}
