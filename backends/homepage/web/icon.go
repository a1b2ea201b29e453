package web

import (
	"html/template"
)

// icons are the strokes of the symbols of [homepage.Icons] in a 20 × 20 box.
var icons = map[string]template.HTML{
	"book":     `M4 16V5a2 2 0 0 1 2-2h10v14H5.5A1.5 1.5 0 0 1 4 15.5 1.5 1.5 0 0 1 5.5 14H16`,
	"cart":     `M2 3h2l2.2 10h8.6L17 6H5M7 17h.01M14 17h.01`,
	"chart":    `M3 17h14M5 14V9m5 5V4m5 10V7`,
	"chat":     `M3 4h14v10H9l-4 3v-3H3Z`,
	"code":     `M7 5l-5 5 5 5M13 5l5 5-5 5`,
	"database": `M4 5c0-3 12-3 12 0v10c0 3-12 3-12 0ZM4 5c0 3 12 3 12 0M4 10c0 3 12 3 12 0`,
	"file":     `M5 2h7l4 4v12H5ZM12 2v4h4`,
	"globe":    `M10 2a8 8 0 1 0 0 16 8 8 0 0 0 0-16ZM2 10h16M10 2c-5 5-5 11 0 16 5-5 5-11 0-16`,
	"home":     `M2 10l8-7 8 7M5 8v9h10V8`,
	"image":    `M3 4h14v12H3ZM3 14l4-4 3 3 3-3 4 4M7 7h.01`,
	"lock":     `M4 9h12v8H4ZM7 9V6a3 3 0 0 1 6 0v3`,
	"mail":     `M2 4h16v12H2ZM2 5l8 6 8-6`,
	"music":    `M7 15V5l9-2v10M7 15a2 2 0 1 1-4 0 2 2 0 0 1 4 0ZM16 13a2 2 0 1 1-4 0 2 2 0 0 1 4 0Z`,
	"server":   `M3 3h14v6H3ZM3 11h14v6H3ZM6 6h.01M6 14h.01`,
	"video":    `M2 5h10v10H2ZM12 9l6-3v8l-6-3`,
	"wallet":   `M3 5h12v3M3 5v11h14V8H3M14 12h.01`,
}

// Symbol is the service's icon as inline SVG, "" for none or an image.
func (r *row) Symbol() template.HTML {
	strokes, ok := icons[r.Icon]
	if !ok {
		return ""
	}
	return `<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="` + strokes + `"/></svg>`
}

// Image is the path of the service's icon, "" for none or a symbol.
func (r *row) Image() string {
	if _, ok := icons[r.Icon]; ok {
		return ""
	}
	return r.Icon
}
