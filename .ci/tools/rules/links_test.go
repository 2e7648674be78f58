package rules

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	markdownLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	markdownHeading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	codeBlock       = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	notInAnchor     = regexp.MustCompile(`[^\w\- ]`)
)

// Whoever reads a page must find the file, and the heading, that it points to.
func TestEveryLinkOfADocumentLeadsSomewhere(t *testing.T) {
	for _, name := range tracked(t) {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		text := codeBlock.ReplaceAllString(string(read(t, name)), "")
		for _, m := range markdownLink.FindAllStringSubmatch(text, -1) {
			link, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(link, ":") {
				continue // elsewhere
			}
			target := filepath.Join(filepath.Dir(name), link)
			if link == "" {
				target = name
			}
			if _, err := os.Stat(filepath.Join(root(), target)); err != nil {
				t.Errorf("%s points to %s, which does not exist", name, m[1])
				continue
			}
			if anchor != "" && strings.HasSuffix(target, ".md") && !hasHeading(string(read(t, target)), anchor) {
				t.Errorf("%s points to %s, which has no such heading", name, m[1])
			}
		}
	}
}

// hasHeading tells whether a heading of the text has this anchor, by the rule that most viewers of Markdown follow.
func hasHeading(text, anchor string) bool {
	for _, m := range markdownHeading.FindAllStringSubmatch(text, -1) {
		words := notInAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		if strings.ReplaceAll(words, " ", "-") == anchor {
			return true
		}
	}
	return false
}
