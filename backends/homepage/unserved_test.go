package homepage

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestUnservedTrafficIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 13, 50, 0, 0, time.UTC)
	var log UnservedLog
	for i := range 2000 {
		if i%10 == 0 {
			log.Add(UnknownHost, "often.example", "", now)
		}
		log.Add(UnknownHost, fmt.Sprintf("%d.%s", i, strings.Repeat("x", 1000)), "", now)
	}
	log.Add(OtherName, "a.example\x1b[31m\xff", "b.example", now.Add(time.Second))
	all := log.All()
	if len(all) != 2 || all[0].Kind != UnknownHost || all[1].Kind != OtherName {
		t.Fatalf("%+v", all)
	}
	hosts := all[0]
	if hosts.Total != 2200 || len(hosts.Names) != MostUnserved {
		t.Errorf("%d in all, %d names", hosts.Total, len(hosts.Names))
	}
	if first := hosts.Names[0]; first.Name != "often.example" || first.Count != 200 || !first.First.Equal(now) {
		t.Errorf("the most frequent: %+v", first)
	}
	sum := hosts.Rest
	for _, name := range hosts.Names {
		sum += name.Count
		if len(name.Name) > maxName {
			t.Errorf("a name of %d bytes", len(name.Name))
		}
	}
	if sum != hosts.Total {
		t.Errorf("names and rest come to %d of %d", sum, hosts.Total)
	}
	if other := all[1].Names[0]; other.Name != "a.example�[31m�" || other.SNI != "b.example" || other.Count != 1 {
		t.Errorf("%+v", other)
	}
}
