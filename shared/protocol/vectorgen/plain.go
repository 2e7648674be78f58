package main

import (
	"strings"

	"github.com/nod-auth/nod/shared/protocol"
	"github.com/nod-auth/nod/shared/protocol/vectors"
)

func identifiers() vectors.File[vectors.Identifier] {
	good := fixed("identifier", 16)
	return vectors.File[vectors.Identifier]{About: "A prefix and 16 bytes in base64url.", Vectors: []vectors.Identifier{
		{Name: "a tenant", Kind: "ten", Text: "ten_" + good}, {Name: "an application", Kind: "app", Text: "app_" + good},
		{Name: "a user", Kind: "usr", Text: "usr_" + good}, {Name: "a device", Kind: "dev", Text: "dev_" + good},
		{Name: "an enrollment", Kind: "enr", Text: "enr_" + good}, {Name: "a challenge", Kind: "chl", Text: "chl_" + good},
		{Name: "16 zero bytes", Kind: "chl", Text: "chl_AAAAAAAAAAAAAAAAAAAAAA"},
		{Name: "the prefix of another kind", Kind: "dev", Text: "usr_" + good, Error: protocol.CodeInvalid},
		{Name: "no prefix", Kind: "dev", Text: good, Error: protocol.CodeInvalid},
		{Name: "the prefix in capitals", Kind: "dev", Text: "DEV_" + good, Error: protocol.CodeInvalid},
		{Name: "15 bytes", Kind: "dev", Text: "dev_" + fixed("identifier", 15), Error: protocol.CodeInvalid},
		{Name: "17 bytes", Kind: "dev", Text: "dev_" + fixed("identifier", 17), Error: protocol.CodeInvalid},
		{Name: "unused bits are set", Kind: "dev", Text: "dev_" + flipLast(good), Error: protocol.CodeInvalid},
		{Name: "padding", Kind: "dev", Text: "dev_" + good + "==", Error: protocol.CodeInvalid},
		{Name: "the other alphabet", Kind: "dev", Text: "dev_" + good[:20] + "+A", Error: protocol.CodeInvalid},
		{Name: "a line end behind", Kind: "dev", Text: "dev_" + good + "\n", Error: protocol.CodeInvalid},
		{Name: "a line end within", Kind: "dev", Text: "dev_" + good[:10] + "\n" + good[10:], Error: protocol.CodeInvalid},
		{Name: "the empty text", Kind: "dev", Text: "", Error: protocol.CodeInvalid},
	}}
}

func (w *world) jwks() vectors.File[vectors.JWK] {
	// The key of RFC 7515 appendix A.3.
	const rfc = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	with := func(changes ...change) string { return edited(rfc, changes...) }
	x, _ := jwkMember(w.public("stranger"), "x").(string)
	return vectors.File[vectors.JWK]{About: "Public keys and their RFC 7638 thumbprints.", Vectors: []vectors.JWK{
		{Name: "the key of RFC 7515 appendix A.3", Text: rfc, Thumbprint: "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"},
		{Name: "other members are ignored", Text: with(change{"kid", "x"}, change{"use", "sig"}, change{"alg", "ES256"}, change{"key_ops", []string{"verify"}}),
			Thumbprint: "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"},
		{Name: "a private key", Text: with(change{"d", "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}), Error: protocol.CodeInvalid},
		{Name: "a d that is null", Text: with(change{"d", nil}), Error: protocol.CodeInvalid},
		{Name: "a point off the curve", Text: with(change{"x", x}), Error: protocol.CodeInvalid},
		{Name: "the point zero", Text: with(change{"x", strings.Repeat("A", 43)}, change{"y", strings.Repeat("A", 43)}), Error: protocol.CodeInvalid},
		{Name: "a coordinate over the field's prime", Text: with(change{"x", b64([]byte(strings.Repeat("\xff", 32)))}), Error: protocol.CodeInvalid},
		{Name: "a coordinate without its leading zero", Text: with(change{"x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVA"}), Error: protocol.CodeInvalid},
		{Name: "a coordinate with unused bits set", Text: with(change{"x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV"}), Error: protocol.CodeInvalid},
		{Name: "a coordinate with padding", Text: with(change{"x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU="}), Error: protocol.CodeInvalid},
		{Name: "a coordinate with a line end", Text: with(change{"x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\n"}), Error: protocol.CodeInvalid},
		{Name: "without y", Text: with(change{"y", absent}), Error: protocol.CodeInvalid},
		{Name: "P-384", Text: with(change{"crv", "P-384"}), Error: protocol.CodeInvalid},
		{Name: "an RSA key", Text: `{"kty":"RSA","n":"AQAB","e":"AQAB"}`, Error: protocol.CodeInvalid},
		{Name: "a secret", Text: `{"kty":"oct","k":"AQAB"}`, Error: protocol.CodeInvalid},
		{Name: "an Edwards key", Text: `{"kty":"OKP","crv":"Ed25519","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}`, Error: protocol.CodeInvalid},
		{Name: "members in other letters", Text: strings.Replace(rfc, "kty", "KTY", 1), Error: protocol.CodeInvalid},
		{Name: "a member twice", Text: strings.Replace(rfc, "{", `{"kty":"EC",`, 1), Error: protocol.CodeMalformed},
		{Name: "text", Text: `"EC"`, Error: protocol.CodeMalformed},
		{Name: "null", Text: `null`, Error: protocol.CodeInvalid},
		{Name: "no JSON", Text: `{"kty":`, Error: protocol.CodeMalformed},
	}}
}

func (w *world) hashes() vectors.File[vectors.Hash] {
	list := []vectors.Hash{
		{Name: "the empty text", Text: "", Hash: "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"},
		{Name: "abc, as FIPS 180 shows it", Text: "abc", Hash: "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"},
	}
	for name, text := range map[string]string{"transaction": transaction} {
		list = append(list, vectors.Hash{Name: "a " + name, Text: text, Hash: protocol.TokenHash(text)})
	}
	list = append(list, vectors.Hash{Name: "an invitation token", Text: w.token, Hash: protocol.TokenHash(w.token)},
		vectors.Hash{Name: "text beyond ASCII, as UTF-8", Text: "Z\u00fcrich \U0001F600", Hash: protocol.TokenHash("Z\u00fcrich \U0001F600")})
	return vectors.File[vectors.Hash]{About: "SHA-256 of the text's UTF-8 bytes, in unpadded base64url: token_hash, transaction_hash, challenge_hash, enrollment_hash.", Vectors: list}
}

func (w *world) commitments() vectors.File[vectors.Commitment] {
	enter, payment, choose := w.challengePayload().Match, w.paymentPayload().Match, w.choosePayload().Match
	c := func(name, number string, m protocol.Match, opens bool) vectors.Commitment {
		return vectors.Commitment{Name: name, Salt: w.salt, Challenge: w.challenge, Number: number, Match: m, Opens: opens}
	}
	short, other := c("a salt of 16 bytes", "47", enter, false), c("another challenge", "47", enter, false)
	short.Salt, other.Challenge = fixed("salt", 16), w.otherChallenge
	return vectors.File[vectors.Commitment]{About: "SHA-256(salt || challenge id || number), the id and the number as ASCII.", Vectors: []vectors.Commitment{
		c("the right number", "47", enter, true), c("six digits with a leading zero", "031337", payment, true), c("the right one of three", "47", choose, true),
		c("a wrong number", "48", enter, false), c("the wrong one of three", "12", choose, false), c("the number without its leading zero", "31337", payment, false),
		c("no number", "", enter, false), c("a number with a space", "47 ", enter, false), c("six digits where two are asked", "000047", enter, false),
		short, other, c("a mode without a number", "47", w.nonePayload().Match, false), c("a mode that is not checked", "47", w.comparePayload().Match, false),
	}}
}

func claims() vectors.File[vectors.Claims] {
	return vectors.File[vectors.Claims]{About: "acr and amr of an approval.", Vectors: []vectors.Claims{
		{Number: false, Level: "strongbox", Proven: true, ACR: "urn:nod:acr:presence", AMR: []string{"pop", "hwk", "user"}},
		{Number: true, Level: "secure_enclave", Proven: true, ACR: "urn:nod:acr:number", AMR: []string{"pop", "hwk", "user"}},
		{Number: false, UserVerification: "biometric", Level: "tee", Proven: true, ACR: "urn:nod:acr:verified", AMR: []string{"pop", "hwk", "user", "mfa"}},
		{Number: true, UserVerification: "pin", Level: "tpm", Proven: true, ACR: "urn:nod:acr:number-verified", AMR: []string{"pop", "hwk", "user", "pin", "mfa"}},
		{Number: true, UserVerification: "device_credential", Level: "os_keystore", ACR: "urn:nod:acr:number-verified", AMR: []string{"pop", "swk", "user", "mfa"}},
		{Number: true, UserVerification: "pin", Level: "software", ACR: "urn:nod:acr:number-verified", AMR: []string{"pop", "swk", "user", "pin", "mfa"}},
		{Number: true, Level: "strongbox", ACR: "urn:nod:acr:number", AMR: []string{"pop", "swk", "user"}},
		{Number: true, Level: "", ACR: "urn:nod:acr:number", AMR: []string{"pop", "swk", "user"}},
	}}
}

func (w *world) invitations() vectors.File[vectors.Invitation] {
	secret := "#t=" + w.token + "&k=" + string(w.kid("root"))
	const query = "s=https%3A%2F%2Fnod.example.com&n=Example+Bank&u=ada%40example.com"
	good := func(name, text, scheme string) vectors.Invitation {
		return vectors.Invitation{Name: name, Text: text, Scheme: scheme, Server: server, Company: company, User: userName, Token: w.token, Root: w.kid("root")}
	}
	bare := good("without hints", "nod://enroll?s=https%3A%2F%2Fnod.example.com"+secret, "nod")
	bare.Company, bare.User = "", ""
	local := good("plain http to loopback", "nod://enroll?s=http%3A%2F%2F127.0.0.1%3A8080"+secret, "nod")
	local.Server, local.Company, local.User = "http://127.0.0.1:8080", "", ""
	bad := func(name string, code protocol.ErrorCode, text string) vectors.Invitation {
		return vectors.Invitation{Name: name, Text: text, Scheme: "nod", Error: code}
	}
	named := func(s string) string { return "nod://enroll?s=" + s + secret }
	return vectors.File[vectors.Invitation]{About: "What a QR code or a link says.", Vectors: []vectors.Invitation{
		good("the form for a QR code", "nod://enroll?"+query+secret, "nod"),
		good("the order of members does not count", "nod://enroll?u=ada%40example.com&n=Example%20Bank&s=https://nod.example.com#k="+string(w.kid("root"))+"&t="+w.token, "nod"),
		good("the scheme of a brand", "examplebank://enroll?"+query+secret, "examplebank"),
		good("a link", "https://nod.example.com/enroll?"+query+secret, "nod"),
		good("white space around, as from a clipboard", " nod://enroll?"+query+secret+"\n", "nod"),
		good("members that are not known are ignored", "nod://enroll?x=1&"+query+secret+"&y=2", "nod"),
		good("a server in capitals and with its port", "nod://enroll?"+strings.Replace(query, "nod.example.com", "NOD.example.com%3A443", 1)+secret, "nod"),
		bare, local,
		bad("the scheme of another app", protocol.CodeMalformed, "other://enroll?"+query+secret),
		bad("another action", protocol.CodeMalformed, "nod://approve?"+query+secret),
		bad("a link with another path", protocol.CodeMalformed, "https://nod.example.com/login?"+query+secret),
		bad("a link to another server than it names", protocol.CodeMismatch, "https://evil.example.org/enroll?"+query+secret),
		bad("a link with user information", protocol.CodeMalformed, "https://nod.example.com@evil.example.org/enroll?"+query+secret),
		bad("no server", protocol.CodeMalformed, "nod://enroll?n=x"+secret),
		bad("the server twice", protocol.CodeMalformed, "nod://enroll?"+query+"&s=https://evil.example.org"+secret),
		bad("the token twice", protocol.CodeMalformed, "nod://enroll?"+query+secret+"&t="+w.token),
		bad("the token in the query", protocol.CodeInvalid, "nod://enroll?"+query+"&t="+w.token+"#k="+string(w.kid("root"))),
		bad("no root", protocol.CodeInvalid, "nod://enroll?"+query+"#t="+w.token),
		bad("a root that is no thumbprint", protocol.CodeInvalid, "nod://enroll?"+query+"#t="+w.token+"&k=abc"),
		bad("a short token", protocol.CodeInvalid, "nod://enroll?"+query+"#t=abc&k="+string(w.kid("root"))),
		bad("plain http", protocol.CodeInsecure, named("http://nod.example.com")),
		bad("an IP address", protocol.CodeInsecure, named("https://203.0.113.7")),
		bad("user information", protocol.CodeInsecure, named("https://nod.example.com%40evil.example.org")),
		bad("a path", protocol.CodeInsecure, named("https://evil.example.org/nod.example.com")),
		bad("a company with hidden text", protocol.CodeInvalid, "nod://enroll?s=https://nod.example.com&n=%E2%80%AEknaB"+secret),
		bad("a company of 81 characters", protocol.CodeInvalid, "nod://enroll?s=https://nod.example.com&n="+strings.Repeat("n", 81)+secret),
		bad("over 4096 characters", protocol.CodeTooLarge, "nod://enroll?"+query+"&x="+strings.Repeat("x", 4096)+secret),
		bad("the empty text", protocol.CodeMalformed, ""),
		bad("a script", protocol.CodeMalformed, "javascript:alert(1)"),
	}}
}

func servers() vectors.File[vectors.Server] {
	ok := func(text, form string) vectors.Server { return vectors.Server{Name: text, Text: text, Server: form} }
	bad := func(name, text string, code protocol.ErrorCode) vectors.Server {
		return vectors.Server{Name: name, Text: text, Error: code}
	}
	insecure, malformed := protocol.CodeInsecure, protocol.CodeMalformed
	return vectors.File[vectors.Server]{About: "A server's base URL and its one form.", Vectors: []vectors.Server{
		ok("https://nod.example.com", "https://nod.example.com"), ok("https://nod.example.com/", "https://nod.example.com"),
		ok("HTTPS://NOD.Example.COM", "https://nod.example.com"), ok("https://nod.example.com:443", "https://nod.example.com"),
		ok("https://nod.example.com:8443", "https://nod.example.com:8443"), ok("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
		ok("http://localhost:8080", "http://localhost:8080"), ok("http://127.0.0.1:8080", "http://127.0.0.1:8080"), ok("http://127.8.8.8:80", "http://127.8.8.8"),
		ok("http://[::1]:8080", "http://[::1]:8080"), ok("http://[0:0::1]", "http://[::1]"), ok("https://localhost", "https://localhost"),
		bad("plain http", "http://nod.example.com", insecure), bad("another scheme", "ftp://nod.example.com", insecure),
		bad("no scheme", "//nod.example.com", insecure), bad("user information", "https://nod.example.com@evil.example.org", insecure),
		bad("a password", "https://a:b@nod.example.com", insecure), bad("a path", "https://nod.example.com/x", insecure),
		bad("a query", "https://nod.example.com?x=1", insecure), bad("an empty query", "https://nod.example.com?", insecure),
		bad("a fragment", "https://nod.example.com#x", insecure), bad("an IPv4 address", "https://203.0.113.7", insecure),
		bad("an address of one number", "https://3405803783", insecure), bad("an address in hexadecimal", "https://0xcb007107", insecure),
		bad("a short form of loopback", "https://127.1", insecure), bad("an IPv6 address", "https://[2001:db8::1]", insecure),
		bad("loopback of IPv4 in IPv6", "https://[::ffff:127.0.0.1]", insecure), bad("loopback with a zone", "https://[::1%25lo]", insecure),
		bad("a single label", "https://nod", insecure), bad("a dot behind", "https://nod.example.com.", insecure),
		bad("an empty label", "https://nod..example.com", insecure), bad("a label that ends with a hyphen", "https://nod-.example.com", insecure),
		bad("an underscore", "https://nod_1.example.com", insecure), bad("letters beyond ASCII", "https://b\u00fccher.example", malformed),
		bad("a letter that folds into ASCII", "https://ban\u212a.example", malformed), bad("an escape in the host", "https://nod%2eexample.com", malformed),
		bad("a backslash", "https://nod.example.com\\@evil.example.org", malformed), bad("a space", "https://nod.example.com ", malformed),
		bad("a port that is no port", "https://nod.example.com:99999", malformed), bad("port zero", "https://nod.example.com:0", malformed),
		bad("a port with a leading zero", "https://nod.example.com:08443", malformed), bad("no host", "https://", malformed),
		bad("over 255 characters", "https://"+strings.Repeat("a.", 130)+"example", malformed), bad("a script", "javascript:alert(1)", malformed), bad("the empty text", "", malformed),
	}}
}

func texts() vectors.File[vectors.Text] {
	ok := func(name, text string) vectors.Text {
		return vectors.Text{Name: name, Text: text, Required: true, Max: 20}
	}
	bad := func(name, text string) vectors.Text {
		return vectors.Text{Name: name, Text: text, Required: true, Max: 20, Error: protocol.CodeInvalid}
	}
	optional := ok("empty where it is not required", "")
	optional.Required = false
	return vectors.File[vectors.Text]{About: "Text for a person: what is refused would not be seen, or would be seen as something else.", Vectors: []vectors.Text{
		ok("letters", "Example Bank"), ok("letters of many scripts", "Банк 銀行 بنك"), ok("accents that combine", "Zu\u0308rich"),
		ok("an emoji of several characters", "\U0001F469\u200D\U0001F4BB\uFE0F"), ok("the joiner that Persian needs", "می\u200Cخواهم"),
		ok("20 characters of four bytes", strings.Repeat("\U0001F600", 20)), ok("markup is text", "<b>&amp;"), optional,
		bad("empty", ""), bad("blank", " \u00a0\u3000"), bad("21 characters", strings.Repeat("a", 21)), bad("a line end", "a\nb"), bad("a tab", "a\tb"),
		bad("NUL", "a\x00b"), bad("DEL", "a\x7fb"), bad("a C1 control", "a\u0085b"), bad("a line separator", "a\u2028b"), bad("a paragraph separator", "a\u2029b"),
		bad("right-to-left override", "a\u202Eb"), bad("left-to-right mark", "a\u200Eb"), bad("an isolate", "a\u2066b"), bad("an Arabic letter mark", "a\u061Cb"),
		bad("a zero-width space", "a\u200Bb"), bad("a word joiner", "a\u2060b"), bad("a byte order mark", "\uFEFFa"), bad("a soft hyphen", "a\u00ADb"),
		bad("a tag character", "a\U000E0041b"), bad("a Hangul filler", "a\u3164b"), bad("a half-width Hangul filler", "a\uFFA0b"),
		bad("a combining grapheme joiner", "a\u034Fb"), bad("an interlinear annotation", "a\uFFF9b"), bad("the replacement character", "a\uFFFDb"),
	}}
}
