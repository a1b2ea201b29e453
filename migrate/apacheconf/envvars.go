package apacheconf

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"strings"
)

// debianEnvironment is what Debian's envvars says, for configurations without one.
var debianEnvironment = map[string]string{
	"APACHE_RUN_USER":  "www-data",
	"APACHE_RUN_GROUP": "www-data",
	"APACHE_PID_FILE":  "/var/run/apache2/apache2.pid",
	"APACHE_RUN_DIR":   "/var/run/apache2",
	"APACHE_LOCK_DIR":  "/var/lock/apache2",
	"APACHE_LOG_DIR":   "/var/log/apache2",
	"LANG":             "C",
}

// readEnvvars gives the variables that the shell file envvars exports, and
// APACHE_ARGUMENTS, exported or not. Nothing is executed: assignments, export,
// unset, conditions with [ and sourced files are understood, and what a command
// would have to tell is a problem.
func readEnvvars(fsys fs.FS, file, confdir string) (map[string]string, []Problem, error) {
	s := &shell{
		fsys:     fsys,
		values:   map[string]string{"APACHE_CONFDIR": confdir},
		exported: map[string]bool{},
	}
	if err := s.source(file); err != nil {
		return nil, nil, err
	}
	environment := maps.Clone(s.values)
	maps.DeleteFunc(environment, func(name, _ string) bool {
		return !s.exported[name] && name != "APACHE_ARGUMENTS"
	})
	return environment, s.problems, nil
}

// shell evaluates the part of sh that files of variables use.
type shell struct {
	fsys     fs.FS
	values   map[string]string
	exported map[string]bool
	problems []Problem
	at       Position
	depth    int
	unknown  bool // the word being expanded needs a command
}

const (
	maxSourced = 8
	maxValue   = 1 << 16
)

func (s *shell) problem(do, format string, args ...any) {
	if len(s.problems) < maxProblems {
		s.problems = append(s.problems, problemf(s.at, do, format, args...))
	}
}

// branch is an if being read.
type branch struct {
	outer bool // what surrounds it is executed
	live  bool // this part is executed
	taken bool // a part was executed
}

func (s *shell) source(file string) error {
	text, err := readSmall(s.fsys, file)
	if err != nil {
		return err
	}
	if s.depth++; s.depth > maxSourced {
		s.problem("", "files source each other")
		return nil
	}
	defer func(at Position) { s.at = at; s.depth-- }(s.at)
	status := true
	var ifs []branch
	for _, command := range splitCommands(text) {
		s.at = Position{File: file, Line: command.line}
		words, opens, ok := keywords(command.words, &ifs)
		if !ok {
			s.problem("", "there is no if to this %q; the rest of the file is not read", command.words[0])
			return nil
		}
		live := len(ifs) == 0 || ifs[len(ifs)-1].live
		if len(words) == 0 {
			continue
		}
		if live && (command.join == "&&" && !status || command.join == "||" && status) {
			continue
		}
		if !live && !opens {
			continue
		}
		if unsupported[words[0]] {
			s.problem("set the variables in plain assignments", "%q is not understood here; the rest of the file is not read", words[0])
			return nil
		}
		if opens {
			b := &ifs[len(ifs)-1]
			b.live = b.outer && !b.taken && s.run(words)
			b.taken = b.taken || b.live
			continue
		}
		status = s.run(words)
	}
	return nil
}

var unsupported = map[string]bool{"for": true, "while": true, "until": true, "case": true, "{": true, "(": true, "function": true}

// keywords handles the words at the beginning of a command that belong to an if,
// and gives the words after them, and whether those are a condition. Not ok
// where there is no if.
func keywords(words []string, ifs *[]branch) (rest []string, opens, ok bool) {
	for ; len(words) > 0; words = words[1:] {
		last := len(*ifs) - 1
		switch words[0] {
		case "if":
			*ifs = append(*ifs, branch{outer: last < 0 || (*ifs)[last].live})
			opens = true
			continue
		case "then", "elif", "else", "fi":
			if last < 0 || opens {
				return nil, false, false
			}
		default:
			return words, opens, true
		}
		switch top := &(*ifs)[last]; words[0] {
		case "elif":
			opens = true
		case "else":
			top.live = top.outer && !top.taken
			top.taken = true
		case "fi":
			*ifs = (*ifs)[:last]
		}
	}
	return nil, false, true
}

var assignment = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)=((?s).*)$`)

// run evaluates one command and tells whether it succeeded.
func (s *shell) run(words []string) bool {
	switch words[0] {
	case "export":
		for _, word := range words[1:] {
			name, _, _ := strings.Cut(word, "=")
			s.exported[name] = true
			s.assign(word)
		}
		return true
	case "unset":
		for _, name := range words[1:] {
			delete(s.values, name)
			delete(s.exported, name)
		}
		return true
	case ".", "source":
		return len(words) > 1 && s.sourced(words[1])
	case ":":
		s.expandAll(words[1:])
		return true
	case "true":
		return true
	case "false":
		return false
	case "[", "test":
		arguments := s.expandAll(words[1:])
		if words[0] == "[" {
			arguments = arguments[:max(len(arguments)-1, 0)]
		}
		return s.test(arguments)
	}
	for _, word := range words {
		if !s.assign(word) {
			s.problem("", "command %q is not run", words[0])
			break
		}
	}
	return true
}

// assign handles NAME=VALUE and tells whether word is that.
func (s *shell) assign(word string) bool {
	match := assignment.FindStringSubmatch(word)
	if match == nil {
		return false
	}
	value, ok := s.expand(match[2])
	if !ok {
		delete(s.values, match[1])
		s.problem("write the value itself", "the value of %s comes from a command, which is not run", match[1])
		return true
	}
	s.values[match[1]] = value
	return true
}

func (s *shell) sourced(word string) bool {
	name, ok := s.expand(word)
	if !ok || !path.IsAbs(name) {
		s.problem("write its absolute path", "file %s is not read", word)
		return false
	}
	if err := s.source(path.Clean(name)); err != nil {
		s.problem("", "file %s cannot be read: %v", name, reason(err))
		return false
	}
	return true
}

func (s *shell) test(arguments []string) bool {
	if len(arguments) > 0 && arguments[0] == "!" {
		return !s.test(arguments[1:])
	}
	switch len(arguments) {
	case 0:
		return false
	case 1:
		return arguments[0] != ""
	case 2:
		return s.testOne(arguments[0], arguments[1])
	case 3:
		switch arguments[1] {
		case "=", "==":
			return arguments[0] == arguments[2]
		case "!=":
			return arguments[0] != arguments[2]
		}
	}
	s.problem("", "the condition %q is not understood and counts as false", strings.Join(arguments, " "))
	return false
}

func (s *shell) testOne(operator, argument string) bool {
	switch operator {
	case "-z":
		return argument == ""
	case "-n":
		return argument != ""
	}
	info, err := fs.Stat(s.fsys, fsName(argument))
	switch operator {
	case "-e", "-r", "-x", "-s":
		return err == nil
	case "-f":
		return err == nil && info.Mode().IsRegular()
	case "-d":
		return err == nil && info.IsDir()
	}
	s.problem("", "the condition %q is not understood and counts as false", operator)
	return false
}

func (s *shell) expandAll(words []string) []string {
	expanded := make([]string, len(words))
	for i, word := range words {
		expanded[i], _ = s.expand(word)
	}
	return expanded
}

// expand unquotes a word and replaces its variables; false when a command would
// have to be run for it.
func (s *shell) expand(word string) (string, bool) {
	s.unknown = false
	value := s.expandPart(word, 0, 0)
	return value, !s.unknown
}

// expandPart expands a word, or what stands in ${…} within the given quote.
func (s *shell) expandPart(word string, quote byte, depth int) string {
	var out strings.Builder
	for i := 0; i < len(word) && out.Len() < maxValue; {
		c := word[i]
		switch {
		case c == '\'' && quote == 0:
			end := strings.IndexByte(word[i+1:], '\'')
			if end < 0 {
				end = len(word) - i - 1
			}
			out.WriteString(word[i+1 : i+1+end])
			i += end + 2
		case c == '"':
			quote ^= '"'
			i++
		case c == '\\' && i+1 < len(word) && (quote == 0 || strings.IndexByte("$`\"\\\n", word[i+1]) >= 0):
			if word[i+1] != '\n' {
				out.WriteByte(word[i+1])
			}
			i += 2
		case c == '`':
			s.unknown = true
			return ""
		case c == '$':
			i += s.dollar(word[i:], quote, depth, &out)
		default:
			out.WriteByte(c)
			i++
		}
	}
	return out.String()
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)

// dollar writes what the "$…" at the beginning of text stands for and gives its
// length.
func (s *shell) dollar(text string, quote byte, depth int, out *strings.Builder) int {
	if name := variableName.FindString(text[1:]); name != "" {
		out.WriteString(s.values[name])
		return 1 + len(name)
	}
	switch {
	case strings.HasPrefix(text, "$("):
		s.unknown = true
		return len(text)
	case strings.HasPrefix(text, "${"):
		end := closingBrace(text)
		out.WriteString(s.parameter(text[2:end], quote, depth))
		return min(end+1, len(text))
	}
	out.WriteByte('$')
	return 1
}

// closingBrace is the index of the brace that closes the one at text[1].
func closingBrace(text string) int {
	open := 0
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '{':
			open++
		case '}':
			if open--; open == 0 {
				return i
			}
		}
	}
	return len(text)
}

// parameter evaluates what stands between the braces of ${…}.
func (s *shell) parameter(text string, quote byte, depth int) string {
	name := variableName.FindString(text)
	value, set := s.values[name]
	operator, argument := text[len(name):], ""
	if operator == "" {
		return value
	}
	if name == "" || depth > maxSourced {
		s.unknown = true
		return ""
	}
	for _, known := range []string{":-", ":=", ":+", "##", "%%", "-", "=", "+", "#", "%"} {
		if after, ok := strings.CutPrefix(operator, known); ok {
			if strings.ContainsAny(known, "#%") {
				quote = 0
			}
			operator, argument = known, s.expandPart(after, quote, depth+1)
			break
		}
	}
	if strings.HasPrefix(operator, ":") && value == "" {
		set = false
	}
	switch strings.TrimPrefix(operator, ":") {
	case "-":
		if !set {
			return argument
		}
	case "=":
		if !set {
			s.values[name] = argument
			return argument
		}
	case "+":
		if set {
			return argument
		}
		return ""
	case "#", "##", "%", "%%":
		return stripped(value, operator, argument)
	default:
		s.unknown = true
		return ""
	}
	return value
}

// stripped removes what pattern matches at the beginning (#) or the end (%) of
// value: the shortest, or the longest for a doubled operator.
func stripped(value, operator, pattern string) string {
	expression := regexp.QuoteMeta(pattern)
	expression = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(expression)
	compiled, err := regexp.Compile(`(?s)^(?:` + expression + `)$`)
	if err != nil {
		return value
	}
	longest := ""
	for i := range len(value) + 1 {
		part, rest := value[:i], value[i:]
		if operator[0] == '%' {
			part, rest = value[len(value)-i:], value[:len(value)-i]
		}
		if compiled.MatchString(part) {
			if len(operator) == 1 {
				return rest
			}
			longest = part
		}
	}
	if operator[0] == '%' {
		return strings.TrimSuffix(value, longest)
	}
	return strings.TrimPrefix(value, longest)
}

// shellCommand is a simple command: its words as written, and the operator
// before it ("&&", "||" or "").
type shellCommand struct {
	line  int
	join  string
	words []string
}

// splitCommands splits a script at newlines and operators, minding quotes.
func splitCommands(text string) []shellCommand {
	var commands []shellCommand
	current := shellCommand{line: 1}
	number := 1
	flush := func(join string) {
		if len(current.words) > 0 {
			commands = append(commands, current)
		}
		current = shellCommand{line: number, join: join}
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '\n' || c == ';':
			if c == '\n' {
				number++
			}
			flush("")
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '\\' && strings.HasPrefix(text[i:], "\\\n"):
			number++
			i += 2
		case c == '#':
			if end := strings.IndexByte(text[i:], '\n'); end >= 0 {
				i += end
			} else {
				i = len(text)
			}
		case strings.HasPrefix(text[i:], "&&"), strings.HasPrefix(text[i:], "||"):
			flush(text[i : i+2])
			i += 2
		case c == '&' || c == '|':
			flush("")
			i++
		default:
			word := text[i : i+wordLength(text[i:])]
			current.words = append(current.words, word)
			number += strings.Count(word, "\n")
			i += len(word)
		}
	}
	flush("")
	return commands
}

// wordLength is the length of the word text begins with, quotes included.
func wordLength(text string) int {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n', ';', '&', '|':
			return max(i, 1)
		case '\\':
			i++
		case '\'', '"', '`':
			i += quotedLength(text[i:])
		case '$':
			if strings.HasPrefix(text[i:], "${") {
				i = min(i+closingBrace(text[i:]), len(text)-1)
			} else if strings.HasPrefix(text[i:], "$(") {
				if end := strings.IndexByte(text[i:], ')'); end >= 0 {
					i += end
				}
			}
		}
	}
	return len(text)
}

// quotedLength is how far the quote that closes the one at the beginning is.
func quotedLength(text string) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == text[0]:
			return i
		case text[i] == '\\' && text[0] != '\'':
			i++
		case text[0] == '"' && strings.HasPrefix(text[i:], "${"):
			i += closingBrace(text[i:])
		}
	}
	return len(text) - 1
}

// readSmall is the text of a file of at most 1 MiB.
func readSmall(fsys fs.FS, file string) (string, error) {
	info, err := fs.Stat(fsys, fsName(file))
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return "", fmt.Errorf("%s is not a small regular file", file)
	}
	text, err := fs.ReadFile(fsys, fsName(file))
	return string(text), err
}
