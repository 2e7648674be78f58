package main

import (
	"strings"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
	"github.com/nod-auth/nod/shared/protocol/vectors"
)

// underKeys makes the vectors that every statement of a tenant key has.
func (k kind) underKeys() []vectors.Message {
	signed := func(name string, code protocol.ErrorCode, member, key string, changes ...change) vectors.Message {
		return vector(name, k.t, code, member, k.given, k.w.forge(key, k.w.header(k.t, key), edited(k.base, changes...)))
	}
	foreign := k
	foreign.given.Keys = "other_tenant"
	out := []vectors.Message{
		signed("signed by a stranger", protocol.CodeUnknownKey, "kid", "stranger"),
		signed("signed by the root key", protocol.CodeUnknownKey, "kid", "root"),
		signed("signed by a key that is not announced yet", protocol.CodeUnknownKey, "kid", "next"),
		signed("signed by a key that was retired before", protocol.CodeUnknownKey, "kid", "retired"),
		signed("signed by the key of another tenant", protocol.CodeUnknownKey, "kid", "other_tenant"),
		vector("the other tenant's key signs for this tenant", k.t, protocol.CodeMismatch, "tenant", foreign.given,
			k.w.forge("other_tenant", k.w.header(k.t, "other_tenant"), encode(k.base))),
	}
	if k.t != protocol.TypeCheckpoint { // which names no server
		out = append(out, signed("iss is another server", protocol.CodeMismatch, "iss", k.key, set("iss", otherServer)...))
	}
	return append(out, signed("of another tenant", protocol.CodeMismatch, "tenant", k.key, set("tenant", k.w.otherTenant)...))
}

func (w *world) checkpoints() []vectors.Message {
	k := kind{w: w, t: protocol.TypeCheckpoint, key: "tenant", given: vectors.Given{Keys: "current"},
		base: &protocol.Checkpoint{Tenant: w.tenant, IssuedAt: at(0), Sequence: 4711, Hash: protocol.Hash("the chain up to here")}}
	before := []change{{"iat", at(-25 * time.Hour)}}
	out := []vectors.Message{
		k.accept("a checkpoint", k.base),
		k.accept("a member that is not known is ignored", k.base, set("rows", 12)...),
		vector("signed before its key was retired", k.t, "", "", k.given, w.forge("retired", w.header(k.t, "retired"), edited(k.base, before...))),
	}
	out = append(out, k.underKeys()...)
	return append(out, k.invalids([]string{"tenant", "iat", "seq", "hash"}, []badValue{
		{"place zero", "seq", 0},
		{"a hash that is too short", "hash", "abc"},
	})...)
}

func (w *world) enrolleds() []vectors.Message {
	enrollment := w.forge("device", w.header(protocol.TypeEnrollment, "device"), encode(w.enrollmentPayload()))
	k := kind{w: w, t: protocol.TypeEnrolled, key: "tenant", given: vectors.Given{Keys: "current", Enrollment: enrollment}, base: w.enrolledPayload(enrollment)}
	before := time.Duration(-25) * time.Hour
	out := []vectors.Message{
		k.accept("a reply", k.base),
		k.accept("a member that is not known is ignored", k.base, set("theme", "blue")...),
		k.accept("a user without a name", k.base, set("user.name", absent)...),
		k.refuse("the reply to another enrollment", protocol.CodeMismatch, "enrollment_hash", set("enrollment_hash", protocol.Hash("x"))...),
		vector("dated back before its key was retired: a fresh reply needs an active key", k.t, protocol.CodeUnknownKey, "kid", k.given,
			w.forge("retired", w.header(k.t, "retired"), edited(k.base, change{"iat", at(before)}))),
	}
	out = append(out, k.underKeys()...)
	return append(out, k.invalids([]string{"iss", "tenant", "aud", "iat", "enrollment_hash", "enrollment_id", "company", "user.ref", "confirm_code"}, []badValue{
		{"a code of five digits", "confirm_code", "12345"},
		{"a company with hidden text", "company", hidden},
		{"a required level that does not exist", "requirements.key_level", "vault"},
	})...)
}

func (w *world) keySets() []vectors.Message {
	k := kind{w: w, t: protocol.TypeKeys, key: "root", given: vectors.Given{Now: now.Unix(), Root: w.kid("root"), MinSequence: 7}, base: w.keySet()}
	seen := k
	seen.given.MinSequence = 8
	fresh := k
	fresh.given.MinSequence = 0
	other := k
	other.given.Root = w.kid("other_root")
	late := k
	late.given.Now = at(30 * 24 * time.Hour).Time().Unix()
	set1 := w.keySet()
	rotated := w.keySet()
	rotated.Sequence = 8
	rotated.Keys = append([]protocol.TenantKey{{JWK: w.public("next"), Status: protocol.KeyActive, NotBefore: at(0)}}, rotated.Keys...)
	stranger := w.forge("stranger", w.header(k.t, "root"), encode(set1))
	own := w.keySet()
	own.Root = w.public("stranger")
	return append([]vectors.Message{
		k.accept("the statement of the sequence already seen", set1),
		k.accept("a higher sequence", rotated),
		fresh.accept("the first statement of a new account", set1),
		k.accept("a member that is not known is ignored", set1, set("note", 1)...),
		seen.refuse("a lower sequence than one already seen", protocol.CodeRollback, "seq"),
		other.refuse("the root is not the pinned one", protocol.CodeUnknownKey, "root"),
		late.refuse("after exp", protocol.CodeExpired, "exp"),
		vector("signed by a stranger under the root's kid", k.t, protocol.CodeSignature, "", k.given, stranger),
		vector("signed by a stranger, who names himself as root", k.t, protocol.CodeUnknownKey, "root", k.given, w.forge("stranger", w.header(k.t, "stranger"), encode(own))),
		vector("signed by a tenant key", k.t, protocol.CodeUnknownKey, "root", k.given, w.forge("tenant", w.header(k.t, "tenant"), encode(set1))),
		k.refuse("the root is among the keys", protocol.CodeInvalid, "keys", set("keys.0.jwk", w.public("root"))...),
		k.refuse("a key occurs twice", protocol.CodeInvalid, "keys", set("keys.1.jwk", w.public("tenant"))...),
		k.refuse("a key with a status that does not exist", protocol.CodeInvalid, "keys", set("keys.0.status", "sleeping")...),
		k.refuse("a private key", protocol.CodeInvalid, "jwk", set("keys.0.jwk.d", fixed("key tenant", 32))...),
	}, k.invalids([]string{"iss", "tenant", "seq", "iat", "exp", "keys"}, []badValue{
		{"sequence zero", "seq", 0},
		{"no keys", "keys", []any{}},
		{"a retired key without the time", "keys.1.retired_at", absent},
		{"an active key that was retired", "keys.0.retired_at", at(0)},
		{"a key without nbf", "keys.0.nbf", absent},
	})...)
}

func (w *world) challenges() []vectors.Message {
	k := kind{w: w, t: protocol.TypeChallenge, key: "tenant", given: vectors.Given{Keys: "current", Device: w.device}, base: w.challengePayload()}
	other := k
	other.given.Device = id[protocol.DeviceID]("dev_", "a third device")
	unsupported := func(name string, names []string, changes ...change) vectors.Message {
		m := k.accept(name, k.base, changes...)
		m.Shows.Unsupported = names
		return m
	}
	before := []change{{"iat", at(-25 * time.Hour)}, {"exp", at(-25*time.Hour + time.Minute)}}
	out := []vectors.Message{
		k.accept("enter two digits", k.base),
		k.accept("enter six digits for a payment, with user verification", w.paymentPayload()),
		k.accept("choose one of three numbers", w.choosePayload()),
		k.accept("compare a code", w.comparePayload()),
		k.accept("no number", w.nonePayload()),
		k.accept("a name with joiners and an accent", k.base, set("user.name", "A\u0301da \U0001F469\u200D\U0001F4BB")...),
		k.accept("expired: the receiver looks at the server's clock", k.base, change{"iat", at(-time.Hour)}, change{"exp", at(-59 * time.Minute)}),
		vector("signed before its key was retired", k.t, "", "", k.given, w.forge("retired", w.header(k.t, "retired"), edited(k.base, before...))),
		unsupported("a member that this version can't show", []string{"beneficiary"}, set("beneficiary", "Mallory")...),
		unsupported("members in the depth that this version can't show", []string{"action.fee", "details.currency", "match.emoji"},
			change{"action.fee", "3"}, change{"details", []any{map[string]any{"label": "Amount", "value": "1", "currency": "EUR"}}}, change{"match.emoji", "x"}),
		unsupported("a member in other letters is another member", []string{"Action"}, set("Action", map[string]any{"kind": "sign_in"})...),
		k.refuse("a detail without a label", protocol.CodeInvalid, "details.label", set("details", []any{map[string]any{"value": "1"}})...),
		k.refuse("a kind of detail that does not exist", protocol.CodeInvalid, "details.kind",
			set("details", []any{map[string]any{"label": "a", "value": "1", "kind": "color"}})...),
		other.refuse("for other devices", protocol.CodeMismatch, "aud"),
	}
	out = append(out, k.underKeys()...)
	out = append(out, k.invalids([]string{"iss", "tenant", "jti", "nonce", "iat", "exp", "user.ref", "application.id", "application.name", "action.kind",
		"match.mode", "match.digits", "match.commitment", "transaction_hash", "aud"}, challengeBad())...)
	choose := k
	choose.base = w.choosePayload()
	return append(out, choose.invalids([]string{"match.options"}, []badValue{
		{"two options", "match.options", []string{"12", "47"}},
		{"an option twice", "match.options", []string{"12", "47", "47"}},
		{"an option of three digits", "match.options", []string{"12", "47", "471"}},
	})...)
}

func challengeBad() []badValue {
	return []badValue{
		{"no recipients", "aud", []any{}},
		{"one recipient that is no device", "aud", []any{"usr_AAAAAAAAAAAAAAAAAAAAAA"}},
		{"longer than ten minutes", "exp", at(581 * time.Second)},
		{"a title with text from right to left", "action.title", hidden},
		{"a title with a zero-width space", "action.title", "Sign\u200Bin"},
		{"a title that is blank", "action.title", "  "},
		{"a title of a Hangul filler", "action.title", "\u3164"},
		{"a title with the replacement character", "action.title", "Sign\uFFFDin"},
		{"a message of 301 characters", "action.message", strings.Repeat("m", 301)},
		{"a kind in capitals", "action.kind", "Sign_In"},
		{"a place with a line separator", "context.location", "Vienna\u2028Austria"},
		{"seventeen details", "details", many(17, map[string]any{"label": "a", "value": "1"})},
		{"a mode that does not exist", "match.mode", "shake"},
		{"four digits", "match.digits", 4},
		{"a commitment that is no hash", "match.commitment", "abc"},
		{"a required level that does not exist", "requirements.key_level", "vault"},
		{"nine risk reasons", "risk_reasons", many(9, map[string]any{"code": "new_city"})},
	}
}

func many(n int, v any) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func (w *world) results() []vectors.Message {
	k := kind{w: w, t: protocol.TypeResult, key: "tenant", given: w.resultGiven(), base: w.resultPayload(w.approved())}
	when := func(d time.Duration, receipt bool) kind {
		other := k
		expect := *w.expect()
		expect.Receipt = receipt
		other.given.Now, other.given.Expect = at(d).Time().Unix(), &expect
		return other
	}
	expecting := func(name, member string, edit func(*vectors.Expect)) vectors.Message {
		other := k
		expect := *w.expect()
		edit(&expect)
		other.given.Expect = &expect
		return other.refuse(name, protocol.CodeMismatch, member)
	}
	out := []vectors.Message{
		k.accept("an approval", k.base),
		k.accept("a member that is not known is ignored", k.base, set("note", 1)...),
		when(149*time.Second, false).accept("in the last second of the leeway", k.base),
		when(-30*time.Second, false).accept("a clock that is 30 seconds behind", k.base),
		when(1000*time.Hour, true).accept("a receipt long after", k.base),
		when(150*time.Second, false).refuse("after exp and the leeway", protocol.CodeExpired, "exp"),
		when(-31*time.Second, false).refuse("a clock that is 31 seconds behind", protocol.CodeExpired, "exp"),
		expecting("for another sign-in", "transaction", func(e *vectors.Expect) { e.Transaction = "login-other" }),
		expecting("of another user", "sub", func(e *vectors.Expect) { e.Subject = "u-1" }),
		expecting("for another application", "aud", func(e *vectors.Expect) { e.Audience = w.otherApplication }),
		expecting("of another tenant than expected", "tenant", func(e *vectors.Expect) { e.Tenant = w.otherTenant }),
		expecting("of another server than expected", "iss", func(e *vectors.Expect) { e.Issuer = otherServer }),
		vector("a decision in place of a result", k.t, protocol.CodeType, "typ", k.given, w.decisionJWS("approval", w.decisionPayload("x"))),
	}
	out = append(out, k.underKeys()...)
	return append(out, k.invalids([]string{"iss", "tenant", "aud", "sub", "jti", "iat", "exp", "challenge_id", "status", "transaction", "cnf"}, []badValue{
		{"valid for 121 seconds", "exp", at(121 * time.Second)},
		{"a status that is not final", "status", "pending"},
		{"a status that does not exist", "status", "maybe"},
		{"a level that does not exist", "key_level", "vault"},
		{"a device that is none", "device.id", "dev_1"},
	})...)
}
