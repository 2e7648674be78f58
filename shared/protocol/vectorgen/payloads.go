package main

import (
	"time"

	"github.com/nod-auth/nod/shared/protocol"
	"github.com/nod-auth/nod/shared/protocol/vectors"
)

func (w *world) enrollmentPayload() *protocol.Enrollment {
	return &protocol.Enrollment{Audience: server, IssuedAt: at(0), ExpiresAt: at(5 * time.Minute), Token: w.token, Root: w.kid("root"),
		Approval: protocol.ApprovalKey{JWK: w.public("approval"), Proof: w.approvalProof("approval", w.approvalPayload())},
		Device:   protocol.DeviceInfo{Name: "Ada's phone", Model: "Pixel 9", Platform: "android", AppVersion: "1.0.0"},
		Levels:   protocol.KeyLevels{Device: protocol.LevelTEE, Approval: protocol.LevelStrongBox}, Handle: fixed("handle", 16)}
}

func (w *world) approvalPayload() *protocol.ApprovalProof {
	return &protocol.ApprovalProof{Audience: server, TokenHash: protocol.TokenHash(w.token), DeviceKey: w.kid("device")}
}

func (w *world) approvalProof(key string, payload any) string {
	return w.forge(key, w.header(protocol.TypeApprovalProof, key), encode(payload))
}

func (w *world) enrolledPayload(enrollment string) *protocol.Enrolled {
	return &protocol.Enrolled{Issuer: server, Tenant: w.tenant, Audience: w.device, IssuedAt: at(2 * time.Second), EnrollmentHash: protocol.Hash(enrollment),
		Enrollment: w.enrollment, Company: company, User: protocol.ChallengeUser{Ref: userRef, Name: userName}, ConfirmCode: "204816",
		Requirements: protocol.Requirements{KeyLevel: protocol.LevelTEE}, VAPID: w.vapid()}
}

// challengePayload is a sign-in with two digits to enter; the number is 47.
func (w *world) challengePayload() *protocol.Challenge {
	return &protocol.Challenge{Issuer: server, Tenant: w.tenant, Audience: []protocol.DeviceID{w.device, w.otherDevice}, ID: w.challenge, Nonce: fixed("nonce", 16),
		IssuedAt: at(-20 * time.Second), ExpiresAt: at(70 * time.Second), User: protocol.ChallengeUser{Ref: userRef, Name: userName},
		Application:     protocol.ChallengeApplication{ID: w.application, Name: "Example Bank online"},
		Action:          protocol.Action{Kind: "sign_in", Title: "Sign in to Example Bank"},
		Context:         protocol.Context{IP: "203.0.113.7", Location: "Vienna, Austria", Browser: "Firefox on Linux"},
		Match:           protocol.Match{Mode: protocol.MatchEnter, Digits: 2, Commitment: protocol.Commitment(w.saltBytes(), w.challenge, "47")},
		TransactionHash: protocol.TokenHash(transaction)}
}

// paymentPayload is a transfer with six digits to enter and user verification; the number is 031337.
func (w *world) paymentPayload() *protocol.Challenge {
	c := w.challengePayload()
	c.Action = protocol.Action{Kind: "payment", Title: "Send money", Message: "First payment to this payee."}
	c.Details = []protocol.Detail{{Label: "Amount", Value: "1,250.00 EUR", Kind: "amount"}, {Label: "Payee", Value: "Stadtwerke Wien", Kind: "payee"}}
	c.Match = protocol.Match{Mode: protocol.MatchEnter, Digits: 6, Commitment: protocol.Commitment(w.saltBytes(), w.challenge, "031337")}
	c.Requirements = protocol.Requirements{UserVerification: true, KeyLevel: protocol.LevelTEE}
	c.RiskReasons = []protocol.RiskReason{{Code: "first_payment_to_payee", About: "payee"}, {Code: "new_browser", About: "browser"}}
	return c
}

// choosePayload offers three numbers; the right one is 47.
func (w *world) choosePayload() *protocol.Challenge {
	c := w.challengePayload()
	c.Match.Mode, c.Match.Options = protocol.MatchChoose, []string{"12", "47", "83"}
	return c
}

func (w *world) comparePayload() *protocol.Challenge {
	c := w.challengePayload()
	c.Match = protocol.Match{Mode: protocol.MatchCompare, Code: "K7 M2"}
	return c
}

func (w *world) nonePayload() *protocol.Challenge {
	c := w.challengePayload()
	c.Match = protocol.Match{Mode: protocol.MatchNone}
	return c
}

// decisionPayload approves with 47.
func (w *world) decisionPayload(challenge string) *protocol.Decision {
	return &protocol.Decision{Issuer: w.device, Audience: server, Tenant: w.tenant, ID: fixed("decision", 16), IssuedAt: at(-5 * time.Second), Challenge: w.challenge,
		ChallengeHash: protocol.Hash(challenge), Answer: protocol.Approve, Number: "47", UserVerification: "biometric", Counter: 12}
}

func (w *world) updatePayload(action protocol.UpdateAction) *protocol.Update {
	u := &protocol.Update{Issuer: w.device, Audience: server, Tenant: w.tenant, ID: fixed("update", 16), IssuedAt: at(0), Nonce: fixed("server nonce", 24),
		Method: "POST", URL: server + "/device/v1/updates", Action: action}
	switch action {
	case protocol.UpdatePush:
		u.Push = &protocol.PushAddress{Channel: "fcm", Kind: "token", Address: "example-registration-token", App: "example.app"}
	case protocol.UpdateRename:
		u.Name = "Ada's new phone"
	case protocol.UpdateReplaceKey:
		u.UserVerification = "pin"
		u.Key = &protocol.NewKey{Role: protocol.RoleApproval, JWK: w.public("new_approval"), Level: protocol.LevelStrongBox,
			Proof: w.keyProof("new_approval", w.keyProofPayload("approval"))}
	case protocol.UpdateUnenroll:
	}
	return u
}

func (w *world) keyProofPayload(replaces string) *protocol.KeyProof {
	return &protocol.KeyProof{Audience: server, Tenant: w.tenant, Device: w.device, Replaces: w.kid(replaces)}
}

func (w *world) keyProof(key string, payload any) string {
	return w.forge(key, w.header(protocol.TypeKeyProof, key), encode(payload))
}

func (w *world) proofPayload() *protocol.Proof {
	return &protocol.Proof{Issuer: w.device, ID: fixed("proof", 16), IssuedAt: at(0), Method: "GET", URL: server + "/device/v1/challenges", Nonce: fixed("server nonce", 24)}
}

func (w *world) challengeJWS(payload any) string {
	return w.forge("tenant", w.header(protocol.TypeChallenge, "tenant"), encode(payload))
}

func (w *world) decisionJWS(key string, payload any) string {
	return w.forge(key, w.header(protocol.TypeDecision, key), encode(payload))
}

// outcome is what a result is made of.
type outcome struct {
	status    protocol.Status
	challenge any      // payload
	key       string   // signs the decision; empty: there is none
	decide    []change // of the decision that approves with 47
	acr       string
	amr       []string
}

// resultPayload builds a result and its evidence.
func (w *world) resultPayload(o outcome) *protocol.Result {
	challenge := w.challengeJWS(o.challenge)
	r := &protocol.Result{Issuer: server, Tenant: w.tenant, Audience: w.application, Subject: userRef, ID: fixed("result", 16), IssuedAt: at(0), ExpiresAt: at(2 * time.Minute),
		Challenge: w.challenge, Status: o.status, Transaction: transaction, ACR: o.acr, AMR: o.amr, Evidence: protocol.Evidence{Challenge: challenge, Salt: w.salt}}
	if o.key != "" {
		r.Evidence.Decision = w.decisionJWS(o.key, edited(w.decisionPayload(challenge), o.decide...))
		r.Confirmation = &protocol.Confirmation{JWK: w.public(o.key)}
		r.Device = &protocol.ResultDevice{ID: w.device, Name: "Ada's phone", Platform: "android"}
		r.Level, r.Proven = protocol.LevelStrongBox, true
	}
	return r
}

// approved is the result of the sign-in with the right number and a fingerprint.
func (w *world) approved() outcome {
	return outcome{status: protocol.StatusApproved, challenge: w.challengePayload(), key: "approval",
		acr: "urn:nod:acr:number-verified", amr: []string{"pop", "hwk", "user", "mfa"}}
}

// answered is a result of a decision by the device key.
func (w *world) answered(status protocol.Status, answer protocol.Answer, reason string) outcome {
	return outcome{status: status, challenge: w.challengePayload(), key: "device",
		decide: []change{{"decision", answer}, {"number", absent}, {"user_verification", absent}, {"reason", reason}}}
}

func (w *world) resultGiven() vectors.Given {
	return vectors.Given{Now: at(10 * time.Second).Time().Unix(), Keys: "current", Expect: w.expect()}
}

func (w *world) expect() *vectors.Expect {
	return &vectors.Expect{Issuer: server, Tenant: w.tenant, Audience: w.application, Subject: userRef, Transaction: transaction}
}
