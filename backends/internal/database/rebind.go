package database

import (
	"context"
	"database/sql/driver"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/stdlib"
)

// rebinding makes PostgreSQL connections that take "?" for a parameter.
type rebinding struct{ driver.Connector }

func (r rebinding) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return rebindingConn{conn.(*stdlib.Conn)}, nil
}

type rebindingConn struct{ *stdlib.Conn }

func (c rebindingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.PrepareContext(ctx, rebound(query))
}

func (c rebindingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.ExecContext(ctx, reboundFor(query, args), args)
}

func (c rebindingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.QueryContext(ctx, reboundFor(query, args), args)
}

// reboundFor leaves a text without parameters alone: it may be a whole script.
func reboundFor(query string, args []driver.NamedValue) string {
	if len(args) == 0 {
		return query
	}
	return rebound(query)
}

// reboundTexts keeps what rebind made; a program has few texts.
var reboundTexts sync.Map // string → string

func rebound(query string) string {
	if !strings.Contains(query, "?") {
		return query
	}
	if text, ok := reboundTexts.Load(query); ok {
		return text.(string)
	}
	text := rebind(query)
	reboundTexts.Store(query, text)
	return text
}

// rebind numbers the parameters of a statement: "a = ? AND b = ?" becomes
// "a = $1 AND b = $2". Quoted text, quoted names and comments stay as they are.
func rebind(query string) string {
	var text strings.Builder
	number := 0
	for i := 0; i < len(query); {
		if end := skip(query[i:]); end > 0 {
			text.WriteString(query[i : i+end])
			i += end
			continue
		}
		if query[i] == '?' {
			number++
			text.WriteString("$" + strconv.Itoa(number))
		} else {
			text.WriteByte(query[i])
		}
		i++
	}
	return text.String()
}

// skip returns the length of the quotation or comment that text begins with, or 0.
func skip(text string) int {
	var end string
	switch {
	case text[0] == '\'' || text[0] == '"':
		end = text[:1]
	case strings.HasPrefix(text, "--"):
		end = "\n"
	case strings.HasPrefix(text, "/*"):
		end = "*/"
	default:
		return 0
	}
	const opening = 2 // at least: one character of a quotation is never its end
	from := min(len(end), opening)
	if strings.HasPrefix(text, "--") {
		from = opening
	}
	closing := strings.Index(text[from:], end)
	if closing < 0 {
		return len(text)
	}
	return from + closing + len(end)
}
