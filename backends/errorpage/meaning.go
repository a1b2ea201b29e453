package errorpage

import "net/http"

// meanings are the title and the sentence for the errors people meet.
var meanings = map[int][2]string{
	http.StatusBadRequest:                    {"This request can’t be understood", "Something in the address or in what was sent isn’t right."},
	http.StatusUnauthorized:                  {"Please sign in", "This page is only for people who have signed in."},
	http.StatusForbidden:                     {"No access", "This page exists, but not for you."},
	http.StatusNotFound:                      {"Page not found", "There is nothing at this address. It may have moved, or been mistyped."},
	http.StatusMethodNotAllowed:              {"That isn’t possible here", "This address doesn’t take requests of this kind."},
	http.StatusNotAcceptable:                 {"No fitting form", "This page doesn’t exist in a form your program accepts."},
	http.StatusRequestTimeout:                {"The request took too long", "Your request didn’t arrive in time. Please try again."},
	http.StatusConflict:                      {"Conflict", "What you asked for doesn’t fit what is there now."},
	http.StatusGone:                          {"No longer here", "What was at this address has been removed for good."},
	http.StatusRequestEntityTooLarge:         {"Too large", "What was sent is larger than this server takes."},
	http.StatusRequestURITooLong:             {"The address is too long", "This server doesn’t take addresses as long as this one."},
	http.StatusMisdirectedRequest:            {"Wrong server", "This connection isn’t for the name that was asked for."},
	http.StatusUnprocessableEntity:           {"That doesn’t work", "The request was understood, but can’t be carried out as it is."},
	http.StatusTooManyRequests:               {"Too many requests", "Please wait a moment before the next one."},
	http.StatusRequestHeaderFieldsTooLarge:   {"The request is too large", "The headers of the request, often cookies, are larger than this server takes."},
	http.StatusUnavailableForLegalReasons:    {"Unavailable for legal reasons", "This page may not be shown."},
	http.StatusInternalServerError:           {"Something went wrong", "The server met an error while answering. It isn’t your fault."},
	http.StatusNotImplemented:                {"Not supported", "The server can’t do what was asked."},
	http.StatusBadGateway:                    {"The service doesn’t answer", "This server is up, but the service behind it can’t be reached right now."},
	http.StatusServiceUnavailable:            {"The service is unavailable", "It is busy or being worked on. Please try again in a moment."},
	http.StatusGatewayTimeout:                {"The service takes too long", "This server is up, but the service behind it didn’t answer in time."},
	http.StatusHTTPVersionNotSupported:       {"HTTP version not supported", "The server doesn’t speak this version of HTTP."},
	http.StatusInsufficientStorage:           {"No space left", "The server has no room to store what was sent."},
	http.StatusNetworkAuthenticationRequired: {"Please sign in to the network", "The network wants you to sign in first."},
}

// meaning is a short title and a sentence for an error status.
func meaning(status int) (title, detail string) {
	if m, ok := meanings[status]; ok {
		return m[0], m[1]
	}
	title = http.StatusText(status)
	if title == "" {
		title = "Error"
	}
	if status >= 500 {
		return title, "The server couldn't answer this request."
	}
	return title, "The server doesn’t take this request as it is."
}
