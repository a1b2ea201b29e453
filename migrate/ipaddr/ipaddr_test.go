package ipaddr

import "testing"

func TestParse(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"10.1.2.3":               "10.1.2.3/32",
		"10":                     "10.0.0.0/8",
		"10.1":                   "10.1.0.0/16",
		"10.1.":                  "10.1.0.0/16",
		"172.16.0.0/12":          "172.16.0.0/12",
		"10.1/16":                "10.1.0.0/16",
		"10.1.0.0/255.255.0.0":   "10.1.0.0/16",
		"192.168.1.77/24":        "192.168.1.0/24",
		"::1":                    "::1/128",
		"2001:db8::/32":          "2001:db8::/32",
		"::ffff:10.0.0.1":        "10.0.0.1/32",
		"10.1.0.0/255.0.255.0":   "",
		"host.example":           "",
		"10.1.2.3/33":            "",
		"10.1.2.3.4":             "",
		"256.1":                  "",
		"":                       "",
		"10.1.2.3/255.255.0.0.0": "",
	}
	for text, want := range tests {
		prefix, err := Parse(text)
		if got := prefix.String(); err == nil && got != want || err != nil && want != "" {
			t.Errorf("Parse(%q) = %v, %v; want %q", text, got, err, want)
		}
	}
}
