package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// declared is a catalogue of services as a configuration may declare them.
type declared []homepage.Entry

func (d declared) Entries() []homepage.Entry { return d }

func serviceIn(id, group, icon string, failing bool) homepage.Entry {
	probe := &homepage.Probe{At: time.Now(), Status: 200}
	if failing {
		probe = &homepage.Probe{At: time.Now(), Err: "refused"}
	}
	return homepage.Entry{Service: homepage.Service{ID: id, Group: group, Icon: icon}, Probe: probe}
}

func show(t *testing.T, services ...homepage.Entry) string {
	t.Helper()
	w := httptest.NewRecorder()
	New(Config{Catalogue: declared(services), History: past{}, Now: time.Now}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestGroupsAreHeadingsWorstFirst(t *testing.T) {
	t.Parallel()
	page := show(t,
		serviceIn("blog", "Writing", "", false), serviceIn("shop", "Trade", "", true), serviceIn("wiki", "Writing", "", true),
		serviceIn("attic", "", "", false), serviceIn("till", "Trade", "", false),
	)
	var order []string
	for _, found := range regexp.MustCompile(`colspan="6">([^<]+)<|href="/services/([a-z]+)"`).FindAllStringSubmatch(page, -1) {
		order = append(order, found[1]+found[2])
	}
	want := []string{"Trade", "shop", "till", "Writing", "wiki", "blog", "Other services", "attic"}
	if !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if strings.Contains(show(t, serviceIn("blog", "", "", false)), "colspan") {
		t.Error("without groups there is a heading")
	}
}

func TestIcons(t *testing.T) {
	t.Parallel()
	for _, name := range homepage.Icons {
		if icons[name] == "" {
			t.Errorf("there is no symbol %s", name)
		}
	}
	if len(icons) != len(homepage.Icons) {
		t.Errorf("%d symbols, %d names", len(icons), len(homepage.Icons))
	}
	page := show(t, serviceIn("blog", "", "book", false), serviceIn("shop", "", `/pictures/shop.svg"onerror=`, false))
	for _, want := range []string{`<svg class="icon"`, `src="/pictures/shop.svg%22onerror="`} {
		if !strings.Contains(page, want) {
			t.Errorf("lacks %s:\n%s", want, page)
		}
	}
}

func TestMaintenanceIsShownUntilWhen(t *testing.T) {
	t.Parallel()
	window, err := homepage.ParseWindow("2000-01-01T00:00:00Z 2100-02-03T04:05:00Z")
	if err != nil {
		t.Fatal(err)
	}
	away := serviceIn("blog", "", "", true)
	away.Maintenance = []homepage.Window{window}
	page := show(t, away, serviceIn("shop", "", "", false))
	for _, want := range []string{`<span class="state info">`, "blog is in maintenance until 3 Feb 2100 04:05 UTC, all others are answering", `data-live="blog/reason">until 3 Feb 2100 04:05 UTC<`} {
		if !strings.Contains(page, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if strings.Contains(page, "Needs attention") {
		t.Error("declared maintenance needs attention")
	}
}
