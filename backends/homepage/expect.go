package homepage

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Expectation is what a probe must find, beside an answer below 500.
type Expectation struct {
	Statuses []StatusRange // one of them; none: anything below 500
	Latency  time.Duration // at most, to the end of the answer; 0: any
	Body     string        // a text the first megabyte of the answer has; "": any
	LifeLeft float64       // at least this share of the certificate's life, 0 to 1
}

// IsZero reports whether nothing is expected.
func (e Expectation) IsZero() bool {
	return len(e.Statuses) == 0 && e.Latency == 0 && e.Body == "" && e.LifeLeft == 0
}

// StatusRange is a status, or all from one to another.
type StatusRange struct{ From, To int }

var validStatuses = regexp.MustCompile(`^[1-5](?:xx|[0-9]{2}(?:-[1-5][0-9]{2})?)$`)

// ParseStatuses reads "200", "2xx" or "200-299".
func ParseStatuses(text string) (r StatusRange, err error) {
	from, to, several := strings.Cut(strings.Replace(text, "xx", "00", 1), "-")
	if validStatuses.MatchString(text) {
		r.From, _ = strconv.Atoi(from) // three digits
		r.To = r.From
	}
	switch {
	case r.From > 0 && several:
		r.To, _ = strconv.Atoi(to)
	case strings.HasSuffix(text, "xx"):
		r.To += 99
	}
	if r.From == 0 || r.To < r.From {
		return StatusRange{}, fmt.Errorf("%q is not a status: give one as 200, or several as 2xx or 200-299", text)
	}
	return r, nil
}

func (r StatusRange) String() string {
	switch {
	case r.From == r.To:
		return strconv.Itoa(r.From)
	case r.From%100 == 0 && r.To == r.From+99:
		return strconv.Itoa(r.From/100) + "xx"
	default:
		return fmt.Sprintf("%d-%d", r.From, r.To)
	}
}

// Answer is what a probe got.
type Answer struct {
	Status  int
	Latency time.Duration
	HasBody bool  // it has the text that is expected
	Leaf    *Leaf // the certificate; nil without TLS
	At      time.Time
}

// Unmet is what the answer lacks, in words that anyone may read: "answering 404
// and not 2xx". It is "" when nothing is.
func (e Expectation) Unmet(a Answer) string {
	switch {
	case len(e.Statuses) > 0 && !e.allows(a.Status):
		return fmt.Sprintf("answering %d and not %s", a.Status, e.statuses())
	case e.Latency > 0 && a.Latency > e.Latency:
		return "answering in more than " + spoken(e.Latency)
	case e.Body != "" && !a.HasBody:
		return "answering without the text that is expected"
	case e.LifeLeft > 0 && (a.Leaf == nil || a.Leaf.Left(a.At) < e.LifeLeft):
		return fmt.Sprintf("less than %.0f%% of its certificate’s life is left", 100*e.LifeLeft)
	}
	return ""
}

func (e Expectation) allows(status int) bool {
	for _, r := range e.Statuses {
		if r.From <= status && status <= r.To {
			return true
		}
	}
	return false
}

func (e Expectation) statuses() string {
	names := make([]string, len(e.Statuses))
	for i, r := range e.Statuses {
		names[i] = r.String()
	}
	return strings.Join(names, " or ")
}
