package configdiff

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// minSecret is the length from which a value is looked for in texts: shorter
// ones are in every other word.
const minSecret = 4

// Redact takes out of an error what may be secret, also every value that the
// configuration it is about, in JSON or in another format, has under a telling
// name.
func Redact(text string, config []byte) string {
	var secrets []string
	var root any
	if json.Unmarshal(config, &root) == nil {
		secrets = secretsOf(root, false)
	} else {
		secrets = secretsOfLines(config)
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // one may contain another
	for _, secret := range secrets {
		if len(secret) >= minSecret {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return homepage.Redact(text)
}

// secretsOf are the texts below telling names.
func secretsOf(value any, secret bool) (found []string) {
	switch v := value.(type) {
	case object:
		for key, value := range v {
			found = append(found, secretsOf(value, secret || homepage.IsSecretName(key))...)
		}
	case []any:
		for _, value := range v {
			found = append(found, secretsOf(value, secret)...)
		}
	case string:
		if secret {
			found = append(found, v)
		}
	}
	return found
}

// secretsOfLines are the words that follow a telling one on its line, as in a
// Caddyfile, but for placeholders.
func secretsOfLines(config []byte) (found []string) {
	for line := range bytes.Lines(config) {
		secret := false
		for _, word := range strings.Fields(string(line)) {
			if secret && !strings.HasPrefix(word, "{") {
				found = append(found, strings.Trim(word, "\"`"))
			}
			secret = secret || homepage.IsSecretName(word)
		}
	}
	return found
}
