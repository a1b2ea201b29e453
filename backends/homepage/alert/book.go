package alert

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// goneAfter is how long a subject must at least be away: a configuration that
// was just loaded may not know its certificates yet.
const goneAfter = 30 * time.Second

// Book remembers what was told. It is not safe for concurrent use.
type Book struct {
	told    map[Subject]Told
	changes map[Subject]change
	fine    map[Subject]bool // seen without trouble by this book
}

// change is one that is not told of yet.
type change struct {
	to    string // a state of trouble; "" for none
	since time.Time
}

// gone is the state of what is away, which no other has.
const gone = "\x00gone"

// NewBook returns a book of troubles that were told of before.
func NewBook(told []Told) *Book {
	b := &Book{told: make(map[Subject]Told), changes: make(map[Subject]change), fine: make(map[Subject]bool)}
	for _, t := range told {
		b.told[t.Subject] = t
	}
	return b
}

// Told returns the troubles that were told of and are not over.
func (b *Book) Told() []Told {
	return slices.SortedFunc(maps.Values(b.told), func(x, y Told) int {
		return cmp.Or(x.Since.Compare(y.Since), strings.Compare(x.Kind+x.ID, y.Kind+y.ID))
	})
}

// Observe notes how everything is at the time now, and returns what is to be
// told, with neither ID nor Server. URL is a path.
func (b *Book) Observe(p Policy, conditions []Condition, now time.Time) []Message {
	var messages []Message
	present := make(map[Subject]bool, len(conditions))
	for _, c := range conditions {
		present[c.Subject] = true
		if m, ok := b.observe(p, c, now); ok {
			messages = append(messages, m)
		}
	}
	b.forget(present)
	for _, told := range b.Told() {
		if present[told.Subject] || !b.lasts(told.Subject, gone, now, max(p.After, goneAfter)) {
			continue
		}
		delete(b.told, told.Subject)
		delete(b.changes, told.Subject)
		messages = append(messages, Message{
			Kind: Gone, Subject: told.Subject, Name: told.Name, Before: told.State, Since: told.Since, At: now.UTC(), URL: "/",
			Headline: told.Name + " is no longer served",
			Sentence: told.Name + " was " + told.State + ", and is not in the configuration any more.",
		})
	}
	return messages
}

// forget drops what is known of subjects that are away, but for what was told.
func (b *Book) forget(present map[Subject]bool) {
	maps.DeleteFunc(b.fine, func(s Subject, _ bool) bool { return !present[s] })
	maps.DeleteFunc(b.changes, func(s Subject, _ change) bool {
		_, open := b.told[s]
		return !present[s] && !open
	})
}

// observe notes how one subject is.
func (b *Book) observe(p Policy, c Condition, now time.Time) (m Message, ok bool) {
	told, open := b.told[c.Subject]
	state := ""
	if c.Trouble {
		state = c.State
	}
	switch {
	case c.Muted:
		delete(b.changes, c.Subject)
		return m, false
	case open && (state == told.State || c.Vague): // that nothing is known changes nothing
		delete(b.changes, c.Subject)
		return b.remind(p, c, told, now)
	case !open && state == "":
		delete(b.changes, c.Subject)
		b.fine[c.Subject] = true
		return m, false
	case !open && c.Vague && !b.fine[c.Subject]:
		return m, false // it may never have been there
	}
	if !b.lasts(c.Subject, state, now, p.After) {
		return m, false
	}
	return b.tell(c, state, now), true
}

// lasts reports whether a change to a state has lasted for so long, and notes
// its begin.
func (b *Book) lasts(s Subject, to string, now time.Time, after time.Duration) bool {
	noted, ok := b.changes[s]
	if !ok || noted.to != to || now.Before(noted.since) {
		noted = change{to, now}
		b.changes[s] = noted
	}
	return now.Sub(noted.since) >= after
}

// tell notes that a change is told of.
func (b *Book) tell(c Condition, state string, now time.Time) Message {
	told, open := b.told[c.Subject]
	since := b.changes[c.Subject].since
	delete(b.changes, c.Subject)
	if state == "" {
		delete(b.told, c.Subject)
		b.fine[c.Subject] = true
		return messageOf(Recovery, c, told, now)
	}
	if !open {
		told = Told{Subject: c.Subject, Since: since.UTC()}
		if !c.Since.IsZero() && c.Since.Before(since) {
			told.Since = c.Since.UTC()
		}
	}
	m := messageOf(Problem, c, told, now)
	told.Name, told.State, told.Last = c.Name, state, now.UTC()
	b.told[c.Subject] = told
	return m
}

// remind tells again of what lasts.
func (b *Book) remind(p Policy, c Condition, told Told, now time.Time) (m Message, ok bool) {
	if p.Reminder <= 0 || now.Sub(told.Last) < p.Reminder {
		return m, false
	}
	told.Last = now.UTC()
	b.told[c.Subject] = told
	return messageOf(Reminder, c, told, now), true
}
