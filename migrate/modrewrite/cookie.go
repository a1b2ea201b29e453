package modrewrite

import (
	"slices"
	"strings"
	"time"
)

// setCookies makes the cookies of [CO=name:value:domain:minutes:path:secure:httponly:samesite].
func (e *evaluation) setCookies(flags []string) {
	for _, flag := range flags {
		e.setCookie(e.expand(flag, nil, nil))
	}
}

func (e *evaluation) setCookie(text string) {
	separator := ":"
	if strings.HasPrefix(text, ";") {
		separator, text = ";", text[1:]
	}
	fields := strings.FieldsFunc(text, func(r rune) bool { return string(r) == separator })
	if len(fields) < 3 {
		return
	}
	fields = append(fields, make([]string, 5)...)
	name, value, domain := fields[0], fields[1], fields[2]
	isSame := func(cookie string) bool { return strings.HasPrefix(cookie, name+"=") }
	if slices.ContainsFunc(e.outcome.Cookies, isSame) {
		return
	}
	path := fields[4]
	if path == "" {
		path = "/"
	}
	cookie := name + "=" + value + "; path=" + path + "; domain=" + domain
	if minutes := leadingInteger(fields[3]); minutes != 0 {
		cookie += "; expires=" + e.now().UTC().Add(time.Duration(minutes)*time.Minute).Format("Mon, 02-Jan-2006 15:04:05 GMT")
	}
	if isSet(fields[5], "secure") {
		cookie += "; secure"
	}
	if isSet(fields[6], "HttpOnly") {
		cookie += "; HttpOnly"
	}
	if sameSite := fields[7]; sameSite != "" && sameSite != "0" && !strings.EqualFold(sameSite, "false") {
		cookie += "; SameSite=" + sameSite
	}
	e.outcome.Cookies = append(e.outcome.Cookies, cookie)
}

func isSet(field, name string) bool {
	return field == "1" || strings.EqualFold(field, "true") || strings.EqualFold(field, name)
}

func (e *evaluation) now() time.Time {
	if e.Now != nil {
		return e.Now()
	}
	return time.Now()
}
