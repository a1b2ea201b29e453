package payments

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/aditechsphere/fairway/backends/internal/id"
)

func TestHoldsCardNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"4111111111111111":                     true,
		"378282246310005":                      true, // 15 digits
		"4222222222222":                        true, // 13
		"6304000000000000000":                  true, // 19
		"4111 1111 1111 1111":                  true,
		"4111-1111-1111-1111":                  true,
		"3782 822463 10005":                    true,
		"paid with 4111111111111111, thanks":   true,
		"4111 1111 1111 1111 12 28":            true, // followed by its expiry date
		"card4111111111111111":                 true,
		"order_4111111111111111":               true,
		"4111111111111112":                     false, // fails the Luhn check
		"411111111111":                         false, // 12
		"41111111111111111111111":              false,
		"+49 170 1234567":                      false,
		"":                                     false,
		"8c1c6d0a-4111-4111-8111-111111111111": false, // UUID
		"sha256:00e4111111111111111ff0a1":      false,
	} {
		if got := HoldsCardNumber(text); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
}

// digitsOnly is the rarest id there can be: nothing but digits.
const digitsOnly = "22222222222222222222222222"

func TestOurOwnIDsAreNotCardNumbers(t *testing.T) {
	t.Parallel()
	ids := []string{"pi_" + digitsOnly, "pi_" + digitsOnly + "_secret_" + digitsOnly, "pm_abcdefghijklm4222222222222"}
	for range 1000 {
		ids = append(ids, id.New("pi"), id.New(id.New("pi")+"_secret"))
	}
	for _, id := range ids {
		if HoldsCardNumber(id) || HoldsCardNumber("see "+id+".") {
			t.Errorf("%s was taken for a card number", id)
		}
	}
}

func TestEveryCardNumberIsFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), minCardDigits-1, maxCardDigits-1, -1).Draw(t, "digits")
		for check := range 10 {
			if luhn(digits + strconv.Itoa(check)) {
				digits += strconv.Itoa(check)
				break
			}
		}
		group := rapid.IntRange(1, len(digits)).Draw(t, "group")
		between := rapid.SampledFrom([]string{"", " ", "-"}).Draw(t, "between")
		var written strings.Builder
		for n, digit := range digits {
			if n > 0 && n%group == 0 {
				written.WriteString(between)
			}
			written.WriteRune(digit)
		}
		around := rapid.SampledFrom([]string{"%s", "card: %s.", "%s 03/30", "(%s)", "\"%s\""}).Draw(t, "around")
		if text := fmt.Sprintf(around, written.String()); !HoldsCardNumber(text) {
			t.Errorf("%q was not found", text)
		}
	})
}

func TestCardDetailsStayOutOfLogs(t *testing.T) {
	t.Parallel()
	details := CardDetails{Number: "4242424242424242", CVC: "987"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, details); strings.Contains(text, "4242") || strings.Contains(text, "987") {
			t.Errorf("%s shows %s", verb, text)
		}
	}
}
