package web

import (
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
)

var today = time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)

func day(offset int, answering, failing time.Duration) history.Day {
	d := history.Day{Start: today.AddDate(0, 0, offset)}
	if answering+failing > 0 {
		d.Spent = map[homepage.State]time.Duration{homepage.Answering: answering, homepage.Failing: failing}
	}
	return d
}

func TestDays(t *testing.T) {
	t.Parallel()
	all := []history.Day{
		day(-4, 0, 0), day(-3, 20*time.Hour, 0), day(-2, 23*time.Hour, 0), day(-1, 20*time.Hour, 4*time.Hour), day(0, time.Hour, 0),
	}
	// The server was down for an hour from the second day to the third, and
	// before there was anything.
	down := []history.Interval{
		{From: today.AddDate(0, 0, -4), To: today.AddDate(0, 0, -4).Add(time.Hour)},
		{From: today.AddDate(0, 0, -2).Add(-30 * time.Minute), To: today.AddDate(0, 0, -2).Add(30 * time.Minute)},
	}
	d := newDays(all, down)
	chart := string(d.Chart())
	for _, want := range []string{
		`class="none" d="M0 19h1"`, `class="good" d="M4 14h1"`, `class="warn" d="M1 12h2"`, `class="bad" d="M3 10h1"`,
		"Last 5 days: 1 without failure, 2 with a little, 1 failing, 1 without evidence.",
	} {
		if !strings.Contains(chart, want) {
			t.Errorf("%s lacks %s", chart, want)
		}
	}
	if share := d.Share(); share != "92.75%" { // 64 of 69 hours
		t.Errorf("share %s", share)
	}
	if d := newDays(all[:1], nil); d.Share() != "" || d.Chart() != "" {
		t.Error("days without evidence have a share")
	}
	almost := newDays([]history.Day{day(0, 24*time.Hour, time.Millisecond)}, nil)
	if share := almost.Share(); share != "99.99%" {
		t.Errorf("a moment of failure makes it %s", share)
	}
}

func TestSparkline(t *testing.T) {
	t.Parallel()
	var hour history.Hour
	if sparkline("blog", &hour) != "" {
		t.Error("an hour without requests has a picture")
	}
	hour.Minutes[58] = history.Minute{Requests: 1000}
	hour.Minutes[59] = history.Minute{Requests: 500, Failures: 1}
	hour.Requests, hour.Failures = 1500, 1
	got := string(sparkline("blog", &hour))
	for _, want := range []string{
		`data-live="blog/flow" data-attribute="d" d="M0 20H58V0H59V10H60V20z"`, `data-live="blog/bars" data-attribute="d" d="M59 20h1v-2h-1z"`,
		"Last hour: 1,500 requests, at most 1,000 in a minute, 1 failed.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
}
