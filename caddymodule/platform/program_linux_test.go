package platform

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestParseMappings(t *testing.T) {
	t.Parallel()
	got, err := parseMappings(strings.NewReader(`00400000-0230a000 r-xp 00000000 fe:00 10822403                           /opt/a folder/caddy
Size:              31784 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
0230a000-04a7f000 r--p 01f0a000 fe:00 10822403                           /opt/a folder/caddy
Anonymous:            12 kB
04a7f000-04c04000 rw-p 0467f000 fe:00 10822403                           /opt/a folder/caddy
Anonymous:           412 kB
7ffd4a5f0000-7ffd4a611000 rw-p 00000000 00:00 0                          [stack]
7ffd4a6f0000-7ffd4a6f1000 r--p 00000000 00:00 0
`))
	const program = "/opt/a folder/caddy"
	want := []mapping{
		{0x400000, 0x230a000, false, false, program},
		{0x230a000, 0x4a7f000, false, true, program},
		{0x4a7f000, 0x4c04000, true, true, program},
		{0x7ffd4a5f0000, 0x7ffd4a611000, true, false, "[stack]"},
		{0x7ffd4a6f0000, 0x7ffd4a6f1000, false, false, ""},
	}
	if err != nil || len(got) != len(want) {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}

// What the program has of its file in memory gets less, and it goes on.
func TestForgetProgram(t *testing.T) {
	t.Parallel()
	before := programInMemory(t)
	if err := forgetProgram(); err != nil {
		t.Fatal(err)
	}
	if after := programInMemory(t); after >= before {
		t.Errorf("%d kB of the program were in memory, and %d are", before, after)
	}
}

// programInMemory is how much of the program's file is mapped and present, in kB.
func programInMemory(t *testing.T) (kB int) {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ours := false
	for line := range strings.Lines(string(smaps)) {
		fields := strings.Fields(line)
		if strings.Contains(fields[0], "-") {
			ours = fields[len(fields)-1] == program
		}
		if ours && fields[0] == "Rss:" {
			present, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			kB += present
		}
	}
	return kB
}
