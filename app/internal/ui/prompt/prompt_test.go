package prompt_test

import (
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/ui/gallery"
	"github.com/nod-auth/nod/app/internal/ui/prompt"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// stage is a prompt in a window, a clock, and what it was told.
type stage struct {
	t       *testing.T
	now     time.Time
	win     fyne.Window
	p       *prompt.Prompt
	answers []string
}

func newStage(t *testing.T, wide bool, change func(*prompt.Request)) *stage {
	t.Helper()
	app := test.NewTempApp(t)
	app.Settings().SetTheme(theme.Default())
	if err := gallery.Prepare(gallery.Look{}); err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, now: gallery.Now}
	r := gallery.SignIn()
	if change != nil {
		change(&r)
	}
	say := func(what string) func() { return func() { s.answers = append(s.answers, what) } }
	p, err := prompt.New(prompt.Params{
		Request: r, Now: func() time.Time { return s.now },
		Approve: func(n string) { s.answers = append(s.answers, "approve "+n) },
		Deny:    say("deny"), Report: say("report"), Expired: say("expired"),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.p = p
	s.win = test.NewTempWindow(t, p)
	s.win.SetPadded(false)
	size := gallery.NarrowSize
	if wide {
		size = gallery.WideSize
	}
	s.win.Resize(size)
	s.win.Canvas().SetOnTypedRune(p.TypedRune)
	s.win.Canvas().SetOnTypedKey(p.TypedKey)
	return s
}

// settled moves the clock past the pause.
func (s *stage) settled() *stage { s.now = s.now.Add(700 * time.Millisecond); return s }

func (s *stage) key(name fyne.KeyName) {
	if f := s.win.Canvas().Focused(); f != nil {
		f.TypedKey(&fyne.KeyEvent{Name: name})
		return
	}
	s.win.Canvas().OnTypedKey()(&fyne.KeyEvent{Name: name})
}

func (s *stage) typed(text string) {
	for _, r := range text {
		if f := s.win.Canvas().Focused(); f != nil {
			f.TypedRune(r)
		} else {
			s.win.Canvas().OnTypedRune()(r)
		}
	}
}

func (s *stage) button(label string) *widgets.Button {
	s.t.Helper()
	b := gallery.FindButton(s.win.Content(), label)
	if b == nil {
		s.t.Fatalf("no button %q is seen", label)
	}
	return b
}

func (s *stage) press(text string) fyne.Tappable {
	s.t.Helper()
	b := gallery.FindPress(s.win.Content(), text)
	if b == nil {
		s.t.Fatalf("nothing to tap says %q", text)
	}
	return b
}

func (s *stage) want(answers ...string) {
	s.t.Helper()
	if len(answers) != len(s.answers) {
		s.t.Fatalf("answers = %v, want %v", s.answers, answers)
	}
	for i := range answers {
		if answers[i] != s.answers[i] {
			s.t.Fatalf("answers = %v, want %v", s.answers, answers)
		}
	}
}

func TestT07_ApproveIsDeadUntilTheNumberIsComplete(t *testing.T) {
	for _, wide := range []bool{false, true} {
		s := newStage(t, wide, nil).settled()
		b := s.button("Approve")
		if !b.Disabled() {
			t.Fatal("Approve is alive before a digit was typed")
		}
		test.Tap(b)
		s.typed("4")
		if !b.Disabled() {
			t.Fatal("Approve is alive after one digit of two")
		}
		s.typed("2")
		if b.Disabled() {
			t.Fatal("Approve is dead although the number is complete")
		}
		s.want()
		test.Tap(b)
		s.want("approve 42")
	}
}

func TestT07_EnterNeverApproves(t *testing.T) {
	s := newStage(t, false, nil).settled()
	s.typed("42")
	s.key(fyne.KeyReturn)
	s.key(fyne.KeyEnter)
	s.key(fyne.KeySpace)
	if s.win.Canvas().Focused() != nil {
		t.Fatal("something took the focus by itself")
	}
	s.want()
	for range 40 { // the person moves the focus to Approve
		s.win.Canvas().FocusNext()
		if b, ok := s.win.Canvas().Focused().(*widgets.Button); ok && b.Text() == "Approve" {
			s.key(fyne.KeyReturn)
			s.want("approve 42")
			return
		}
	}
	t.Fatal("Approve cannot be reached with Tab")
}

func TestT07_DigitsReachThePromptWhereverTheFocusIs(t *testing.T) {
	s := newStage(t, true, nil).settled()
	s.win.Canvas().Focus(s.button("It is not me"))
	s.typed("42")
	if s.button("Approve").Disabled() {
		t.Fatal("digits were lost")
	}
	s.key(fyne.KeyBackspace)
	if !s.button("Approve").Disabled() {
		t.Fatal("Backspace was lost")
	}
}

func TestT07_NothingIsAcceptedInTheFirstMoment(t *testing.T) {
	for _, match := range []prompt.Match{prompt.Enter, prompt.Choose, prompt.None, prompt.Compare} {
		s := newStage(t, false, func(r *prompt.Request) {
			r.Match, r.Options, r.Code = match, []string{"17", "42", "86"}, "738204"
		})
		s.now = s.now.Add(599 * time.Millisecond)
		s.typed("42")
		if match == prompt.Choose {
			test.Tap(s.press("42"))
		} else {
			test.Tap(s.button("Approve"))
		}
		s.key(fyne.KeyEscape)
		s.want()
		if gallery.FindPress(s.win.Content(), "It was not me") != nil {
			t.Fatalf("%s: the question opened at once", match)
		}
	}
}

func TestT07_RaisingTheWindowStartsThePauseAnew(t *testing.T) {
	s := newStage(t, false, func(r *prompt.Request) { r.Match = prompt.None }).settled()
	s.p.Appeared()
	test.Tap(s.button("Approve"))
	s.want()
	s.settled()
	test.Tap(s.button("Approve"))
	s.want("approve ")
}

func TestT07_TappingTheNumberIsTheApprovalOnChoose(t *testing.T) {
	s := newStage(t, false, func(r *prompt.Request) { r.Match, r.Options = prompt.Choose, []string{"17", "42", "86"} }).settled()
	if gallery.FindButton(s.win.Content(), "Approve") != nil {
		t.Fatal("choose has an Approve button")
	}
	test.Tap(s.press("42"))
	test.Tap(s.press("17"))
	s.want("approve 42")
}

func TestT07_OneAnswerOnly(t *testing.T) {
	s := newStage(t, false, func(r *prompt.Request) { r.Match = prompt.None }).settled()
	b := s.button("Approve")
	test.Tap(b)
	test.Tap(b)
	s.key(fyne.KeyEscape)
	s.want("approve ")
}

func TestT07_UnknownPartsCannotBeApproved(t *testing.T) {
	for _, match := range []prompt.Match{prompt.Enter, prompt.Choose, prompt.Compare, prompt.None, "telepathy"} {
		s := newStage(t, false, func(r *prompt.Request) {
			r.Match, r.Options, r.Code, r.Unknown = match, []string{"17", "42"}, "1234", []string{"x_seal"}
		}).settled()
		s.typed("42")
		if b := gallery.FindButton(s.win.Content(), "Approve"); b != nil {
			if !b.Disabled() {
				t.Errorf("%s: Approve is alive", match)
			}
			test.Tap(b)
		}
		if gallery.FindPress(s.win.Content(), "42") != nil {
			t.Errorf("%s: a number to choose is offered", match)
		}
		if !gallery.Shows(s.win.Content(), "cannot be approved here") {
			t.Errorf("%s: no sentence says why", match)
		}
		s.want()
	}
}

func TestT07_AnUnknownWayToMatchCannotBeApproved(t *testing.T) {
	s := newStage(t, false, func(r *prompt.Request) { r.Match = "telepathy" }).settled()
	s.typed("42")
	test.Tap(s.button("Approve"))
	s.want()
}

func TestTheRedButtonAsksOneQuestion(t *testing.T) {
	for label, want := range map[string]string{"It was not me": "report", "Wrong request": "deny"} {
		s := newStage(t, false, nil).settled()
		test.Tap(s.button("It is not me"))
		s.want()
		s.typed("42") // digits are not for the prompt behind
		test.Tap(s.press(label))
		s.want(want)
	}
}

func TestEscapeOpensAndClosesTheQuestion(t *testing.T) {
	s := newStage(t, true, nil).settled()
	s.key(fyne.KeyEscape)
	s.press("It was not me")
	s.key(fyne.KeyEscape)
	if gallery.FindPress(s.win.Content(), "It was not me") != nil {
		t.Fatal("the question is still there")
	}
	s.typed("42")
	test.Tap(s.button("Approve"))
	s.want("approve 42")
}

func TestThePromptClosesItselfOnExpiry(t *testing.T) {
	s := newStage(t, false, nil).settled()
	s.typed("42")
	s.now = s.now.Add(2 * time.Minute)
	test.Tap(s.button("Approve")) // expired, though no tick has come yet
	s.want()
	s.p.Tick(s.now)
	s.p.Tick(s.now.Add(time.Second))
	s.want("expired")
	if !s.button("It is not me").Disabled() {
		t.Fatal("an expired prompt still takes answers")
	}
}

func TestAFailedAnswerCanBeGivenAgain(t *testing.T) {
	s := newStage(t, false, nil).settled()
	s.typed("42")
	test.Tap(s.button("Approve"))
	s.p.Failed("Your PIN was not entered.")
	if !gallery.Shows(s.win.Content(), "Your PIN was not entered.") {
		t.Fatal("the reason is not shown")
	}
	test.Tap(s.button("Approve"))
	s.want("approve 42", "approve 42")
}

func TestWhatIsUnusualComesFirst(t *testing.T) {
	s := newStage(t, false, func(r *prompt.Request) {
		r.Place.Unusual, r.When.Unusual = "", "at night"
	})
	texts := gallery.Texts(s.win.Content())
	when, where := -1, -1
	for i, x := range texts {
		switch x {
		case "When":
			when = i
		case "Where":
			where = i
		}
	}
	if when < 0 || where < 0 || when > where {
		t.Fatalf("texts = %q, want When before Where", texts)
	}
}

func TestAMissingFunctionIsRefused(t *testing.T) {
	if _, err := prompt.New(prompt.Params{Request: gallery.SignIn()}); err == nil {
		t.Fatal("a prompt without functions was made")
	}
}

// A phone has no keyboard: there the pad stays, and scrolls.
func TestALowWindowShowsTheWholeAnswer(t *testing.T) {
	s := newStage(t, false, nil).settled()
	if gallery.FindPress(s.win.Content(), "7") == nil {
		t.Fatal("a high window has no pad")
	}
	s.win.Resize(fyne.NewSize(390, 560))
	pad := gallery.FindPress(s.win.Content(), "7") != nil
	if phone := fyne.CurrentDevice().IsMobile(); pad != phone || gallery.Shows(s.win.Content(), "Type with the keyboard") == phone {
		t.Errorf("on a phone %v: pad shown %v", phone, pad)
	}
	s.typed("42")
	test.Tap(s.button("Approve"))
	s.want("approve 42")
}

func TestWhatIsTypedIsSeenHoweverLowTheWindow(t *testing.T) {
	s := newStage(t, false, nil).settled()
	s.win.Resize(fyne.NewSize(390, 360))
	s.typed("4")
	seen := false
	gallery.Walk(s.win.Content(), func(o fyne.CanvasObject, at fyne.Position) bool {
		if x, ok := o.(*widgets.Text); ok && x.String() == "4" && at.Y+x.Size().Height <= 360 {
			seen = true
		}
		return true
	})
	if !seen {
		t.Error("the digit is out of sight")
	}
}

func TestServerTextsCannotPushTheContextOutOfSight(t *testing.T) {
	s := newStage(t, false, func(r *prompt.Request) {
		r.Title, r.Message = "Sign in?\n\n\n\n\n\n\n\n\n\n", "a\n\n\n\n\n\n\n\n\n\n\n\nb"
	})
	seen := false
	gallery.Walk(s.win.Content(), func(o fyne.CanvasObject, at fyne.Position) bool {
		if x, ok := o.(*widgets.Text); ok && x.String() == "Porto, Portugal" && at.Y < 300 {
			seen = true
		}
		return true
	})
	if !seen {
		t.Error("empty lines moved the place out of sight")
	}
}

func TestAnEndedRequestCanStillBeReported(t *testing.T) {
	s := newStage(t, false, nil)
	reported := 0
	for _, r := range []prompt.Result{prompt.ExpiredNow, prompt.WrongNumber, prompt.Elsewhere, prompt.Approved} {
		o := prompt.NewOutcome(prompt.OutcomeParams{Result: r, Done: func() {}, Report: func() { reported++ }})
		s.win.SetContent(o)
		test.Tap(gallery.FindButton(o, "It was not me"))
	}
	if reported != 4 {
		t.Errorf("reported %d times, want 4", reported)
	}
}
