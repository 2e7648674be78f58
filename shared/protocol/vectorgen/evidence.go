package main

import (
	"time"

	"github.com/nod-auth/nod/shared/protocol"
	"github.com/nod-auth/nod/shared/protocol/vectors"
)

// evidences are results that the tenant key has signed: what its server says is not believed beyond the evidence.
func (w *world) evidences() []vectors.Message {
	k := kind{w: w, t: protocol.TypeResult, key: "tenant", given: w.resultGiven()}
	var out []vectors.Message
	for _, part := range [][]vectors.Message{w.proven(k), w.foreignChallenges(k), w.foreignDecisions(k), w.falseStatus(k), w.falseClaims(k)} {
		out = append(out, part...)
	}
	return out
}

func (w *world) proven(k kind) []vectors.Message {
	six := w.approved()
	six.challenge, six.decide, six.amr = w.paymentPayload(), []change{{"number", "031337"}, {"user_verification", "pin"}}, []string{"pop", "hwk", "user", "pin", "mfa"}
	choose := w.approved()
	choose.challenge = w.choosePayload()
	compare := w.approved()
	compare.challenge, compare.decide, compare.acr = w.comparePayload(), set("number", absent), "urn:nod:acr:verified"
	none := w.approved()
	none.challenge, none.decide, none.acr, none.amr = w.nonePayload(), []change{{"number", absent}, {"user_verification", absent}}, "urn:nod:acr:presence", []string{"pop", "user"}
	number := w.approved()
	number.decide, number.acr, number.amr = set("user_verification", absent), "urn:nod:acr:number", []string{"pop", "hwk", "user"}
	wrong := w.wrongNumber()
	undecided := func(status protocol.Status) outcome { return outcome{status: status, challenge: w.challengePayload()} }
	old := k
	old.key, old.given.Expect = "retired", w.expect()
	old.given.Expect.Receipt = true
	return []vectors.Message{
		k.accept("approved with two digits and a fingerprint", w.resultPayload(w.approved())),
		k.accept("approved with six digits and a PIN", w.resultPayload(six)),
		k.accept("approved with two digits alone", w.resultPayload(number)),
		k.accept("approved with one of three numbers", w.resultPayload(choose)),
		k.accept("approved with a code to compare, which counts as none", w.resultPayload(compare)),
		k.accept("approved without a number", w.resultPayload(none)),
		k.accept("failed by a wrong number", w.resultPayload(wrong)),
		k.accept("denied", w.resultPayload(w.answered(protocol.StatusDenied, protocol.Deny, "wrong_request"))),
		k.accept("reported", w.resultPayload(w.answered(protocol.StatusReported, protocol.Report, "not_me"))),
		k.accept("expired", w.resultPayload(undecided(protocol.StatusExpired))),
		k.accept("canceled", w.resultPayload(undecided(protocol.StatusCanceled))),
		k.accept("superseded", w.resultPayload(undecided(protocol.StatusSuperseded))),
		old.accept("a receipt whose key was retired since", w.oldReceipt()),
	}
}

func (w *world) wrongNumber() outcome {
	o := w.approved()
	o.status, o.decide, o.acr, o.amr = protocol.StatusFailed, set("number", "48"), "", nil
	return o
}

// oldReceipt was signed by the key that is retired today.
func (w *world) oldReceipt() *protocol.Result {
	c := w.challengePayload()
	c.IssuedAt, c.ExpiresAt = at(-48*time.Hour), at(-48*time.Hour+90*time.Second)
	challenge := w.forge("retired", w.header(protocol.TypeChallenge, "retired"), encode(c))
	r := w.resultPayload(w.approved())
	r.IssuedAt, r.ExpiresAt = at(-48*time.Hour+time.Minute), at(-48*time.Hour+2*time.Minute)
	r.Evidence.Challenge, r.Evidence.Decision = challenge, w.decisionJWS("approval", w.decisionPayload(challenge))
	return r
}

// with returns a result whose evidence has another challenge, and a decision that answers it.
func (w *world) with(challenge string) *protocol.Result {
	r := w.resultPayload(w.approved())
	r.Evidence.Challenge, r.Evidence.Decision = challenge, w.decisionJWS("approval", w.decisionPayload(challenge))
	return r
}

func (w *world) foreignChallenges(k kind) []vectors.Message {
	about := func(name string, changes ...change) vectors.Message {
		k.base = w.with(w.challengeJWS(edited(w.challengePayload(), changes...)))
		return k.refuse(name, protocol.CodeEvidence, "challenge")
	}
	signed := func(name, key string) vectors.Message {
		k.base = w.with(w.forge(key, w.header(protocol.TypeChallenge, key), encode(w.challengePayload())))
		return k.refuse(name, protocol.CodeEvidence, "challenge")
	}
	tampered := w.resultPayload(w.approved())
	tampered.Evidence.Challenge = flipPart(tampered.Evidence.Challenge, 1)
	k2 := k
	k2.base = tampered
	return []vectors.Message{
		k2.refuse("the challenge was changed", protocol.CodeEvidence, "challenge"),
		k2.refuse("no challenge", protocol.CodeEvidence, "challenge", set("evidence.challenge", "")...),
		signed("the challenge is by a stranger", "stranger"),
		signed("the challenge is by a key retired before", "retired"),
		signed("the challenge is by the device that approved it", "approval"),
		about("the challenge of another id", set("jti", w.otherChallenge)...),
		about("the challenge of another application", set("application.id", w.otherApplication)...),
		about("the challenge for another user", set("user.ref", "u-1")...),
		about("the challenge of another transaction", set("transaction_hash", protocol.TokenHash("login-other"))...),
		about("the challenge of another tenant", set("tenant", w.otherTenant)...),
		about("the challenge of another server", set("iss", otherServer)...),
		pointing(about("the challenge went to other devices", set("aud", []any{w.otherDevice})...), "decision"),
	}
}

// pointing returns m with the member that the error names.
func pointing(m vectors.Message, member string) vectors.Message { m.Member = member; return m }

func (w *world) foreignDecisions(k kind) []vectors.Message {
	decision := func(name string, changes ...change) vectors.Message {
		o := w.approved()
		o.decide = changes
		k.base = w.resultPayload(o)
		return k.refuse(name, protocol.CodeEvidence, "decision")
	}
	k.base = w.resultPayload(w.approved())
	stranger := w.decisionJWS("stranger", w.decisionPayload(k.base.(*protocol.Result).Evidence.Challenge))
	return []vectors.Message{
		k.refuse("the decision is by another key than cnf says", protocol.CodeEvidence, "decision", set("evidence.decision", stranger)...),
		k.refuse("cnf is another key than signed the decision", protocol.CodeEvidence, "decision", set("cnf.jwk", w.public("stranger"))...),
		k.refuse("no decision for an approval", protocol.CodeEvidence, "decision", change{"evidence.decision", absent}, change{"cnf", absent}, change{"device", absent}),
		k.refuse("a decision without cnf", protocol.CodeInvalid, "cnf", set("cnf", absent)...),
		k.refuse("cnf without a decision", protocol.CodeInvalid, "cnf", set("evidence.decision", absent)...),
		k.refuse("the result names another device", protocol.CodeEvidence, "decision", set("device.id", w.otherDevice)...),
		k.refuse("the result names no device", protocol.CodeEvidence, "decision", set("device", absent)...),
		decision("the decision answers another challenge", set("challenge_id", w.otherChallenge)...),
		decision("the decision was made on another text of the challenge", set("challenge_hash", protocol.Hash("another text"))...),
		decision("the decision is for another server", set("aud", otherServer)...),
		decision("the decision is for another tenant", set("tenant", w.otherTenant)...),
		decision("the decision is by a device that was not asked", set("iss", id[protocol.DeviceID]("dev_", "a third device"))...),
		decision("the decision has a member that is not known", set("amount", "1")...),
	}
}

func (w *world) falseStatus(k kind) []vectors.Message {
	status := func(name string, o outcome, s protocol.Status, changes ...change) vectors.Message {
		o.status = s
		if s != protocol.StatusApproved {
			o.acr, o.amr = "", nil
		}
		k.base = w.resultPayload(o)
		return k.refuse(name, protocol.CodeEvidence, "status", changes...)
	}
	deny := w.answered(protocol.StatusDenied, protocol.Deny, "wrong_request")
	report := w.answered(protocol.StatusReported, protocol.Report, "not_me")
	none := w.approved()
	none.challenge, none.decide = w.nonePayload(), set("number", absent)
	wrong, missing := w.wrongNumber(), w.approved()
	missing.decide = set("number", absent)
	six := w.approved()
	six.decide = set("number", "000047")
	asApproved := func(o outcome) outcome { o.acr, o.amr = w.approved().acr, w.approved().amr; return o }
	return []vectors.Message{
		status("approved, and the device denied", asApproved(deny), protocol.StatusApproved),
		status("approved, and the device reported", asApproved(report), protocol.StatusApproved),
		status("approved, and the number is wrong", asApproved(wrong), protocol.StatusApproved),
		status("approved, and there is no number", missing, protocol.StatusApproved),
		status("approved, and the number has other digits", six, protocol.StatusApproved),
		status("approved, and the salt is another", w.approved(), protocol.StatusApproved, set("evidence.salt", fixed("other salt", 32))...),
		status("approved, and there is no salt", w.approved(), protocol.StatusApproved, set("evidence.salt", absent)...),
		pointing(status("approved, and the salt is no base64url", w.approved(), protocol.StatusApproved, set("evidence.salt", "a+b")...), "salt"),
		status("denied, and the device approved", w.approved(), protocol.StatusDenied),
		status("reported, and the device denied", deny, protocol.StatusReported),
		status("denied, and the device reported", report, protocol.StatusDenied),
		status("failed, and the number is right", w.approved(), protocol.StatusFailed),
		status("failed, and no number was asked", none, protocol.StatusFailed),
		status("failed, and the device denied", deny, protocol.StatusFailed),
		status("expired, and the device approved", w.approved(), protocol.StatusExpired),
		status("superseded, and the device denied", deny, protocol.StatusSuperseded),
	}
}

func (w *world) falseClaims(k kind) []vectors.Message {
	claim := func(name, member string, o outcome, changes ...change) vectors.Message {
		k.base = w.resultPayload(o)
		return k.refuse(name, protocol.CodeEvidence, member, changes...)
	}
	demanding := w.approved()
	demanding.challenge, demanding.decide = w.paymentPayload(), []change{{"number", "031337"}, {"user_verification", absent}}
	demanding.acr = "urn:nod:acr:number"
	number := w.approved()
	number.decide = set("user_verification", absent)
	none := w.approved()
	none.challenge, none.decide = w.nonePayload(), set("number", absent)
	payment := w.approved()
	payment.challenge, payment.decide = w.paymentPayload(), set("number", "031337")
	deny := w.answered(protocol.StatusDenied, protocol.Deny, "wrong_request")
	expired := outcome{status: protocol.StatusExpired, challenge: w.challengePayload()}
	return []vectors.Message{
		claim("user verification was required and is missing", "user_verification", demanding),
		claim("the key level is lower than required", "key_level", payment, set("key_level", "os_keystore")...),
		claim("the key level is high enough and not proven", "key_level", payment, set("key_level_proven", absent)...),
		claim("the key level is missing and one is required", "key_level", payment, set("key_level", absent)...),
		claim("acr claims verification that was not reported", "acr", number),
		claim("acr claims a number that was not asked", "acr", none),
		claim("acr claims less than was met", "acr", w.approved(), set("acr", "urn:nod:acr:number")...),
		claim("acr is missing", "acr", w.approved(), set("acr", absent)...),
		claim("amr claims a PIN for a fingerprint", "amr", w.approved(), set("amr", []string{"pop", "pin"})...),
		claim("amr claims hardware for a software key", "amr", w.approved(), set("key_level", "software")...),
		claim("amr claims hardware for a key whose level is not proven", "amr", w.approved(), set("key_level_proven", absent)...),
		claim("amr claims what is not Nod's to say", "amr", w.approved(), set("amr", []string{"pop", "fpt"})...),
		claim("acr on a denial", "acr", deny, set("acr", "urn:nod:acr:number-verified")...),
		claim("amr on an expired challenge", "acr", expired, set("amr", []string{"pop"})...),
	}
}
