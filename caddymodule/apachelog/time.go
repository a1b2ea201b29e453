package apachelog

import (
	"fmt"
	"strings"
	"time"

	"github.com/ncruces/go-strftime"
	"go.uber.org/zap/buffer"
)

const clfTime = "[02/Jan/2006:15:04:05 -0700]"

// requestTime is %t and its {begin:…}, {end:…} and strftime forms.
func requestTime(_ *compiler, s spec) (appender, error) {
	moment, form := momentOf(s.arg)
	write, err := timeWriter(form)
	if err != nil {
		return nil, err
	}
	return func(line *buffer.Buffer, r *record) { write(line, moment(r)) }, nil
}

// momentOf splits the argument of %t into the moment it means and the form.
func momentOf(arg string) (moment func(*record) time.Time, form string) {
	begin := func(r *record) time.Time { return r.begin }
	end := func(r *record) time.Time { return r.end }
	switch arg {
	case "begin":
		return begin, ""
	case "end":
		return end, ""
	}
	if form, found := strings.CutPrefix(arg, "begin:"); found {
		return begin, form
	}
	if form, found := strings.CutPrefix(arg, "end:"); found {
		return end, form
	}
	return begin, arg
}

func timeWriter(form string) (func(*buffer.Buffer, time.Time), error) {
	switch form {
	case "":
		return func(line *buffer.Buffer, t time.Time) { line.AppendTime(t, clfTime) }, nil
	case "sec":
		return func(line *buffer.Buffer, t time.Time) { line.AppendInt(t.Unix()) }, nil
	case "msec":
		return func(line *buffer.Buffer, t time.Time) { line.AppendInt(t.UnixMilli()) }, nil
	case "usec":
		return func(line *buffer.Buffer, t time.Time) { line.AppendInt(t.UnixMicro()) }, nil
	case "msec_frac":
		return func(line *buffer.Buffer, t time.Time) { appendPadded(line, t.Nanosecond()/1e6, 3) }, nil
	case "usec_frac":
		return func(line *buffer.Buffer, t time.Time) { appendPadded(line, t.Nanosecond()/1e3, 6) }, nil
	}
	if err := checkStrftime(form); err != nil {
		return nil, err
	}
	return func(line *buffer.Buffer, t time.Time) {
		line.AppendBytes(strftime.AppendFormat(make([]byte, 0, 64), form, t))
	}, nil
}

func appendPadded(line *buffer.Buffer, number, digits int) {
	for limit := 10; digits > 1; digits-- {
		if number < limit {
			line.AppendByte('0')
		}
		limit *= 10
	}
	line.AppendInt(int64(number))
}

// The conversions of strftime(3) in the C locale, and those of them that a
// hyphen leaves without padding.
const (
	strftimeConversions = "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%"
	strftimePadded      = "dHIjmMSUVW"
)

func checkStrftime(form string) error {
	for i := 0; i < len(form); i++ {
		if form[i] != '%' {
			continue
		}
		start, known := i, strftimeConversions
		i++
		if i < len(form) && form[i] == '-' {
			known = strftimePadded
			i++
		}
		if i >= len(form) {
			return fmt.Errorf("the time format ends with %q", form[start:])
		}
		if strings.IndexByte(known, form[i]) < 0 {
			return fmt.Errorf("unknown conversion %q in the time format", form[start:i+1])
		}
	}
	return nil
}
