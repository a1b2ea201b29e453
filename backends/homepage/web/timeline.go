package web

import (
	"fmt"
	"html/template"
	"slices"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/internal/look"
)

const (
	// listed events are seen at once, unfolded ones are in a fold below; more have
	// a page of their own.
	listedEvents, unfoldedEvents = 8, 24
	// laneHeight is that of each of the lanes of the timeline, in its view box,
	// which is a unit wide for each minute of the day.
	laneHeight  = 20
	dayMinutes  = int(24 * time.Hour / time.Minute)
	goodTick    = 6
	badTick     = 14
	laneMiddle  = laneHeight / 2
	lanesHeight = laneHeight * 3
)

// lanes are the rows of the timeline, by kind of event.
var lanes = map[homepage.EventKind]int{
	homepage.ServerEvent: 0, homepage.ReloadEvent: 0,
	homepage.CertificateEvent: 1,
	homepage.UpstreamEvent:    2, homepage.ServiceEvent: 2,
}

// timeline is what happened in the last 24 hours; for operators only.
type timeline struct {
	now      time.Time
	services map[string]bool  // those that there are now, by ID
	events   []homepage.Event // newest first
}

// event is one as the template shows it.
type event struct {
	homepage.Event
	now time.Time
}

// timelineOf leaves out that certificates were asked for: how that ended is
// told.
func timelineOf(past History, services []homepage.Judgement, now time.Time) timeline {
	t := timeline{now: now, services: make(map[string]bool)}
	for _, service := range services {
		t.services[service.ID] = true
	}
	for _, e := range past.Events(now.Add(-24 * time.Hour)) {
		if e.Outcome != homepage.Began {
			t.events = append(t.events, e)
		}
	}
	return t
}

// First are the newest events, More those after them.
func (t timeline) First() []event { return t.between(0, listedEvents) }
func (t timeline) More() []event  { return t.between(listedEvents, unfoldedEvents) }

func (t timeline) between(from, to int) (shown []event) {
	for i := from; i < min(to, len(t.events)); i++ {
		shown = append(shown, event{t.events[i], t.now})
	}
	return shown
}

// Unlisted is how many events of the day only their own page has.
func (t timeline) Unlisted() int { return max(len(t.events)-unfoldedEvents, 0) }

// RefusedReload is the last reload when it failed, unless the server was started
// since, else nil.
func (t timeline) RefusedReload() *event {
	at := slices.IndexFunc(t.events, func(e homepage.Event) bool { return lanes[e.Kind] == lanes[homepage.ReloadEvent] })
	if at < 0 || t.events[at].Outcome != homepage.Failed {
		return nil
	}
	return &event{t.events[at], t.now}
}

// Tone is that of how it went.
func (e event) Tone() look.Tone { return toneOfOutcome(e.Outcome) }

func toneOfOutcome(outcome homepage.Outcome) look.Tone {
	switch outcome {
	case homepage.Succeeded:
		return look.Good
	case homepage.Failed:
		return look.Bad
	case homepage.Slowed:
		return look.Warn
	case homepage.Away:
		return look.Info
	default:
		return look.None
	}
}

// Clock is when it happened: the time today, the date too before.
func (e event) Clock() template.HTML { return clock(e.At, e.now) }

func clock(at, now time.Time) template.HTML {
	at = at.In(now.Location())
	layout := "15:04:05"
	if at.YearDay() != now.YearDay() {
		layout = "2 Jan 15:04:05"
	}
	return template.HTML(fmt.Sprintf(`<time class="nowrap" datetime="%s">%s</time>`, at.UTC().Format(time.RFC3339), at.Format(layout))) //nolint:gosec // formatted times only
}

// Chart draws a tick for each event, and a line while a service failed.
func (t timeline) Chart() template.HTML {
	paths := t.paths()
	var drawn string
	for _, name := range []string{"span", "good", "none", "bad"} {
		drawn += livePath(name, "timeline/"+name, paths[name])
	}
	label := fmt.Sprintf("Last 24 hours: %s. The list below says the same.", t.counted())
	return chart("timeline", dayMinutes, lanesHeight, label, drawn)
}

// counted says how many events there are, and how many of them failures.
func (t timeline) counted() string {
	failed := 0
	for i := range t.events {
		if t.events[i].Outcome == homepage.Failed {
			failed++
		}
	}
	return fmt.Sprintf("%d events, %d of them failures", len(t.events), failed)
}

// paths are those of the chart, by class.
func (t timeline) paths() map[string]outline {
	paths := make(map[string]outline)
	until := make(map[string]time.Time) // by service: when its next event came
	for i := range t.events {
		e := &t.events[i]
		x, y := t.minute(e.At), float64(laneHeight*lanes[e.Kind]+laneMiddle)
		height := float64(goodTick)
		if e.Outcome == homepage.Failed {
			height = badTick
		}
		tone := string(toneOfOutcome(e.Outcome))
		path := paths[tone]
		path.to('M', x, y-height/2)
		path.to('v', height)
		paths[tone] = path
		if e.Kind != homepage.ServiceEvent || !t.services[e.Subject] {
			continue
		}
		end, ended := until[e.Subject]
		if !ended {
			end = t.now
		}
		if e.Outcome == homepage.Failed {
			span := paths["span"]
			span.to('M', x, y)
			span.to('H', t.minute(end))
			paths["span"] = span
		}
		until[e.Subject] = e.At
	}
	return paths
}

// minute is where a time is on the axis.
func (t timeline) minute(at time.Time) float64 {
	return float64(dayMinutes) - max(t.now.Sub(at).Truncate(time.Minute).Minutes(), 0)
}

// live adds the values of the timeline under the names that the chart has.
func (t timeline) live(values map[string]string) {
	paths := t.paths()
	for _, name := range []string{"span", "good", "none", "bad"} {
		values["timeline/"+name] = string(paths[name])
	}
}
