package homepage

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // a container may have no time zones of its own
)

// Window is a time in which a service is declared to be in maintenance: once,
// from an instant to another, or again and again on days of the week.
type Window struct {
	from, to time.Time // once

	days       [7]bool // again and again: on these days,
	begin, end clockTime
	zone       *time.Location // nil: once
}

// clockTime is a time of day, in minutes since midnight.
type clockTime int

// errWindow says how windows are written.
var errWindow = errors.New(`write an instant and another, "2026-01-02T20:00:00Z 2026-01-03T06:00:00Z", ` +
	`or days, times and a time zone, "Sun 02:00-04:00 Europe/Vienna", "Mon,Thu 23:00-01:00", "daily 03:00-03:15 UTC"`)

// ParseWindow reads a window of maintenance: "FROM TO", both in RFC 3339, or
// "DAYS FROM-TO [ZONE]", where DAYS is "daily" or three-letter days with commas
// between them. Times of day are those of ZONE, an IANA name, by default UTC; a
// window that ends before it begins ends on the day after.
func ParseWindow(text string) (Window, error) {
	words := strings.Fields(text)
	if len(words) == 2 && strings.Contains(words[0], "T") {
		return parseOnce(words[0], words[1])
	}
	if len(words) != 2 && len(words) != 3 {
		return Window{}, fmt.Errorf("%q is not a window of maintenance: %w", text, errWindow)
	}
	w := Window{zone: time.UTC}
	if err := w.parseDays(words[0]); err != nil {
		return Window{}, err
	}
	if err := w.parseTimes(words[1]); err != nil {
		return Window{}, err
	}
	if len(words) == 3 {
		zone, err := time.LoadLocation(words[2])
		if err != nil || words[2] == "Local" {
			return Window{}, fmt.Errorf("time zone %q is not known: give its IANA name, such as Europe/Vienna", words[2])
		}
		w.zone = zone
	}
	return w, nil
}

func parseOnce(from, to string) (w Window, err error) {
	if w.from, err = time.Parse(time.RFC3339, from); err != nil {
		return w, fmt.Errorf("%q is not an instant as 2026-01-02T20:00:00Z", from)
	}
	if w.to, err = time.Parse(time.RFC3339, to); err != nil {
		return w, fmt.Errorf("%q is not an instant as 2026-01-02T20:00:00Z", to)
	}
	if !w.to.After(w.from) {
		return w, fmt.Errorf("the maintenance from %s ends before it begins, at %s", from, to)
	}
	return w, nil
}

func (w *Window) parseDays(text string) error {
	if text == "daily" {
		w.days = [7]bool{true, true, true, true, true, true, true}
		return nil
	}
	for name := range strings.SplitSeq(text, ",") {
		known := false
		for day := range w.days {
			if time.Weekday(day).String()[:3] == name {
				w.days[day], known = true, true
			}
		}
		if !known {
			return fmt.Errorf("%q is not a day of the week: %w", name, errWindow)
		}
	}
	return nil
}

func (w *Window) parseTimes(text string) (err error) {
	from, to, ok := strings.Cut(text, "-")
	if !ok {
		return fmt.Errorf("%q is not a span of times as 02:00-04:00", text)
	}
	if w.begin, err = parseClock(from); err != nil {
		return err
	}
	if w.end, err = parseClock(to); err != nil {
		return err
	}
	if w.begin == w.end {
		return fmt.Errorf("the maintenance %s ends when it begins", text)
	}
	return nil
}

func parseClock(text string) (clockTime, error) {
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, fmt.Errorf("%q is not a time of day as 02:00", text)
	}
	return clockTime(60*t.Hour() + t.Minute()), nil
}

// Until is when the window ends that the time now is in; ok is false when it
// is in none.
func (w Window) Until(now time.Time) (end time.Time, ok bool) {
	if w.zone == nil {
		return w.to, !now.Before(w.from) && now.Before(w.to)
	}
	local := now.In(w.zone)
	for _, day := range []int{local.Day(), local.Day() - 1} { // one of yesterday may go on
		begin := w.begin.on(local, day)
		end := w.end.on(local, day)
		if w.end < w.begin {
			end = w.end.on(local, day+1)
		}
		midnight := time.Date(local.Year(), local.Month(), day, 0, 0, 0, 0, time.UTC)
		if w.days[midnight.Weekday()] && !now.Before(begin) && now.Before(end) {
			return end, true
		}
	}
	return end, false
}

// on is the time of day on a day of the month of t, in t's zone.
func (c clockTime) on(t time.Time, day int) time.Time {
	return time.Date(t.Year(), t.Month(), day, int(c)/60, int(c)%60, 0, 0, t.Location())
}

// maintenance is when the maintenance ends that the service is in at the time
// now, the latest of its windows.
func (s Service) maintenance(now time.Time) (until time.Time, ok bool) {
	for _, w := range s.Maintenance {
		if end, in := w.Until(now); in && end.After(until) {
			until, ok = end, true
		}
	}
	return until, ok
}
