package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/problem"
	"github.com/aditechsphere/fairway/backends/orders"
)

func (h *handler) export(w http.ResponseWriter, r *http.Request, _ access.Principal) error {
	ask, err := listParameters(r.URL.RawQuery, false)
	if err != nil {
		return err
	}
	if err := h.service.Check(ask); err != nil {
		return err
	}
	private(w)
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="orders.csv"`)
	if r.Method == http.MethodHead {
		return nil
	}
	if err := h.service.WriteCSV(r.Context(), w, ask); err != nil {
		if r.Context().Err() == nil {
			h.logger.ErrorContext(r.Context(), "an export broke off", "error", err)
		}
		panic(http.ErrAbortHandler) // the client must not take a part for the whole
	}
	return nil
}

// imported is the report on one line of an import.
type imported struct {
	Line   int                  `json:"line"` // from 1
	Status string               `json:"status"`
	ID     string               `json:"id,omitempty"`
	Number int64                `json:"number,omitempty"`
	Title  string               `json:"title,omitempty"` // why it was refused
	Detail string               `json:"detail,omitempty"`
	Errors []problem.FieldError `json:"errors,omitempty"`
}

// The statuses of an imported line.
const (
	importCreated  = "created"
	importExisting = "existing" // by an earlier import with the same Idempotency-Key
	importRefused  = "refused"
)

// importing is how many lines are stored at once: they share a sync.
const importing = 32

// bring imports newline-delimited JSON and reports on each line as it goes.
// What was stored stays when a later line is refused or the client leaves.
func (h *handler) bring(w http.ResponseWriter, r *http.Request, client access.Principal) error {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-ndjson" && mediaType != "application/ndjson" {
		return &bodyError{http.StatusUnsupportedMediaType, "unsupported-media-type", "Send newline-delimited JSON as application/x-ndjson."}
	}
	call, err := callOf(r, client, nil)
	if err != nil {
		return err
	}
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex() // a server that cannot is one that always does
	private(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)

	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	reports := make(chan chan imported, importing)
	go h.bringLines(ctx, r.Body, call, reports)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for report := range reports {
		if err := encoder.Encode(<-report); err != nil {
			cancel() // the client has left
		}
		if len(reports) == 0 {
			_ = control.Flush()
		}
	}
	return nil
}

// bringLines gives a report for each line, in their order, and closes reports.
func (h *handler) bringLines(ctx context.Context, body io.Reader, call orders.Call, reports chan<- chan imported) {
	defer close(reports)
	lines := bufio.NewReaderSize(body, maxBody)
	for number := 1; ctx.Err() == nil; number++ {
		line, tooLong, err := readLine(lines)
		if len(line) > 0 || tooLong {
			report := make(chan imported, 1)
			select {
			case reports <- report:
			case <-ctx.Done():
				return
			}
			go func() { report <- h.bringLine(ctx, number, line, tooLong, call) }()
		}
		if err != nil {
			return // the end, or the client has left
		}
	}
}

// readLine returns a line without its end; of one that is too long, nothing.
func readLine(lines *bufio.Reader) (line []byte, tooLong bool, err error) {
	text, err := lines.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		tooLong = true
		_, err = lines.ReadSlice('\n')
	}
	if tooLong {
		return nil, true, err
	}
	return []byte(strings.TrimSpace(string(text))), false, err
}

func (h *handler) bringLine(ctx context.Context, number int, line []byte, tooLong bool, call orders.Call) imported {
	report := imported{Line: number}
	var asked orders.NewOrder
	var err error
	if tooLong {
		err = &bodyError{http.StatusRequestEntityTooLarge, "body-too-large", fmt.Sprintf("The line is larger than %d bytes.", maxBody)}
	} else {
		err = decode(line, &asked)
	}
	if err == nil {
		err = h.importOrder(ctx, &report, line, asked, call)
	}
	if err != nil {
		p := problemOf(err)
		if p.Status >= http.StatusInternalServerError {
			h.logger.ErrorContext(ctx, "a line could not be imported", "line", number, "error", err)
		}
		report = imported{Line: number, Status: importRefused, Title: p.Title, Detail: p.Detail, Errors: p.Errors}
	}
	return report
}

// importOrder places the order of a line. With an Idempotency-Key each line
// has a key of its own, so that an import that broke off can be sent again.
func (h *handler) importOrder(ctx context.Context, report *imported, line []byte, asked orders.NewOrder, call orders.Call) error {
	if call.Request.Key != "" {
		call.Request.Key += " line " + strconv.Itoa(report.Line)
		call.Request.Fingerprint = idempotency.Fingerprint("import", "", line)
	}
	reply, replayed, err := h.service.Create(ctx, call, asked, func(o orders.Order, _ []byte) (idempotency.Reply, error) {
		return idempotency.Reply{Header: map[string]string{"Location": "/v1/orders/" + o.ID, "Number": strconv.FormatInt(o.Number, 10)}}, nil
	})
	if err != nil {
		return err
	}
	report.Status = importCreated
	if replayed {
		report.Status = importExisting
	}
	report.ID = strings.TrimPrefix(reply.Header["Location"], "/v1/orders/")
	report.Number, err = strconv.ParseInt(reply.Header["Number"], 10, 64)
	return err
}
