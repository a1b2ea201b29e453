package payments

import (
	"regexp"
	"strings"
)

// The least and the most digits a card number has.
const minCardDigits, maxCardDigits = 13, 19

var (
	// digitGroup is a run of digits with at most letters around it; what
	// mixes digits and letters further is an identifier or a hash.
	digitGroup = regexp.MustCompile(`[0-9A-Za-z]+`)
	// notCards are shapes that may hold as many digits as a card number: our
	// own ids and UUIDs.
	notCards = regexp.MustCompile(`\b[a-z]{2,6}_[a-z2-7]{26}(_secret_[a-z2-7]{26})?\b|` +
		`\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b`)
)

// HoldsCardNumber reports whether text holds what may be a card number: 13 to
// 19 digits, in one piece or in groups divided by a space or a hyphen, that
// pass the Luhn check.
func HoldsCardNumber(text string) bool {
	if !hasDigits(text, minCardDigits) {
		return false
	}
	text = notCards.ReplaceAllString(text, "\n")
	var groups []string // neighbouring groups of digits
	end := 0            // of the last group
	for _, at := range digitGroup.FindAllStringIndex(text, -1) {
		word := text[at[0]:at[1]]
		digits := strings.TrimFunc(word, isLetter)
		if strings.ContainsFunc(digits, isLetter) || digits == "" {
			groups = nil
			continue
		}
		if !adjoins(text[end:at[0]]) || digits != word {
			groups = nil
		}
		groups, end = append(groups, digits), at[1]
		if endsInCardNumber(groups) {
			return true
		}
	}
	return false
}

// endsInCardNumber reports whether the last groups together are a card number.
func endsInCardNumber(groups []string) bool {
	number := ""
	for n := len(groups) - 1; n >= 0 && len(number)+len(groups[n]) <= maxCardDigits; n-- {
		number = groups[n] + number
		if len(number) >= minCardDigits && luhn(number) {
			return true
		}
	}
	return false
}

// luhn reports whether the digits pass the check all card numbers pass.
func luhn(digits string) bool {
	sum := 0
	for n := range len(digits) {
		digit := int(digits[len(digits)-1-n] - '0')
		if n%2 == 1 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return sum%10 == 0
}

func hasDigits(text string, least int) bool {
	for n := range len(text) {
		if '0' <= text[n] && text[n] <= '9' {
			if least--; least == 0 {
				return true
			}
		}
	}
	return false
}

// adjoins reports whether what lies between two groups keeps them together.
func adjoins(between string) bool { return between == " " || between == "-" }

func isLetter(r rune) bool { return r < '0' || r > '9' }
