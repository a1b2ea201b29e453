package inbrowser

import (
	"fmt"
	"testing"

	"github.com/aditechsphere/fairway/backends/homepage/browsertest"
)

// faint are the shapes of the page, and what they have less contrast than 3:1
// with: the ground. One that is drawn in no colour is another's to show.
const faint = `{
	const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
	const light = (colour, over) => {
		canvas.fillStyle = over; canvas.fillRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
		const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
		return .2126 * r + .7152 * g + .0722 * b;
	};
	const ground = getComputedStyle(document.body).backgroundColor, below = light(ground, ground), found = [];
	let seen = 0;
	const look = (name, colour, opacity) => {
		if (colour === "none" || colour === "rgba(0, 0, 0, 0)") return;
		seen++;
		const above = light(colour, ground), contrast = (Math.max(above, below) + .05) / (Math.min(above, below) + .05);
		if (contrast < 3 || opacity < .4) found.push(name + " " + colour + " on " + ground + ": " + contrast.toFixed(1) + ", opacity " + opacity);
	};
	for (const e of document.querySelectorAll("main svg path, main svg circle")) {
		const style = getComputedStyle(e), name = e.parentNode.getAttribute("class") + " " + e.getAttribute("class");
		look(name, style.fill, style.opacity); look(name, style.stroke, style.opacity);
	}
	for (const e of document.querySelectorAll(".key span")) {
		const style = getComputedStyle(e, "::before");
		look("key " + e.className, style.backgroundColor, style.opacity);
	}
	(seen < 10 ? "only " + seen + " shapes; " : "") + [...new Set(found)].join("\n");
}`

// Where a person forces the colours of their own, every shape keeps one of them,
// whatever theme is chosen on the page.
func TestForcedColours(t *testing.T) {
	t.Parallel()
	address := serve(t, many(5, everyState...), true)
	tab := browsertest.Open(t, "about:blank")
	visit(t, tab, address+"/", "light", 1280)
	tab.Text(t, `{ localStorage.clear(); document.getElementById("theme").click(); document.getElementById("theme").click(); "" }`) // light
	for _, path := range []string{"/", "/services/service-1"} {
		for _, scheme := range []string{"light", "dark"} {
			visit(t, tab, address+path, scheme, 1280)
			tab.Call(t, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{
				{"name": "prefers-color-scheme", "value": scheme}, {"name": "forced-colors", "value": "active"},
			}}, nil)
			wait(t, tab, "colours are forced", `String(matchMedia("(forced-colors: active)").matches)`)
			if found := tab.Text(t, faint); found != "" {
				t.Errorf("%s, %s: hard to see:\n%s", path, scheme, found)
			}
		}
	}
}

// At 200% and at 400% a screen of 1280 px is 640 and 320 px wide: nothing is lost
// or needs to be moved sideways, and axe-core finds nothing.
func TestZoom(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	address := serve(t, many(5, everyState...), true)
	tab := browsertest.Open(t, "about:blank")
	for _, path := range []string{"/", "/services/service-1"} {
		for _, zoom := range []int{2, 4} {
			visit(t, tab, address+path, "light", 1280/zoom)
			seen := fmt.Sprintf("%s at %d00%%", path, zoom)
			if wide := tab.Text(t, "String(document.documentElement.scrollWidth - innerWidth)"); wide != "0" && wide[0] != '-' {
				t.Errorf("%s: it is %s px wider than the screen", seen, wide)
			}
			for _, violation := range tab.Violations(t, axe) {
				t.Errorf("%s: %s", seen, violation)
			}
		}
	}
}
