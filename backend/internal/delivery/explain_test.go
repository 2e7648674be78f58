package delivery_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/nod-auth/nod/backend/internal/delivery"
)

var (
	docSection = regexp.MustCompile(`(?m)^## .*?(APNs|FCM|WebPush)`)
	docCode    = regexp.MustCompile("`([A-Za-z_0-9]+)`")
)

// docs/push.md and `nodd push test` know the same codes.
func TestTheManualAndTheProgramExplainTheSameCodes(t *testing.T) {
	manual, err := os.ReadFile("../../../docs/push.md")
	if err != nil {
		t.Fatal(err)
	}
	unknown := delivery.Explain(delivery.APNs, "a code that nobody knows")
	channel, rows := delivery.Channel(""), 0
	for line := range strings.Lines(string(manual)) {
		if strings.HasPrefix(line, "## ") {
			channel = ""
			if m := docSection.FindStringSubmatch(line); m != nil {
				channel = delivery.Channel(strings.ToLower(m[1]))
			}
		}
		if channel == "" || !strings.HasPrefix(line, "| `") {
			continue
		}
		cell, _, _ := strings.Cut(line[2:], "|")
		for _, m := range docCode.FindAllStringSubmatch(cell, -1) {
			rows++
			if delivery.Explain(channel, m[1]) == unknown {
				t.Errorf("docs/push.md lists %s %s, which the program does not explain", channel, m[1])
			}
		}
	}
	if rows < 25 {
		t.Errorf("only %d codes found in the manual: has its form changed?", rows)
	}
	if strings.Contains(delivery.Explain(delivery.FCM, ""), "does not know") {
		t.Error("success is not explained")
	}
}
