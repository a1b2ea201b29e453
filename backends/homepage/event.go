package homepage

import (
	"strings"
	"time"
)

// EventKind is what an event is about.
type EventKind string

// The kinds of event.
const (
	ServerEvent      EventKind = "server"      // this process started
	ReloadEvent      EventKind = "reload"      // a configuration was loaded, or refused
	CertificateEvent EventKind = "certificate" // an attempt to get a certificate
	UpstreamEvent    EventKind = "upstream"    // an upstream went or came back
	ServiceEvent     EventKind = "service"     // a service changed its state
)

// Outcome is how the thing that an event tells of went.
type Outcome string

// The outcomes.
const (
	Began     Outcome = "began" // an order of a certificate, which ends in another event
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"
	Lost      Outcome = "lost" // of a service: nothing is known of it any more
	Slowed    Outcome = "slow" // of a service: it answers, over its target
	Away      Outcome = "away" // of a service: its maintenance began
)

// Event is something that happened to this server or to what it serves. It is
// for operators: it may have addresses.
type Event struct {
	ID      int64     // grows with time; given when the event is noted
	At      time.Time // in UTC, to the millisecond
	Kind    EventKind
	Subject string // a service's ID, a certificate's name, an upstream's address; "" for the server
	Outcome Outcome

	Summary string   // why a service fails, of whom a certificate is
	By      string   // who asked for it, as far as that is known
	Detail  string   // the error, without secrets
	Changes []string // by a reload, a line each, without secrets
}

const (
	maxDetail  = 1000 // bytes of a text of an event
	maxChanges = 25
)

// Bounded returns the event with texts that are not too long to keep.
func (e Event) Bounded() Event {
	e.Subject, e.Summary = cut(e.Subject, maxDetail/4), cut(e.Summary, maxDetail/4)
	e.By, e.Detail = cut(e.By, maxDetail/4), cut(e.Detail, maxDetail)
	bounded := make([]string, 0, min(len(e.Changes), maxChanges))
	for _, change := range e.Changes[:min(len(e.Changes), maxChanges)] {
		bounded = append(bounded, cut(change, maxDetail/4))
	}
	if e.Changes != nil {
		e.Changes = bounded
	}
	return e
}

// cut shortens a text to at most n bytes, at the end of a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n-len("…")], "") + "…"
}

// sentences by kind and outcome; the subject stands for %.
var sentences = map[EventKind]map[Outcome]string{
	ServerEvent: {Succeeded: "The server started"},
	ReloadEvent: {
		Succeeded: "The configuration was reloaded",
		Failed:    "A reload failed; the configuration from before stayed",
	},
	CertificateEvent: {
		Began:     "A certificate for % was asked for",
		Succeeded: "A certificate for % was obtained",
		Failed:    "A certificate for % was not obtained",
	},
	UpstreamEvent: {
		Succeeded: "Upstream % is used again",
		Failed:    "Upstream % is not used any more",
	},
	ServiceEvent: {
		Succeeded: "% is answering",
		Failed:    "% is failing",
		Lost:      "% is unknown",
		Slowed:    "% is slow",
		Away:      "% is in maintenance",
	},
}

// Sentence says what happened: "Blog is failing: upstream refused connections".
func (e Event) Sentence() string {
	sentence := strings.ReplaceAll(sentences[e.Kind][e.Outcome], "%", e.Subject)
	if e.Summary != "" {
		sentence += ": " + e.Summary
	}
	return sentence
}
