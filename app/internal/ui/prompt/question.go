package prompt

import (
	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// question is what the red button opens: one question with two answers.
type question struct {
	page     fyne.CanvasObject
	notMe    *widgets.Press
	wrong    *widgets.Press
	backward *widgets.Button
}

func newQuestion(s *Prompt) *question {
	q := &question{}
	q.notMe = answerCard(resource.IconCross, theme.Bad, theme.BadWeak, text("deny.not_me"), text("deny.not_me.sub"), func() { s.refuse(true) })
	q.wrong = answerCard(resource.IconPen, theme.Primary, theme.Weak, text("deny.wrong"), text("deny.wrong.sub"), func() { s.refuse(false) })
	q.backward = widgets.NewButton(widgets.Quiet, text("deny.back"), func() { s.ask(false) })
	q.page = widgets.NewPage(widgets.PageParams{
		Head: widgets.Header(s.p.Request.who(), nil), Gap: 20, MaxWidth: 480, Center: false,
		Body: widgets.Column(0, widgets.T(text("deny.title"), theme.Title, theme.Ink), widgets.Room(6),
			widgets.T(text("deny.lead"), theme.Body, theme.Secondary), widgets.Room(18),
			q.notMe, widgets.Room(12), q.wrong),
		Foot: q.backward,
	})
	return q
}

// answerCard is a large tappable answer.
func answerCard(icon resource.Icon, c, ground theme.Token, title, sub string, onTap func()) *widgets.Press {
	side := theme.Current().Grown(40)
	mark := widgets.MiddlePanel(widgets.Surface{Fill: ground, Radius: -1, Least: fyne.NewSize(side, side)}, widgets.NewIcon(icon, 20, c))
	return widgets.NewPress(widgets.CardSurface(widgets.Around(16)),
		widgets.Row(14, 1, mark, widgets.Column(2, widgets.T(title, theme.Heading, theme.Ink), widgets.T(sub, theme.Body, theme.Secondary)),
			widgets.NewIcon(resource.IconNext, 16, theme.Secondary)), onTap)
}
