package orders

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	maxWords      = 400 // of one order that can be found
	maxWordLength = 64  // characters; longer ones are cut
	maxQueryWords = 10
)

// Words are what an order is found by, each once: its number, ids, customer,
// addresses, articles, note and metadata, in lower case and without accents.
// Ids and e-mail addresses are words as a whole too: the parts of an address
// are in most orders, and the beginning of an id is like that of any word.
func Words(o Order) []string {
	c := wordCollector{words: make([]string, 0, fewWords)}
	c.add(strconv.FormatInt(o.Number, 10), o.ID, o.Customer.Email, o.Customer.Name, o.Customer.Phone)
	for _, address := range []*Address{o.ShippingAddress, o.BillingAddress} {
		if address != nil {
			c.add(address.Name, address.Company, address.Line1, address.Line2, address.PostalCode, address.City, address.Phone)
		}
	}
	for _, fulfillment := range o.Fulfillments {
		if fulfillment.Tracking != nil {
			c.add(fulfillment.Tracking.Number)
		}
	}
	for _, payment := range o.Payments {
		c.add(payment.Payment)
	}
	for _, line := range o.Lines {
		c.add(line.SKU, line.Title)
	}
	c.add(o.Note)
	for _, value := range o.Metadata {
		c.add(value)
	}
	return c.words
}

// Has reports whether an order is found by all of the words.
func (o Order) Has(words []Word) bool {
	has := Words(o)
	for _, word := range words {
		if !slices.ContainsFunc(has, func(one string) bool {
			return one == word.Text || word.Prefix && strings.HasPrefix(one, word.Text)
		}) {
			return false
		}
	}
	return true
}

// queryWords reads what somebody types into a search box. A star at the end of
// a word stands for any ending.
func queryWords(text string) ([]Word, error) {
	var words []Word
	for field := range strings.FieldsSeq(text) {
		parts := split(field)
		if isID(field) || isAddress(field) {
			parts = joined(parts)
		}
		for i, part := range parts {
			words = append(words, Word{part, i == len(parts)-1 && strings.HasSuffix(field, "*")})
		}
	}
	switch {
	case len(words) == 0:
		return nil, &ParameterError{"q", "has nothing to search for: give letters or digits"}
	case len(words) > maxQueryWords:
		return nil, &ParameterError{"q", "has more than " + strconv.Itoa(maxQueryWords) + " words"}
	}
	return words, nil
}

// fewWords are found by looking through them as fast as in a map.
const fewWords = 32

type wordCollector struct {
	words []string
	seen  map[string]bool // the words, once they are more than few
}

func (c *wordCollector) add(texts ...string) {
	for _, text := range texts {
		for field := range strings.FieldsSeq(text) {
			parts := split(field)
			switch {
			case isID(field):
				parts = joined(parts)
			case isAddress(field):
				parts = append(parts, joined(parts)...)
			}
			c.addWords(parts)
		}
	}
}

func (c *wordCollector) addWords(words []string) {
	for _, word := range words {
		if len(c.words) < maxWords && !c.has(word) {
			c.words = append(c.words, word)
			c.note(word)
		}
	}
}

func (c *wordCollector) has(word string) bool {
	if c.seen == nil {
		return slices.Contains(c.words, word)
	}
	return c.seen[word]
}

// note keeps seen up to date with the word that was added last.
func (c *wordCollector) note(word string) {
	switch {
	case c.seen != nil:
		c.seen[word] = true
	case len(c.words) > fewWords:
		c.seen = make(map[string]bool, maxWords)
		for _, one := range c.words {
			c.seen[one] = true
		}
	}
}

// isID reports whether a text is the id of an order or a payment, or the beginning of one.
func isID(field string) bool {
	return strings.HasPrefix(field, "ord_") || strings.HasPrefix(field, "pi_")
}

func isAddress(field string) bool {
	name, host, ok := strings.Cut(field, "@")
	return ok && name != "" && host != ""
}

// joined is the parts as one word.
func joined(parts []string) []string {
	if len(parts) < 2 {
		return parts
	}
	return []string{cut(strings.Join(parts, ""))}
}

// split returns the runs of letters and digits, in lower case, without accents.
func split(text string) []string {
	words := strings.FieldsFunc(plain(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, word := range words {
		words[i] = cut(word)
	}
	return words
}

func cut(word string) string {
	if len(word) > maxWordLength {
		return strings.ToValidUTF8(word[:maxWordLength], "")
	}
	return word
}

func plain(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(text)))
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}
