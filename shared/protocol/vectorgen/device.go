package main

import (
	"strings"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
	"github.com/nod-auth/nod/shared/protocol/vectors"
)

// hidden is text that reads from right to left without saying so.
const hidden = "Send \u202Eevil\u202C"

func (w *world) enrollments() []vectors.Message {
	k := kind{w: w, t: protocol.TypeEnrollment, key: "device", base: w.enrollmentPayload()}
	forged := func(name string, code protocol.ErrorCode, member, header string, payload any) vectors.Message {
		return vector(name, k.t, code, member, k.given, w.forge(k.key, header, encode(payload)))
	}
	proof := func(name string, code protocol.ErrorCode, member, proof string) vectors.Message {
		return k.refuse(name, code, member, set("approval.proof", proof)...)
	}
	withProof := func(path string, value any) string {
		return w.approvalProof("approval", edited(w.approvalPayload(), change{path, value}))
	}
	header := w.header(k.t, k.key)
	private := map[string]any{"kty": "EC", "crv": "P-256", "x": jwkMember(w.public("device"), "x"), "y": jwkMember(w.public("device"), "y"), "d": fixed("key device", 32)}
	full := w.enrollmentPayload()
	full.Attestation = &protocol.Attestation{Format: "android-key", Device: []string{"MIIBexample"}, Approval: []string{"MIIBexample", "MIICexample"}}
	full.Push = &protocol.PushAddress{Channel: "webpush", Address: "https://push.example.net/send/abc", P256DH: fixed("p256dh", 32), Auth: fixed("auth", 16), Language: "pt-BR"}
	same := w.enrollmentPayload()
	same.Approval = protocol.ApprovalKey{JWK: w.public("device"), Proof: w.approvalProof("device", w.approvalPayload())}
	out := []vectors.Message{
		k.accept("an enrollment", k.base),
		k.accept("an enrollment with attestation and a push address", full),
		forged("no jwk in the header", protocol.CodeInvalid, "jwk", w.header(k.t, k.key, set("jwk", absent)...), k.base),
		forged("the jwk of another key in the header", protocol.CodeUnknownKey, "kid", w.header(k.t, k.key, set("jwk", w.public("stranger"))...), k.base),
		forged("jwk and kid of another key in the header", protocol.CodeSignature, "",
			w.header(k.t, k.key, change{"jwk", w.public("stranger")}, change{"kid", w.kid("stranger")}), k.base),
		forged("a private key in the header", protocol.CodeInvalid, "jwk", edited(header, change{"jwk", private}), k.base),
		vector("a key in the header that is no point of the curve", k.t, protocol.CodeInvalid, "jwk", k.given,
			w.forge(k.key, edited(header, change{"jwk.x", jwkMember(w.public("stranger"), "x")}), encode(k.base))),
		k.refuse("the two keys are one", protocol.CodeInvalid, "approval.jwk", change{"approval.jwk", same.Approval.JWK}, change{"approval.proof", same.Approval.Proof}),
		k.refuse("a private approval key", protocol.CodeInvalid, "jwk", set("approval.jwk", private)...),
		proof("the approval key's proof signed by the device key", protocol.CodeUnknownKey, "kid", w.approvalProof("device", w.approvalPayload())),
		proof("the proof of another invitation", protocol.CodeMismatch, "approval.proof", withProof("token_hash", protocol.TokenHash(fixed("other token", 32)))),
		proof("the proof for another device key", protocol.CodeMismatch, "approval.proof", withProof("device_key", w.kid("stranger"))),
		proof("the proof for another server", protocol.CodeMismatch, "approval.proof", withProof("aud", otherServer)),
		proof("a proof with an unknown member", protocol.CodeUnknownMember, "note", withProof("note", "x")),
		proof("a proof that is another message", protocol.CodeType, "typ", w.keyProof("approval", w.keyProofPayload("device"))),
		k.refuse("an unknown member", protocol.CodeUnknownMember, "note", set("note", 1)...),
		k.refuse("an unknown member within device", protocol.CodeUnknownMember, "device.note", set("device.note", 1)...),
		k.refuse("an attestation with an empty certificate", protocol.CodeInvalid, "attestation.device",
			set("attestation", map[string]any{"format": "android-key", "device": []string{""}})...),
		k.refuse("longer than twenty minutes", protocol.CodeInvalid, "exp", set("exp", at(20*time.Minute+time.Second))...),
	}
	for _, bad := range [][2]string{{"with an underscore", "pt_BR"}, {"of 21 characters", "en-abcdefgh-abcdefghi"}, {"of one letter", "x-en"}} {
		push := protocol.PushAddress{Channel: "fcm", Address: "example-registration-token", Language: bad[1]}
		out = append(out, k.refuse("a language "+bad[0], protocol.CodeInvalid, "push.language", set("push", push)...))
	}
	out = append(out, k.invalids([]string{"aud", "iat", "exp", "token", "root", "approval", "device.name", "device.platform", "levels.device", "levels.approval", "handle"}, enrollmentBad())...)
	return out
}

func enrollmentBad() []badValue {
	return []badValue{
		{"aud is not the one form of a server", "aud", "https://nod.example.com/"},
		{"aud is plain http", "aud", "http://nod.example.com"},
		{"exp is not after iat", "exp", at(0)},
		{"a token of less than 128 bits", "token", strings.Repeat("a", 21)},
		{"a token with other characters", "token", strings.Repeat("a", 21) + "+"},
		{"a root that is no thumbprint", "root", "abc"},
		{"a device name of 81 characters", "device.name", strings.Repeat("n", 81)},
		{"a device name with hidden text", "device.name", hidden},
		{"a level that does not exist", "levels.approval", "vault"},
		{"a push channel that does not exist", "push.channel", "pigeon"},
	}
}

func jwkMember(j protocol.JWK, name string) any {
	tree, _ := decodeTree(encode(j)).(map[string]any)
	return tree[name]
}

func (w *world) decisions() []vectors.Message {
	challenge := w.challengeJWS(w.challengePayload())
	k := kind{w: w, t: protocol.TypeDecision, key: "approval", given: vectors.Given{Key: "approval"}, base: w.decisionPayload(challenge)}
	device := k
	device.key, device.given.Key = "device", "device"
	payment := w.decisionPayload(w.challengeJWS(w.paymentPayload()))
	out := []vectors.Message{
		k.accept("approve with two digits", k.base),
		k.accept("approve with six digits and a PIN", payment, change{"number", "031337"}, change{"user_verification", "pin"}),
		k.accept("approve without a number", k.base, set("number", absent)...),
		device.accept("deny", k.base, change{"decision", "deny"}, change{"number", absent}, change{"user_verification", absent}, change{"reason", "wrong_request"}),
		device.accept("report", k.base, change{"decision", "report"}, change{"number", absent}, change{"user_verification", absent}, change{"reason", "not_me"}),
		k.accept("the highest counter", k.base, set("counter", uint64(1)<<53)...),
		k.refuse("an unknown member", protocol.CodeUnknownMember, "amount", set("amount", "1")...),
	}
	return append(out, k.invalids(
		[]string{"iss", "aud", "tenant", "jti", "iat", "challenge_id", "challenge_hash", "decision", "counter"}, []badValue{
			{"iss is no device", "iss", w.tenant},
			{"aud is not the one form of a server", "aud", "https://NOD.example.com"},
			{"a short jti", "jti", "abc"},
			{"challenge_id with unused bits set", "challenge_id", string(w.challenge[:len(w.challenge)-1]) + "B"},
			{"challenge_hash in hexadecimal", "challenge_hash", strings.Repeat("0", 64)},
			{"a verb that does not exist", "decision", "accept"},
			{"three digits", "number", "471"},
			{"digits of another script", "number", "\u0664\u0667"},
			{"a verification that does not exist", "user_verification", "telepathy"},
			{"a reason of 41 characters", "reason", strings.Repeat("r", 41)},
			{"counter zero", "counter", 0},
			{"a counter over 2^53", "counter", uint64(1)<<53 + 1},
		})...)
}

func (w *world) updates() []vectors.Message {
	given := vectors.Given{Key: "device", Current: map[protocol.KeyRole]protocol.Thumbprint{protocol.RoleDevice: w.kid("device"), protocol.RoleApproval: w.kid("approval")}}
	k := kind{w: w, t: protocol.TypeUpdate, key: "device", given: given, base: w.updatePayload(protocol.UpdateRename)}
	replace := k
	replace.key, replace.given.Key, replace.base = "approval", "approval", w.updatePayload(protocol.UpdateReplaceKey)
	proof := func(name string, code protocol.ErrorCode, member, proof string) vectors.Message {
		return replace.refuse(name, code, member, set("key.proof", proof)...)
	}
	withProof := func(path string, value any) string {
		return w.keyProof("new_approval", edited(w.keyProofPayload("approval"), change{path, value}))
	}
	out := []vectors.Message{
		k.accept("a new push address", w.updatePayload(protocol.UpdatePush)),
		k.accept("no push any more", w.updatePayload(protocol.UpdatePush), set("push", absent)...),
		k.accept("a new name", k.base),
		k.accept("unenroll", w.updatePayload(protocol.UpdateUnenroll)),
		replace.accept("a new approval key", replace.base),
		replace.accept("a new device key, signed by the approval key", replace.base, change{"key.role", "device"}, change{"key.jwk", w.public("new_device")},
			change{"key.proof", w.keyProof("new_device", w.keyProofPayload("device"))}),
		proof("the proof of a new key by the old one", protocol.CodeUnknownKey, "kid", w.keyProof("approval", w.keyProofPayload("approval"))),
		proof("the proof replaces another key", protocol.CodeMismatch, "key.proof", withProof("replaces", w.kid("device"))),
		proof("the proof is of another device", protocol.CodeMismatch, "key.proof", withProof("device", w.otherDevice)),
		proof("the proof is of another tenant", protocol.CodeMismatch, "key.proof", withProof("tenant", w.otherTenant)),
		proof("the proof is for another server", protocol.CodeMismatch, "key.proof", withProof("aud", otherServer)),
		replace.refuse("the new key is private", protocol.CodeInvalid, "jwk", set("key.jwk.d", fixed("key new_approval", 32))...),
		k.refuse("an unknown member", protocol.CodeUnknownMember, "note", set("note", 1)...),
		replace.refuse("an unknown member within key", protocol.CodeUnknownMember, "key.note", set("key.note", 1)...),
	}
	out = append(out, replace.invalids([]string{"key"}, []badValue{
		{"a role that does not exist", "key", keyWith(replace.base, "role", "root")},
		{"a new key without its level", "key", keyWith(replace.base, "level", absent)},
		{"a new key without its proof", "key", keyWith(replace.base, "proof", absent)},
	})...)
	return append(out, k.invalids([]string{"iss", "aud", "tenant", "jti", "iat", "nonce", "htm", "htu", "action", "name"}, []badValue{
		{"an action that does not exist", "action", "promote"},
		{"a method that the device API does not have", "htm", "DELETE"},
		{"a push address beside a new name", "push", w.updatePayload(protocol.UpdatePush).Push},
		{"a name with a line end", "name", "a\nb"},
		{"a verification that does not exist", "user_verification", "telepathy"},
	})...)
}

func keyWith(update any, member string, value any) any {
	tree, _ := decodeTree(edited(update, change{"key." + member, value})).(map[string]any)
	return tree["key"]
}

func (w *world) proofs() []vectors.Message {
	k := kind{w: w, t: protocol.TypeProof, key: "device", given: vectors.Given{Key: "device"}, base: w.proofPayload()}
	out := []vectors.Message{
		k.accept("a proof with the server's nonce", k.base),
		k.accept("a proof before there is a nonce", k.base, set("nonce", absent)...),
		k.refuse("an unknown member", protocol.CodeUnknownMember, "ath", set("ath", fixed("ath", 32))...),
	}
	return append(out, k.invalids([]string{"iss", "jti", "iat", "htm", "htu"}, []badValue{
		{"a method that the device API does not have", "htm", "PUT"},
		{"a target of 513 characters", "htu", "https://nod.example.com/" + strings.Repeat("a", 489)},
		{"a nonce of 201 characters", "nonce", strings.Repeat("n", 201)},
	})...)
}
