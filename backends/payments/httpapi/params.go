package httpapi

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aditechsphere/fairway/backends/payments"
)

// params reads the parameters of a request, or of a hash in it. The first
// thing wrong is kept; after it, reading goes on with zero values. What was
// not read by the end is unknown.
type params struct {
	form    *form
	outer   string // the name of the hash, "" at the top
	read    map[string]bool
	refusal **payments.Error // shared with the hashes in it
	unknown *[]string
}

func newParams(f *form) *params {
	return &params{form: f, read: make(map[string]bool), refusal: new(*payments.Error), unknown: new([]string)}
}

// refuse keeps the first refusal.
func (p *params) refuse(refusal *payments.Error) {
	if *p.refusal == nil {
		*p.refusal = refusal
	}
}

// take marks name as known and returns it, or nil when it was not sent.
func (p *params) take(name string) *form {
	p.read[name] = true
	return p.form.fields[name]
}

// lookup returns the text of a parameter; false when it was not sent.
func (p *params) lookup(name string) (string, bool) {
	value := p.take(name)
	if value == nil {
		return "", false
	}
	if value.fields != nil {
		p.refuse(payments.Invalid("", nest(p.outer, name), "Invalid string: %s must not be a hash or a list.", nest(p.outer, name)))
		return "", false
	}
	return value.text, true
}

// text returns a text of at most limit characters; "" unsets, as if not sent.
func (p *params) text(name string, limit int) string {
	value, _ := p.lookup(name)
	if count := utf8.RuneCountInString(value); count > limit {
		p.refuse(payments.Invalid("", nest(p.outer, name),
			"Invalid string: %s has %d characters; it can have at most %d.", nest(p.outer, name), count, limit))
		return ""
	}
	return value
}

// required is text that must be there.
func (p *params) required(name string, limit int) string {
	if p.take(name) == nil {
		p.missing(name)
	}
	return p.optional(name, limit)
}

// optional is text that may be left out but not be empty.
func (p *params) optional(name string, limit int) string {
	if value, sent := p.lookup(name); sent && value == "" {
		p.empty(name)
	}
	return p.text(name, limit)
}

// integer returns a whole number; false when it was not sent.
func (p *params) integer(name string) (int64, bool) {
	text, sent := p.lookup(name)
	if !sent {
		return 0, false
	}
	if text == "" {
		p.empty(name)
		return 0, true
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || text[0] == '+' {
		p.refuse(payments.Invalid(payments.CodeParameterInvalidInteger, nest(p.outer, name), "Invalid integer: %s", shorten(text)))
	}
	return value, true
}

// between is a whole number with bounds, and otherwise when it was not sent.
func (p *params) between(name string, least, most, otherwise int64) int64 {
	value, sent := p.integer(name)
	switch {
	case !sent:
		return otherwise
	case value < least:
		p.refuse(payments.Invalid(payments.CodeParameterInvalidInteger, nest(p.outer, name),
			"This value must be greater than or equal to %d.", least))
	case value > most:
		p.refuse(payments.Invalid(payments.CodeParameterInvalidInteger, nest(p.outer, name),
			"This value must be less than or equal to %d.", most))
	}
	return value
}

// boolean returns true or false; sent is false when it was not sent.
func (p *params) boolean(name string) (value, sent bool) {
	text, sent := p.lookup(name)
	switch {
	case !sent || text == "false":
	case text == "true":
		value = true
	case text == "":
		p.empty(name)
	default:
		p.refuse(payments.Invalid("", nest(p.outer, name), "Invalid boolean: %s", shorten(text)))
	}
	return value, sent
}

// choice returns one of the allowed words, "" when it was not sent.
func (p *params) choice(name string, allowed ...string) string {
	text := p.optional(name, 100)
	if text != "" && !slices.Contains(allowed, text) {
		p.refuse(payments.Invalid("", nest(p.outer, name), "Invalid %s: must be one of %s", nest(p.outer, name), strings.Join(allowed, ", ")))
	}
	return text
}

// hash reads the parameters in a hash with fn, if it was sent and is not unset.
func (p *params) hash(name string, fn func(*params)) {
	value := p.take(name)
	if value == nil || value.isEmpty() {
		return
	}
	if value.fields == nil {
		p.refuse(payments.Invalid("", nest(p.outer, name), "Invalid object: %s must be a hash.", nest(p.outer, name)))
		return
	}
	inner := &params{form: value, outer: nest(p.outer, name), read: make(map[string]bool), refusal: p.refusal, unknown: p.unknown}
	fn(inner)
	inner.done()
}

// list returns the texts of a list.
func (p *params) list(name string) []string {
	value := p.take(name)
	if value == nil || value.isEmpty() {
		return nil
	}
	if value.fields == nil {
		p.refuse(payments.Invalid("", nest(p.outer, name), "Invalid array: %s must be a list.", nest(p.outer, name)))
		return nil
	}
	texts := make([]string, 0, len(value.order))
	for n, field := range value.order {
		item := value.fields[field]
		if item.fields != nil || !isIndex(field) {
			p.refuse(payments.Invalid("", nest(p.outer, name), "Invalid array: %s[%d] must be a string.", nest(p.outer, name), n))
			return nil
		}
		texts = append(texts, item.text)
	}
	return texts
}

// metadata returns the changes to the merchant's own keys and values.
func (p *params) metadata() (change payments.Metadata) {
	hash := p.take("metadata")
	if hash == nil {
		return change
	}
	if hash.isEmpty() {
		change.Clear = true
		return change
	}
	if hash.fields == nil {
		p.refuse(payments.Invalid("", "metadata", "Invalid object: metadata must be a hash."))
	}
	change.Set = make(map[string]string)
	for _, key := range hash.order {
		name, value := nest("metadata", key), hash.fields[key]
		switch {
		case value.fields != nil:
			p.refuse(payments.Invalid("", name, "Invalid string: %s must not be a hash; metadata does not nest.", name))
		case utf8.RuneCountInString(key) > payments.MaxMetadataKey:
			p.refuse(payments.Invalid("", "metadata", "Metadata keys can have at most %d characters.", payments.MaxMetadataKey))
		case utf8.RuneCountInString(value.text) > payments.MaxMetadataValue:
			p.refuse(payments.Invalid("", name, "Metadata values can have at most %d characters, but %s has more.", payments.MaxMetadataValue, name))
		}
		change.Set[key] = value.text
	}
	return change
}

// changed is text that may be given, or unset by an empty value.
func (p *params) changed(name string, limit int) payments.Change[string] {
	given := p.take(name) != nil
	return payments.Change[string]{Given: given, Value: p.text(name, limit)}
}

// changedFlag is a boolean that may be given.
func (p *params) changedFlag(name string) payments.Change[bool] {
	value, given := p.boolean(name)
	return payments.Change[bool]{Given: given, Value: value}
}

// changedNumber is a whole number that may be given.
func (p *params) changedNumber(name string) payments.Change[int64] {
	value, given := p.integer(name)
	return payments.Change[int64]{Given: given, Value: value}
}

// notYet refuses parameters that Stripe has and this service does not do:
// ignoring them would not do what was asked.
func (p *params) notYet(names ...string) {
	for _, name := range names {
		if p.take(name) != nil {
			p.refuse(payments.Invalid(payments.CodeIntentInvalidParameter, nest(p.outer, name),
				"The parameter %s is not supported by this service yet.", nest(p.outer, name)))
		}
	}
}

// notYetValue refuses a value that Stripe has and this service does not do.
func (p *params) notYetValue(name, value string) {
	p.refuse(payments.Invalid(payments.CodeIntentInvalidParameter, nest(p.outer, name),
		"The %s %s is not supported by this service yet.", nest(p.outer, name), value))
}

// done ends reading a hash: what was not read is unknown.
func (p *params) done() {
	for _, name := range p.form.order {
		if !p.read[name] {
			*p.unknown = append(*p.unknown, nest(p.outer, name))
		}
	}
}

// finish ends reading the whole request and says what was wrong with it.
func (p *params) finish() error {
	p.done()
	if names := *p.unknown; len(names) > 0 {
		plural := ""
		if len(names) > 1 {
			plural = "s"
		}
		return payments.Invalid(payments.CodeParameterUnknown, names[0], "Received unknown parameter%s: %s", plural, strings.Join(names, ", "))
	}
	if *p.refusal != nil {
		return *p.refusal
	}
	return nil
}

func (p *params) missing(name string) {
	p.refuse(payments.Invalid(payments.CodeParameterMissing, nest(p.outer, name), "Missing required param: %s.", nest(p.outer, name)))
}

func (p *params) empty(name string) {
	name = nest(p.outer, name)
	p.refuse(payments.Invalid(payments.CodeParameterInvalidEmpty, name, "You passed an empty string for '%s'. "+
		"We assume empty values are an attempt to unset a parameter; however '%s' cannot be unset. "+
		"You should remove '%s' from your request or supply a non-empty value.", name, name, name))
}

func isIndex(name string) bool {
	_, err := strconv.ParseUint(name, 10, 16)
	return err == nil
}

// shorten keeps a message from repeating a long value.
func shorten(text string) string {
	const most = 32
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}
