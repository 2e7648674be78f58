package e2e_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/mobile/keystore/keystoretest"
	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/protocol"
)

// enrollFirst goes from the first page to an active account, by the keyboard.
func (p *person) enrollFirst(s *server, user string) {
	p.t.Helper()
	e := s.invite(user)
	p.sees("first-run")
	p.keys("Right", "Right")
	p.see("first-run")
	p.keys("Escape")
	p.sees("add")
	clip(p, e.InvitationURI)
	p.keys("ctrl+v", "Return") // the field has the focus
	p.sees("confirm")
	p.see("confirm")
	if n := len(p.accounts()); n != 0 {
		p.t.Fatalf("%d accounts before anything was agreed to", n)
	}
	p.keys("Tab", "Tab", "Return")
	p.newSecrets()
	p.sees("code")
	p.see("code")
	s.confirm(p, e)
	p.sees("home")
	p.see("home")
}

// newSecrets chooses a passphrase for the key file and a PIN.
func (p *person) newSecrets() {
	p.t.Helper()
	p.until("a secret is asked for", func() bool { return strings.HasPrefix(p.log.now(), "pin-") })
	for _, page := range []string{"pin-phrase", "pin-phrase_again"} {
		if p.log.now() == "pin-choose" {
			break // a chip keeps the key: no file to lock
		}
		p.sees(page)
		p.types(phrase)
		p.keys("Return")
	}
	for _, page := range []string{"pin-choose", "pin-repeat"} {
		p.sees(page)
		p.types(pin)
	}
}

// approveBy types the number, moves to Approve and gives the PIN.
func (p *person) approveBy(number string, tabs int) {
	p.t.Helper()
	p.sees("prompt")
	pause(settle)
	p.types(number)
	p.see("number")
	for range tabs {
		p.keys("Tab")
	}
	p.see("focused")
	p.keys("Return")
	p.sees("pin-approve")
	p.types(pin)
}

// How many times Tab goes from nothing to Approve.
const (
	tabsNarrow = 13 // eleven keys of the pad, the red button, Approve
)

func clip(p *person, s string) {
	p.t.Helper()
	p.runWith(s, "xclip", "-selection", "clipboard", "-in")
}

func TestAPersonEnrollsByAPastedLinkAndAnswers(t *testing.T) {
	s, p := newServer(t), newPerson(t, "narrow")
	p.open("--size", "390x844")
	p.enrollFirst(s, "ada")

	c := s.ask("ada", nil)
	p.approveBy(c.Match.Number, tabsNarrow)
	s.approved(c)
	p.sees("outcome-approved")
	p.see("approved")
	p.keys("Return")
	p.sees("home")

	t.Run("Enter alone never approves", func(t *testing.T) {
		c := s.ask("ada", nil)
		p.sees("prompt")
		pause(settle)
		p.types(c.Match.Number)
		p.keys("Return", "KP_Enter", "space", "Return")
		pause(settle)
		if now, err := s.Challenge(t.Context(), c.ID); err != nil || now.Status != protocol.StatusPending || p.log.now() != "prompt" {
			t.Fatalf("the challenge is %s, the page %s: %v", now.Status, p.log.now(), err)
		}
		p.keys("Escape")
		p.see("question")
		p.keys("Tab", "Return") // "It was not me"
		s.ends(c, protocol.StatusReported)
		p.sees("outcome-reported")
		p.see("reported")
		p.keys("Return")
	})
	t.Run("keys that were meant for something else are not taken", func(t *testing.T) {
		p.sees("home")
		c := s.ask("ada", func(r *application.ChallengeRequest) { r.TTLSeconds = 10 })
		p.until("the prompt", func() bool { return p.log.now() == "prompt" })
		p.run("xdotool", "type", "--delay", "5", c.Match.Number) // within the pause: nothing is typed
		p.see("just-raised")
		p.sees("outcome-expired") // and its time runs out in view
		p.see("expired")
		s.ends(c, protocol.StatusExpired)
		p.keys("Escape")
		p.sees("home")
	})
	t.Run("a wrong number ends the request", func(t *testing.T) {
		c := s.ask("ada", nil)
		wrong := "10"
		if c.Match.Number == wrong {
			wrong = "11"
		}
		p.approveBy(wrong, tabsNarrow)
		p.sees("outcome-wrong_number")
		p.see("wrong-number")
		s.ends(c, protocol.StatusFailed)
		p.keys("Return")
		p.sees("home")
	})
	t.Run("a wrong PIN is told and asked again", func(t *testing.T) {
		c := s.ask("ada", nil)
		p.sees("prompt")
		pause(settle)
		p.types(c.Match.Number)
		for range tabsNarrow {
			p.keys("Tab")
		}
		p.keys("Return")
		p.sees("pin-approve")
		p.types("999990")
		pause(2 * time.Second)
		p.see("wrong-pin")
		if p.log.now() != "pin-approve" {
			t.Fatalf("the page is %s", p.log.now())
		}
		p.types(pin)
		s.approved(c)
		p.sees("outcome-approved")
		p.keys("Return")
	})
	t.Run("the key moves into a chip", func(t *testing.T) {
		p.sees("home")
		p.close()
		p.env = append(p.env, "NOD_TPM_DEVICE="+keystoretest.StartTPM(t).Socket)
		p.open("--size", "390x844")
		p.sees("pin-unlock") // the old key is still behind the passphrase
		p.types(phrase)
		p.keys("Return")
		p.sees("home")
		p.keys("Tab", "Tab", "Return") // "+", the account
		p.sees("account")
		p.see("stronger")
		p.keys("Tab", "Tab", "Tab", "Return") // Back, the name, "Move the key"
		p.sees("pin-rotate")
		p.types(pin)
		p.until("the key is in the chip", func() bool { return len(p.accounts()) == 1 && p.accounts()[0].ApprovalKey.Level == "tpm" })
		p.sees("account")
		p.see("moved")
		c := s.ask("ada", nil)
		p.approveBy(c.Match.Number, tabsNarrow)
		s.approved(c)
		devices, err := s.Devices(t.Context(), "ada")
		if err != nil || len(devices) != 1 || devices[0].Levels.Approval.Level != protocol.LevelTPM {
			t.Fatalf("the server knows %+v %v", devices, err)
		}
		p.sees("outcome-approved")
	})
	t.Run("the other places", func(t *testing.T) {
		p.keys("Return")
		p.sees("account") // the place below the request
		p.keys("Escape")
		p.sees("home")
		p.keys("Tab", "Tab", "Tab", "Tab", "Return") // "+", the account, Accounts, Activity
		p.sees("activity")
		p.see("activity")
		p.clickPlace(5, 6)
		p.sees("settings")
		p.see("settings")
	})
}

// clickPlace clicks into the bar below, at a fraction of its width.
func (p *person) clickPlace(part, of int) {
	p.t.Helper()
	p.run("xdotool", "mousemove", "--window", p.window(), strconv.Itoa(390*part/of), "815", "click", "1")
}
