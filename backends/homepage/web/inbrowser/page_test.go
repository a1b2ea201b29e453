// Package inbrowser tests the pages of the Homepage in a real browser.
package inbrowser

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/browsertest"
)

var everyState = []homepage.State{homepage.Answering, homepage.Failing, homepage.Slow, homepage.Maintenance, homepage.Unknown}

// visit opens an address as it is seen in a theme on a screen, and waits for
// the first figures.
func visit(t *testing.T, tab *browsertest.Tab, address, theme string, width int) {
	t.Helper()
	tab.Call(t, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": theme}}}, nil)
	tab.Call(t, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	tab.Call(t, "Page.navigate", map[string]any{"url": address}, nil)
	wait(t, tab, "the page is there", `String(location.href === "`+address+`" && document.readyState === "complete" &&
		(!document.getElementById("live") || document.getElementById("live").textContent.startsWith("live")))`)
}

// wait waits until an expression gives "true".
func wait(t *testing.T, tab *browsertest.Tab, what, expression string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); tab.Text(t, expression) != "true"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s\n%s", what, tab.Text(t, "document.body.innerText.slice(0, 2000)"))
		}
	}
}

// axe-core finds nothing on any page, in any state, theme and width; nothing is
// wider than the screen, nothing moves while the page loads, and the browser has
// nothing to complain about.
func TestAccessible(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	tab := browsertest.Open(t, "about:blank")
	for _, domain := range []string{"Page", "Log", "Runtime"} {
		tab.Call(t, domain+".enable", nil, nil)
	}
	pages := map[string]string{
		"healthy": serve(t, many(4, homepage.Answering), false) + "/",
		"failing": serve(t, many(5, everyState...), true) + "/",
		"unknown": serve(t, many(3, homepage.Unknown), false) + "/",
		"empty":   serve(t, many(0, homepage.Unknown), false) + "/",
	}
	pages["a service's page"] = pages["failing"] + "services/service-1"
	pages["what happened"] = pages["failing"] + "events"
	pages["the logs"] = pages["failing"] + "logs?log=blog-access"
	for name, address := range pages {
		for _, theme := range []string{"light", "dark"} {
			for _, width := range []int{360, 1280} {
				seen := fmt.Sprintf("%s, %s, %d px", name, theme, width)
				tab.Events = nil
				visit(t, tab, address, theme, width)
				if moved := moves(t, tab, address, theme, width); moved != "0" {
					t.Errorf("%s: it moves while it loads: %s", seen, moved)
				}
				if wide := tab.Text(t, "String(document.documentElement.scrollWidth - innerWidth)"); wide != "0" && wide[0] != '-' {
					t.Errorf("%s: it is %s px wider than the screen", seen, wide)
				}
				for _, event := range tab.Events {
					if event.Method == "Log.entryAdded" || event.Method == "Runtime.exceptionThrown" {
						t.Errorf("%s: the browser says %s", seen, event.Params)
					}
				}
				for _, violation := range tab.Violations(t, axe) {
					t.Errorf("%s: %s", seen, violation)
				}
			}
		}
	}
}

// moves is how much and what of the open page moves whenever it is loaded, or
// "0". A browser that is given little time draws the first half of a page before
// the rest is parsed; that happens by chance, and so not three times.
func moves(t *testing.T, tab *browsertest.Tab, address, theme string, width int) string {
	t.Helper()
	moved := tab.Text(t, shifts)
	for again := 0; again < 2 && moved != "0"; again++ {
		visit(t, tab, "about:blank", theme, width)
		visit(t, tab, address, theme, width)
		moved = tab.Text(t, shifts)
	}
	return moved
}

// shifts is how much the page has moved since it was loaded, as browsers score
// it, and what.
const shifts = `new Promise((done) => {
	let sum = 0, from = [];
	new PerformanceObserver((list) => { for (const e of list.getEntries()) { sum += e.value; from.push(...e.sources.map((s) => s.node?.outerHTML?.slice(0, 120) ?? s.node?.nodeValue)); } }).observe({type: "layout-shift", buffered: true});
	setTimeout(() => done(sum > 0.001 ? sum + " " + from.join(" ") : "0"), 50);
})`

// press presses a key.
func press(t *testing.T, tab *browsertest.Tab, key string) {
	t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27}
	down := map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": codes[key]}
	if len(key) == 1 {
		down["text"] = key
	}
	tab.Call(t, "Input.dispatchKeyEvent", down, nil)
	tab.Call(t, "Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}, nil)
}

// The keyboard alone reaches everything, and the keys of one letter do what they
// say until they are switched off.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	tab := browsertest.Open(t, "about:blank")
	visit(t, tab, serve(t, many(6, everyState...), true)+"/", "light", 1280)
	tab.Text(t, `document.querySelectorAll("a, button, input, summary").forEach((e, i) => { if (e.offsetParent !== null || e.className === "skip") e.dataset.reach = i })`)
	reached := make(map[string]bool)
	for range 100 {
		press(t, tab, "Tab")
		reached[tab.Text(t, `document.activeElement.dataset.reach ?? ""`)] = true
		if covered := tab.Text(t, `{ const r = document.activeElement.getBoundingClientRect(); const top = document.querySelector(".top").getBoundingClientRect().bottom;
			String(!document.activeElement.closest(".top, .skip") && r.bottom > 0 && r.bottom <= top) }`); covered == "true" {
			t.Errorf("the header covers what has the focus: %s", tab.Text(t, "document.activeElement.outerHTML"))
		}
	}
	var all []string
	if err := json.Unmarshal([]byte(tab.Text(t, `JSON.stringify([...document.querySelectorAll("[data-reach]")].map((e) => e.dataset.reach))`)), &all); err != nil || len(all) < 20 {
		t.Fatalf("%d things to reach, %v", len(all), err)
	}
	for _, one := range all {
		if !reached[one] {
			t.Errorf("the keyboard does not reach %s", tab.Text(t, `document.querySelector("[data-reach='`+one+`']").outerHTML`))
		}
	}

	focused := func() string { return tab.Text(t, "document.activeElement.id || document.activeElement.textContent") }
	tab.Text(t, `document.activeElement.blur()`)
	press(t, tab, "/")
	for _, letter := range strings.Split("service 4", "") {
		press(t, tab, letter)
	}
	if got := focused() + ": " + tab.Text(t, `document.getElementById("search").value`); got != "search: service 4" {
		t.Errorf("after / and a text: %q", got)
	}
	shown := `[...document.querySelectorAll(".services tbody tr")].filter((r) => r.offsetParent).map((r) => r.querySelector(".name")?.textContent ?? r.textContent).join("|")`
	if got := tab.Text(t, shown); got != "Writing|Service 4" || tab.Text(t, `document.getElementById("found").textContent`) != "1 of 6 services" {
		t.Errorf("found %q", got)
	}
	press(t, tab, "Escape")
	if got := tab.Text(t, shown); strings.Count(got, "Service ") != 6 {
		t.Errorf("after Escape %q", got)
	}
	var stops []string
	for _, key := range []string{"j", "j", "k"} {
		press(t, tab, key)
		stops = append(stops, focused())
	}
	if stops[0] == stops[1] || stops[0] != stops[2] || !strings.HasPrefix(stops[0], "Service ") {
		t.Errorf("j, j and k lead to %q", stops)
	}
	tab.Text(t, `document.getElementById("keys").click(); document.activeElement.blur()`)
	press(t, tab, "/")
	if got := focused(); got == "search" {
		t.Error("/ cannot be switched off")
	}
}

func TestThemeIsKept(t *testing.T) {
	t.Parallel()
	tab := browsertest.Open(t, "about:blank")
	address := serve(t, many(2, homepage.Answering), false)
	visit(t, tab, address+"/", "light", 1280)
	ground := func() string { return tab.Text(t, "getComputedStyle(document.body).backgroundColor") }
	colours := []string{ground()}
	for range 3 { // dark, light, automatic
		tab.Text(t, `document.getElementById("theme").click()`)
		colours = append(colours, ground())
	}
	const light, dark = "rgb(246, 247, 245)", "rgb(14, 19, 17)"
	if want := []string{light, dark, light, light}; !slices.Equal(colours, want) {
		t.Errorf("%v, want %v", colours, want)
	}
	tab.Text(t, `document.getElementById("theme").click()`)
	visit(t, tab, address+"/services/service-1", "light", 1280)
	if got := ground(); got != dark {
		t.Errorf("on another page it is %s", got)
	}
	if got := tab.Text(t, `document.getElementById("theme").getAttribute("aria-label")`); got != "Theme: dark" {
		t.Errorf("the button says %q", got)
	}
}

// Pausing stops the figures without calling them stale.
func TestPause(t *testing.T) {
	t.Parallel()
	tab := browsertest.Open(t, "about:blank")
	visit(t, tab, serve(t, many(2, homepage.Answering), false)+"/", "light", 1280)
	tab.Text(t, `document.getElementById("pause").click()`)
	if got := tab.Text(t, `document.getElementById("live").textContent`); !strings.HasPrefix(got, "paused · ") {
		t.Errorf("it says %q", got)
	}
	tab.Text(t, `document.getElementById("pause").click()`)
	wait(t, tab, "it is live again", `String(document.getElementById("live").textContent.startsWith("live"))`)
}
