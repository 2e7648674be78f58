package settings

import (
	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// Health is how a line of the diagnostics stands.
type Health int

// The states of a line.
const (
	Plain Health = iota
	Good
	Doubtful
	Bad
)

var healthInk = map[Health]theme.Token{Plain: theme.Secondary, Good: theme.OK, Doubtful: theme.Warn, Bad: theme.Bad}

// Line is one fact of the diagnostics: "Server reachable: yes, 14 ms".
type Line struct {
	Icon   resource.Icon
	Label  string
	Value  string
	Health Health
}

// Part is the lines of one account, or of the app.
type Part struct {
	Title string
	Lines []Line
}

// DiagnosticsParams makes the page. What is copied for support holds no secret:
// whoever fills OnCopy sees to it.
type DiagnosticsParams struct {
	Parts  []Part
	OnCopy func()
	OnBack func()
}

// NewDiagnostics makes the page.
func NewDiagnostics(p DiagnosticsParams) fyne.CanvasObject {
	body := widgets.Column(10)
	for _, part := range p.Parts {
		rows := make([]fyne.CanvasObject, 0, len(part.Lines))
		for _, l := range part.Lines {
			rows = append(rows, widgets.NewRow(widgets.RowParams{Icon: l.Icon, Title: l.Label, Value: l.Value, Color: healthInk[l.Health]}))
		}
		body.Add(widgets.Section(part.Title))
		body.Add(widgets.Group(rows...))
	}
	foot := widgets.Column(10, widgets.Center(text("diagnostics.no_secrets"), theme.Label, theme.Secondary),
		widgets.NewButton(widgets.Weak, text("diagnostics.copy"), p.OnCopy))
	return sub(text("settings.diagnostics"), body, foot, p.OnBack)
}
