// Package subdomain is the routing table of the names below one domain: which
// labels there can be, where each leads, and how a host name is looked up.
package subdomain

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Apex is the label of the domain itself.
const Apex = "@"

// Longest label and longest name of the DNS, in bytes.
const (
	maxLabel = 63
	maxName  = 253
)

// ErrName is wrapped by every error about a label or a domain.
var ErrName = errors.New("bad name")

// Label returns the one spelling of a label under which a table keeps it:
// lower case, and A-labels (xn--…) for what is not ASCII. The label of the
// domain itself is [Apex]. Several labels in a row ("a.b") name a host that
// many levels below the domain.
//
// Labels are host names as RFC 1123 has them: letters, digits and inner
// hyphens, at most 63 bytes each. Wildcards and underscores are refused.
func Label(label string) (string, error) {
	switch {
	case label == Apex:
		return Apex, nil
	case label == "":
		return "", fmt.Errorf("%w: the label is empty; the domain itself is %q", ErrName, Apex)
	case strings.Contains(label, "*"):
		return "", fmt.Errorf("%w: label %q: a table holds exact names, not wildcards", ErrName, label)
	}
	name, err := hostName(label)
	if err != nil {
		return "", fmt.Errorf("%w: label %q: %w", ErrName, label, err)
	}
	return name, nil
}

// Domain returns the one spelling of a domain name. The rules are those of
// [Label]; a domain's last label is not a number, as that of an IP address is.
func Domain(domain string) (string, error) {
	name, err := hostName(domain)
	if err != nil {
		return "", fmt.Errorf("%w: domain %q: %w", ErrName, domain, err)
	}
	if last := name[strings.LastIndexByte(name, '.')+1:]; strings.Trim(last, "0123456789") == "" {
		return "", fmt.Errorf("%w: domain %q: this is an IP address or half of one, not a domain", ErrName, domain)
	}
	return name, nil
}

// Join returns the host name of label below domain, both as [Label] and
// [Domain] return them. It fails when the name is too long for the DNS.
func Join(label, domain string) (string, error) {
	if label == Apex {
		return domain, nil
	}
	if length := len(label) + 1 + len(domain); length > maxName {
		return "", fmt.Errorf("%w: label %q: the name below %s has %d bytes, the DNS allows %d",
			ErrName, label, domain, length, maxName)
	}
	return label + "." + domain, nil
}

// hostName checks a dotted name and returns its lower-case ASCII form.
func hostName(name string) (string, error) {
	if !utf8.ValidString(name) {
		return "", errors.New("not UTF-8")
	}
	ascii := strings.ToLower(name)
	if !isASCII(name) || strings.Contains(ascii, "xn--") {
		converted, err := idna.Lookup.ToASCII(name)
		if err != nil {
			return "", fmt.Errorf("not a valid international name: %w", err)
		}
		ascii = converted
	}
	if len(ascii) > maxName {
		return "", fmt.Errorf("%d bytes are too long for the DNS, which allows %d", len(ascii), maxName)
	}
	for rest, more := ascii, true; more; {
		var label string
		label, rest, more = strings.Cut(rest, ".")
		if err := checkLabel(label); err != nil {
			return "", err
		}
	}
	return ascii, nil
}

// checkLabel checks one lower-case ASCII label.
func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("there is an empty label between, before or after the dots")
	case len(label) > maxLabel:
		return fmt.Errorf("%q has %d bytes, a label has at most %d", label, len(label), maxLabel)
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("%q begins or ends with a hyphen", label)
	case len(label) >= 4 && label[2:4] == "--" && !strings.HasPrefix(label, "xn--"):
		return fmt.Errorf("%q has hyphens third and fourth, which is reserved and gets no certificate", label)
	}
	for i := range len(label) {
		if c := label[i]; !isLetterOrDigit(c) && c != '-' {
			return fmt.Errorf("%q is not allowed; a name has letters, digits and hyphens", c)
		}
	}
	return nil
}

func isLetterOrDigit(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
