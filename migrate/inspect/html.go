package inspect

import (
	_ "embed"
	"html/template"
	"io"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/translate"
)

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report.html").Funcs(template.FuncMap{
	"join":    strings.Join,
	"counted": counted,
	"plural":  plural,
	"words":   func(verdict translate.Verdict) string { return verdictWords[verdict] },
	"percent": func(part, all int) float64 { return 100 * float64(part) / float64(max(all, 1)) },
}).Parse(page))

// WriteHTML writes the report as a page that needs nothing else: no script, no
// request.
func (r *Report) WriteHTML(out io.Writer) error {
	return pageTemplate.Execute(out, struct {
		*Report
		Short func(apacheconf.Position) string
		All   []*Site
	}{r, r.short, append(append([]*Site{}, r.Sites...), r.Server)})
}
