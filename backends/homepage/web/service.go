package web

import (
	"context"
	"html/template"
	"net/http"
	"sync"
	"time"

	"github.com/aditechsphere/fairway/backends/errorpage"
	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/internal/look"
)

var serviceTemplate = look.MustParse(files, "service.html", "timeline.html")

// NewService returns the pages of the single services, for a pattern with the
// wildcard {id}.
func NewService(cfg Config) http.Handler {
	var pages sync.Map // id → http.Handler, for services of the configuration only
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		if _, ok := cfg.entry(id); !ok {
			errorpage.Write(w, r, http.StatusNotFound, "")
			return
		}
		page, ok := pages.Load(id)
		if !ok {
			page, _ = pages.LoadOrStore(id, cfg.servicePage(id))
		}
		page.(http.Handler).ServeHTTP(w, r)
	})
}

func (cfg Config) entry(id string) (homepage.Entry, bool) {
	for _, entry := range cfg.Catalogue.Entries() {
		if entry.ID == id {
			return entry, true
		}
	}
	return homepage.Entry{}, false
}

func (cfg Config) servicePage(id string) http.Handler {
	return look.Handler(look.Config{
		Template: serviceTemplate,
		Facts:    cfg.Facts,
		SignedIn: cfg.Operator,
		Visitor:  func(ctx context.Context) (look.Page, error) { return cfg.service(ctx, id, false) },
		Operator: func(r *http.Request) (look.Page, error) { return cfg.service(r.Context(), id, true) },
		Now:      cfg.Now,
		Logger:   cfg.Logger,
	})
}

func (cfg Config) service(ctx context.Context, id string, operator bool) (look.Page, error) {
	entry, _ := cfg.entry(id) // gone after a reload: unknown
	now := cfg.Now().UTC()
	view := &serviceView{row: newRow(homepage.Judge(entry, now), cfg.History, downtime(cfg.History, now), now), At: now}
	if err := view.load(ctx, cfg.History); err != nil {
		return look.Page{}, err
	}
	if operator {
		view.causedBy(timelineOf(cfg.History, nil, now))
		for _, f := range cfg.History.Failures(id) {
			view.Failures = append(view.Failures, failure{f, now})
		}
	}
	return look.Page{
		Title:       entry.Title(),
		Description: "How " + entry.Title() + " is and was.",
		Heading:     view.Sentence(now),
		Tone:        view.Tone(),
		Lede:        entry.Description,
		Body:        view,
	}, nil
}

// step is that of the charts of a day.
const (
	step  = 5 * time.Minute
	steps = int(24 * time.Hour / step)
)

// serviceView is a service as its own page shows it.
type serviceView struct {
	*row
	At      time.Time
	steps   [steps]*history.Tally // nil: nothing known
	Hours   []period              // newest first; empty without requests
	Periods []period

	Failures []failure // newest first; for operators only
}

// failure is a request that failed, as the template shows it.
type failure struct {
	homepage.Failure
	now time.Time
}

// Clock is when it failed.
func (f failure) Clock() template.HTML { return clock(f.At, f.now) }

// period is a span of time in a table.
type period struct {
	Label string
	*history.Tally
}

// ClientErrors are the answers with a 4xx.
func (p period) ClientErrors() uint64 { return p.Classes[4] }

// Quantile is that of the times to first byte.
func (p period) Quantile(q float64) time.Duration { return p.FirstByte.Quantile(q) }

// load reads the past of the service.
func (v *serviceView) load(ctx context.Context, past History) error {
	begin := v.At.Truncate(step).Add(step - 24*time.Hour)
	minutes, err := past.Points(ctx, v.ID, history.Minutes, begin, v.At)
	if err != nil {
		return err
	}
	day := new(history.Tally)
	hours := make(map[time.Time]*history.Tally)
	for i := range minutes {
		point := &minutes[i]
		day.Add(&point.Tally)
		at := int(point.Start.Sub(begin) / step)
		if v.steps[at] == nil {
			v.steps[at] = new(history.Tally)
		}
		v.steps[at].Add(&point.Tally)
		hour := point.Start.Truncate(time.Hour)
		if hours[hour] == nil {
			hours[hour] = new(history.Tally)
		}
		hours[hour].Add(&point.Tally)
	}
	if day.Requests() > 0 {
		for hour := v.At.Truncate(time.Hour); hour.After(begin.Add(-time.Hour)); hour = hour.Add(-time.Hour) {
			if tally := hours[hour]; tally != nil {
				v.Hours = append(v.Hours, period{hour.Format("2 Jan 15:04"), tally})
			}
		}
	}
	return v.loadDays(ctx, past, day)
}

// loadDays sums up weeks and months; the day that goes on is in each.
func (v *serviceView) loadDays(ctx context.Context, past History, lastDay *history.Tally) error {
	today := history.Days.Start(v.At)
	days, err := past.Points(ctx, v.ID, history.Days, today.AddDate(0, 0, 1-history.RecentDays), v.At)
	if err != nil {
		return err
	}
	v.Periods = []period{{"Last 24 hours", lastDay}}
	for _, span := range []struct {
		label string
		days  int
	}{{"Last 7 days", 7}, {"Last 30 days", 30}, {"Last 90 days", history.RecentDays}} {
		sum := new(history.Tally)
		for i := range days {
			if days[i].Start.After(today.AddDate(0, 0, -span.days)) {
				sum.Add(&days[i].Tally)
			}
		}
		v.Periods = append(v.Periods, period{span.label, sum})
	}
	return nil
}

// Most is the highest number of requests in a step.
func (v *serviceView) Most() (most uint64) {
	for _, tally := range v.steps {
		if tally != nil {
			most = max(most, tally.Requests())
		}
	}
	return most
}

// Slowest is the highest p99 of a step.
func (v *serviceView) Slowest() (slowest time.Duration) {
	for _, tally := range v.steps {
		if tally != nil {
			slowest = max(slowest, tally.FirstByte.Quantile(0.99))
		}
	}
	return slowest
}

// wideHeight is that of the view box of the charts of a day.
const wideHeight = 60

// RequestsChart draws requests as an area, client errors and failures as bars.
func (v *serviceView) RequestsChart() template.HTML {
	most := float64(max(v.Most(), 1))
	var all, refused, failed outline
	var total history.Tally
	for i, tally := range v.steps {
		if tally == nil || tally.Requests() == 0 {
			continue
		}
		for class, count := range tally.Classes {
			total.Classes[class] += count
		}
		x := float64(i)
		all.column(x, wideHeight, wideHeight*float64(tally.Requests())/most)
		if n := tally.Classes[4] + tally.Failures(); tally.Classes[4] > 0 {
			refused.column(x, wideHeight, max(wideHeight*float64(n)/most, 3))
		}
		if n := tally.Failures(); n > 0 {
			failed.column(x, wideHeight, max(wideHeight*float64(n)/most, 3))
		}
	}
	label := "Last 24 hours: " + requests(total.Requests()) + ", " + look.Count(total.Classes[4]) + " answered 4xx, " + look.Count(total.Failures()) + " failed."
	return chart("wide", steps, wideHeight, label, barPath("flow", all)+barPath("warn", refused)+barPath("bad", failed))
}

// TimesChart draws three percentiles as lines, with gaps where nothing was asked.
func (v *serviceView) TimesChart() template.HTML {
	slowest := float64(max(v.Slowest(), 1))
	var paths string
	for _, line := range []struct {
		class    string
		quantile float64
	}{{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}} {
		var path outline
		connected := false
		for i, tally := range v.steps {
			if tally == nil || tally.Requests() == 0 {
				connected = false
				continue
			}
			y := wideHeight - (wideHeight-1)*float64(tally.FirstByte.Quantile(line.quantile))/slowest
			if connected {
				path.to('V', y)
			} else {
				path.to('M', float64(i), y)
			}
			path.to('h', 1)
			connected = true
		}
		paths += barPath(line.class, path)
	}
	return chart("wide lines", steps, wideHeight, "Time to first byte over the last 24 hours, at most "+look.Span(v.Slowest())+".", paths)
}
