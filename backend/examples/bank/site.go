package main

import (
	"crypto/subtle"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/skip2/go-qrcode"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

//go:embed page
var pages embed.FS

var views = template.Must(template.ParseFS(pages, "page/*.html"))

// password is everybody's, for the demo.
const password = "demo"

// site is the sample site. It is safe for concurrent use.
type site struct {
	nod      *application.Client
	log      *slog.Logger
	attempts attempts

	mu      sync.Mutex
	invited map[string]application.Enrollment // by the id of a signed-in browser's invitation
}

func newSite(nod *application.Client, log *slog.Logger) http.Handler {
	s := &site{nod: nod, log: log, attempts: attempts{byID: map[string]*attempt{}}, invited: map[string]application.Enrollment{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { s.show(w, "signin", view{User: "ada"}) })
	mux.HandleFunc("POST /{$}", s.signIn)
	mux.HandleFunc("GET /check", s.check)
	mux.HandleFunc("GET /check/status", s.status)
	mux.HandleFunc("GET /account", s.account)
	mux.HandleFunc("GET /receipt", s.receipt)
	mux.HandleFunc("POST /signout", s.signOut)
	mux.HandleFunc("GET /device", s.device)
	mux.HandleFunc("GET /device/status", s.deviceStatus)
	mux.HandleFunc("POST /device", s.confirm)
	mux.HandleFunc("GET /bank.css", asset("bank.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /bank.js", asset("bank.js", "text/javascript; charset=utf-8"))
	return secure(mux)
}

// secure adds the headers that every page wants, and refuses posts from other sites.
func secure(next http.Handler) http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	}))
}

func asset(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		b, err := pages.ReadFile("page/" + name)
		if err != nil {
			http.Error(w, "missing", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(b)
	}
}

// view is what the pages show.
type view struct {
	User    string
	Error   string
	Number  string
	Seconds int
	Life    int
	Result  *protocol.Result
	Proof   string // of the key's level, in words
	Invite  application.Enrollment
	QR      template.URL
	Refused string
}

func (s *site) show(w http.ResponseWriter, name string, v view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := views.ExecuteTemplate(w, name+".html", v); err != nil {
		s.log.Error("show a page", "page", name, "error", err)
	}
}

func splitHost(address string) (host, port string, err error) { return net.SplitHostPort(address) }

// signIn checks the password, then asks Nod. A user without a device adds the first one now.
func (s *site) signIn(w http.ResponseWriter, r *http.Request) {
	user := r.PostFormValue("user")
	if user == "" || subtle.ConstantTimeCompare([]byte(r.PostFormValue("password")), []byte(password)) != 1 {
		s.show(w, "signin", view{User: user, Error: "That user name and password do not match. For this demo, the password is “demo”."})
		return
	}
	t, err := s.begin(r, user)
	var p *problem.Problem
	switch {
	case err == nil:
		s.attempts.add(t)
		setCookie(w, attemptCookie, t.id, attemptLife)
		http.Redirect(w, r, "/check", http.StatusSeeOther)
	case errors.As(err, &p) && p.Code == problem.UserHasNoDevice:
		s.invite(w, r, user)
	case errors.As(err, &p):
		s.show(w, "signin", view{User: user, Error: p.Detail})
	default:
		s.log.ErrorContext(r.Context(), "ask Nod", "error", err)
		s.show(w, "signin", view{User: user, Error: "The second step can't be reached, so nobody is let in. Try again in a minute."})
	}
}

func setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	// Secure is left out because the demo runs over http on loopback; a real site sets it.
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(life.Seconds()), HttpOnly: true, SameSite: http.SameSiteStrictMode}) // #nosec G124 -- loopback demo
}

func (s *site) check(w http.ResponseWriter, r *http.Request) {
	t := s.attempts.of(r)
	if t == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	select {
	case <-t.done:
		s.finished(w, r, t)
	default:
		life := t.challenge.ExpiresAt.Sub(t.challenge.CreatedAt)
		s.show(w, "check", view{User: t.user, Number: t.challenge.Match.Number, Life: int(life.Seconds()), Seconds: max(0, int(time.Until(t.challenge.ExpiresAt).Seconds()))})
	}
}

func (s *site) finished(w http.ResponseWriter, r *http.Request, t *attempt) {
	if t.result != nil {
		http.Redirect(w, r, "/account", http.StatusSeeOther)
		return
	}
	s.attempts.remove(t.id)
	s.show(w, "refused", view{User: t.user, Refused: t.refused})
}

// status tells the waiting page when to look again. It says nothing about the outcome.
func (s *site) status(w http.ResponseWriter, r *http.Request) {
	done := true
	if t := s.attempts.of(r); t != nil {
		select {
		case <-t.done:
		case <-r.Context().Done():
			done = false
		case <-time.After(25 * time.Second):
			done = false
		}
	}
	writeJSON(w, map[string]bool{"done": done})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// in returns the attempt of a signed-in browser: decided, and with a verified result.
func (s *site) in(r *http.Request) *attempt {
	t := s.attempts.of(r)
	if t == nil {
		return nil
	}
	select {
	case <-t.done:
		if t.result != nil {
			return t
		}
	default:
	}
	return nil
}

func (s *site) account(w http.ResponseWriter, r *http.Request) {
	t := s.in(r)
	if t == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	proof := "claimed by the device"
	if t.result.Proven {
		proof = "proven by attestation"
	}
	s.show(w, "account", view{User: t.user, Result: t.result, Proof: proof})
}

func (s *site) receipt(w http.ResponseWriter, r *http.Request) {
	t := s.in(r)
	if t == nil {
		http.Error(w, "sign in first", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/jose")
	w.Header().Set("Content-Disposition", `attachment; filename="receipt.jws"`)
	_, _ = w.Write([]byte(t.receipt))
}

func (s *site) signOut(w http.ResponseWriter, r *http.Request) {
	if t := s.attempts.of(r); t != nil {
		s.attempts.remove(t.id)
	}
	setCookie(w, attemptCookie, "", -time.Second)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

const inviteCookie = "bank_invite"

// invite starts the enrollment of a device for a user whose password was right and who has none.
func (s *site) invite(w http.ResponseWriter, r *http.Request, user string) {
	e, err := s.nod.CreateEnrollment(r.Context(), application.EnrollmentRequest{UserRef: user, UserLabel: user + "@example.com"})
	if err != nil {
		s.log.ErrorContext(r.Context(), "invite", "error", err)
		s.show(w, "signin", view{User: user, Error: "A device can't be added now. Try again in a minute."})
		return
	}
	key := protocol.RandomText(24)
	s.mu.Lock()
	s.invited[key] = e
	s.mu.Unlock()
	setCookie(w, inviteCookie, key, 15*time.Minute)
	http.Redirect(w, r, "/device", http.StatusSeeOther)
}

func (s *site) invitation(r *http.Request) (application.Enrollment, bool) {
	c, err := r.Cookie(inviteCookie)
	if err != nil {
		return application.Enrollment{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.invited[c.Value]
	return e, ok
}

func (s *site) device(w http.ResponseWriter, r *http.Request) {
	e, ok := s.invitation(r)
	if !ok {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s.showDevice(w, e, "")
}

func (s *site) showDevice(w http.ResponseWriter, e application.Enrollment, problem string) {
	png, err := qrcode.Encode(e.InvitationURI, qrcode.Medium, 320)
	if err != nil {
		s.log.Error("draw the code", "error", err)
	}
	s.show(w, "device", view{User: e.UserRef, Invite: e, Error: problem, QR: template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))}) // #nosec G203 -- our own bytes
}

// deviceStatus tells the page when the device has registered and shows its code.
func (s *site) deviceStatus(w http.ResponseWriter, r *http.Request) {
	e, ok := s.invitation(r)
	if !ok {
		writeJSON(w, map[string]string{"status": "expired"})
		return
	}
	now, err := s.nod.WaitEnrollment(r.Context(), e.ID, application.EnrollmentInvited)
	if err != nil {
		http.Error(w, "try again", http.StatusBadGateway)
		return
	}
	writeJSON(w, map[string]string{"status": string(now.Status)})
}

func (s *site) confirm(w http.ResponseWriter, r *http.Request) {
	e, ok := s.invitation(r)
	if !ok {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	done, err := s.nod.Confirm(r.Context(), e.ID, r.PostFormValue("code"))
	var p *problem.Problem
	switch {
	case errors.As(err, &p) && p.Code == problem.ConfirmCodeWrong:
		s.show(w, "signin", view{User: e.UserRef, Error: "That was not the code of the new device, so it was not added. Sign in to start again."})
	case errors.As(err, &p):
		s.showDevice(w, e, p.Detail)
	case err != nil:
		s.showDevice(w, e, "That did not work. Try again.")
	case done.Status != application.EnrollmentActive:
		s.showDevice(w, e, "The device is "+string(done.Status)+".")
	default:
		setCookie(w, inviteCookie, "", -time.Second)
		s.show(w, "signin", view{User: e.UserRef, Error: "", Refused: "added"})
	}
}
