// Package alert decides what is told of services and certificates, and when:
// once for each change, again while it lasts, and when it is over. How it is
// delivered is not its business.
package alert

import (
	"fmt"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// Policy is when something is told.
type Policy struct {
	After    time.Duration // how long a change must last before it is told
	Reminder time.Duration // how often what lasts is told again; 0: never
}

// The defaults.
const (
	DefaultAfter    = 30 * time.Second
	DefaultReminder = 4 * time.Hour
)

// Subject is what an alert is about.
type Subject struct {
	Kind string `json:"kind"` // "service" or "certificate"
	ID   string `json:"id"`   // a service's ID, a certificate's name
}

// Condition is how a subject is at a time.
type Condition struct {
	Subject
	Name     string // at the start of a sentence: "Blog"
	State    string // after "is": "failing"
	Trouble  bool   // it is not as it should be
	Vague    bool   // that is only because nothing is known
	Muted    bool   // nothing is told of it now
	Sentence string // how it is, without addresses of upstreams
	Path     string // of the page about it
	Since    time.Time
}

// Conditions are those of all services of a report, and of certificates.
func Conditions(report homepage.Report, certificates []homepage.Certificate) []Condition {
	conditions := make([]Condition, 0, len(report.Services)+len(certificates))
	for _, j := range report.Services {
		conditions = append(conditions, Condition{
			Subject: Subject{"service", j.ID}, Name: j.Title(), State: j.State.Phrase(),
			Trouble: j.State != homepage.Answering, Vague: j.State == homepage.Unknown, Muted: j.State == homepage.Maintenance,
			Sentence: j.Sentence(report.At), Path: "/services/" + j.ID, Since: j.Basis.Since,
		})
	}
	for i := range certificates {
		c := &certificates[i]
		state := c.State(report.At)
		if state == homepage.CertificateRetried {
			state = homepage.CertificateValid // there is time: nobody has to get up
		}
		conditions = append(conditions, Condition{
			Subject: Subject{"certificate", c.Name}, Name: "The certificate of " + c.Name, State: string(state),
			Trouble:  state.NeedsAttention(),
			Sentence: c.Sentence(report.At), Path: "/#certificates",
		})
	}
	return conditions
}

// Told is a trouble that was told of and is not over.
type Told struct {
	Subject
	Name  string    `json:"name"`
	State string    `json:"state"`
	Since time.Time `json:"since"` // of the trouble, whatever its states were
	Last  time.Time `json:"last"`  // when it was told of, for the first time or again
}

// Kind is why a message is sent.
type Kind string

// The kinds of message.
const (
	Problem  Kind = "problem"  // something is not as it should be, or in another way
	Reminder Kind = "reminder" // it lasts
	Recovery Kind = "recovery" // it is over
	Gone     Kind = "gone"     // its subject is not in the configuration any more
	Test     Kind = "test"     // somebody wants to see whether messages arrive
)

// Message is what people and programs are sent.
type Message struct {
	ID       string    `json:"id"` // the same in each delivery
	Kind     Kind      `json:"kind"`
	Subject  Subject   `json:"subject,omitzero"`
	Name     string    `json:"name,omitempty"`
	State    string    `json:"state,omitempty"`
	Before   string    `json:"before,omitempty"` // the state that was told of before
	Headline string    `json:"headline"`
	Sentence string    `json:"sentence"`
	Since    time.Time `json:"since,omitzero"` // of the trouble
	At       time.Time `json:"at"`
	Server   string    `json:"server"`        // which Fairway says so
	URL      string    `json:"url,omitempty"` // of the page about it
}

// messageOf is the message of a kind about a condition.
func messageOf(kind Kind, c Condition, told Told, now time.Time) Message {
	m := Message{
		Kind: kind, Subject: c.Subject, Name: c.Name, State: c.State, Before: told.State,
		Sentence: c.Sentence, Since: told.Since.UTC(), At: now.UTC(), URL: c.Path,
	}
	switch kind {
	case Reminder:
		m.Before = ""
		m.Headline = c.Name + " is still " + c.State
	case Recovery:
		m.Headline = c.Name + " is " + c.State + " again"
		m.Sentence = fmt.Sprintf("%s is %s again, after %s.", c.Name, c.State, lasted(now.Sub(told.Since)))
	default:
		m.Headline = c.Name + " is " + c.State
	}
	return m
}

// lasted is a time to the minute, or to the second below ten of them.
func lasted(d time.Duration) string {
	d = max(d, 0)
	if d < 10*time.Minute {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	if d < 2*time.Hour {
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}
