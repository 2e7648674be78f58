#!/usr/bin/env python3
"""Checks every test vector with a second implementation of the receiving side, written from docs/protocol.md alone.

Section numbers are of that document. Needs Python 3.10 and the package "cryptography"; exits with 0 if all agree.
"""
import base64, binascii, hashlib, ipaddress, json, pathlib, re, sys, unicodedata
from urllib.parse import parse_qsl, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

VECTORS = pathlib.Path(__file__).parent.parent / "vectors"


class Refused(Exception):
    def __init__(self, code, member=""):
        super().__init__(code + " " + member)
        self.code, self.member = code, member


def need(ok, code, member=""):
    if not ok:
        raise Refused(code, member)


# --- Section 2: encodings


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    """Strict: the one text of its bytes, or None."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        return None
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return data if b64(data) == text else None


def sized(text, n):
    data = unb64(text)
    return data is not None and len(data) == n


def hash_of(text):
    return b64(hashlib.sha256(text.encode()).digest())


def strict_json(data):
    """Strict JSON of UTF-8 bytes: no member twice, no NaN, integers only where they are asked for (see is_int)."""
    def pairs(items):
        need(len({k for k, _ in items}) == len(items), "malformed")
        return dict(items)

    def constant(_):
        raise Refused("malformed")

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError, ValueError):
        raise Refused("malformed") from None


def jwk(value):
    need(isinstance(value, dict), "malformed", "jwk")
    need("d" not in value, "invalid", "jwk")
    x, y = value.get("x"), value.get("y")
    need(value.get("kty") == "EC" and value.get("crv") == "P-256" and isinstance(x, str) and isinstance(y, str) and sized(x, 32) and sized(y, 32), "invalid", "jwk")
    try:
        return ec.EllipticCurvePublicNumbers(int.from_bytes(unb64(x), "big"), int.from_bytes(unb64(y), "big"), ec.SECP256R1()).public_key()
    except ValueError:
        raise Refused("invalid", "jwk") from None


def thumbprint(value):
    return hash_of('{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' % (value["x"], value["y"]))


def ident(prefix):
    return lambda m, v: need(v.startswith(prefix + "_") and sized(v[4:], 16), "invalid", m)


def a_hash(m, v):
    need(sized(v, 32), "invalid", m)


def token(m, v):
    need(re.fullmatch(r"[A-Za-z0-9_-]{22,128}", v), "invalid", m)


IGNORABLE = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x3164, 0xFFA0, 0xE0000, 0xFFFD, *range(0xFFF0, 0xFFF9), *range(0xE0002, 0xE0020),
             *range(0xE0080, 0xE0100), *range(0xE01F0, 0xE1000)}


def check_text(m, v, limit):
    need(len(v) <= limit, "invalid", m)
    for c in v:
        hidden = unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs") and c not in "\u200c\u200d"
        need(not hidden and ord(c) not in IGNORABLE, "invalid", m)
    need(v == "" or v.strip() != "", "invalid", m)


def text(limit):
    return lambda m, v: check_text(m, v, limit)


def one_of(*values):
    return lambda m, v: need(v in values, "invalid", m)


RANK = {"strongbox": 5, "secure_enclave": 5, "tee": 4, "tpm": 4, "os_keystore": 2, "software": 1}
level = one_of(*RANK)


def meets(least, have, proven):
    return not least or RANK[have if proven and have else "software"] >= RANK[least]


def server(value):
    need(len(value) <= 255 and value.isascii() and re.fullmatch(r"[!-~]*", value) and not re.search(r"[\\\"<>^`{|}]", value), "malformed", "server")
    m = re.fullmatch(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?//(?:([^/?#]*)@)?(\[[^\]]*\]|[^/?#:@]*)(?::([0-9]*))?([^?#]*)(\?[^#]*)?(#.*)?", value)
    need(m and m[3] and ("%" not in m[3] or m[3].startswith("[")), "malformed", "server")
    scheme, user, host, port, path, query, fragment = m.groups()
    scheme, host = (scheme or "").lower(), host.lower()
    need(user is None and path.strip("/") == "" and query is None and fragment in (None, "#"), "insecure", "server")
    loopback = host == "localhost"
    try:
        ip = ipaddress.ip_address(host.strip("[]"))
        loopback = ip.is_loopback and not (ip.version == 6 and (ip.ipv4_mapped or ip.scope_id))
        if loopback and ip.version == 6:
            host = "[" + str(ip) + "]"
    except ValueError:
        pass
    need(scheme == "https" or scheme == "http" and loopback, "insecure", "server")
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    need(loopback or re.fullmatch(r"(%s\.)+(?![0-9])%s" % (label, label), host), "insecure", "server")
    if not port or port == {"https": "443", "http": "80"}[scheme]:
        return scheme + "://" + host
    need(re.fullmatch(r"[1-9][0-9]{0,4}", port) and int(port) <= 65535, "malformed", "server")
    return scheme + "://" + host + ":" + port


def one_form(m, v):
    try:
        need(server(v) == v, "invalid", m)
    except Refused:
        raise Refused("invalid", m) from None


# --- Payloads: name -> (kind, required, check). A kind is str, int, bool, dict of members, [kind], or "jwk".


def req(kind, check=None):
    return kind, True, check


def opt(kind, check=None):
    return kind, False, check


def between(low, high):
    return lambda m, v: need(low <= v <= high, "invalid", m)


time_ = between(1, 1 << 40)
counter = between(1, 1 << 53)
TEN, APP, DEV, ENR, CHL = (ident(p) for p in ("ten", "app", "dev", "enr", "chl"))
UV = one_of("pin", "biometric", "device_credential")
ref = text(128)
user = {"ref": req(str, ref), "name": opt(str, text(80))}
requirements = {"user_verification": opt(bool), "key_level": opt(str, level)}
cert = lambda m, v: need(1 <= len(v) <= 8192, "invalid", m)
attestation = {"format": req(str, text(20)), "device": opt(([str], 0, 10), cert), "approval": opt(([str], 0, 10), cert)}
push = {"channel": req(str, one_of("apns", "fcm", "webpush")), "address": req(str, text(2048)), "kind": opt(str, text(20)), "app": opt(str, text(200)),
        "p256dh": opt(str, text(100)), "auth": opt(str, text(40)),
        "language": opt(str, lambda m, v: need(len(v) <= 20 and re.fullmatch("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", v), "invalid", m))}

SCHEMA = {
    "nod-keys+jwt": {"iss": req(str, one_form), "tenant": req(str, TEN), "seq": req(int, counter), "iat": req(int, time_), "exp": req(int, time_), "root": req("jwk"),
                     "keys": req(([{"jwk": req("jwk"), "status": req(str, one_of("active", "retired")), "nbf": req(int, time_), "retired_at": opt(int, time_)}], 1, 64))},
    "nod-checkpoint+jwt": {"tenant": req(str, TEN), "iat": req(int, time_), "seq": req(int, counter), "hash": req(str, a_hash)},
    "nod-enrollment+jwt": {"aud": req(str, one_form), "iat": req(int, time_), "exp": req(int, time_), "token": req(str, token), "root": req(str, a_hash),
                           "approval": req({"jwk": req("jwk"), "proof": req(str)}),
                           "device": req({"name": req(str, text(80)), "model": opt(str, text(80)), "platform": req(str, text(20)), "app_version": opt(str, text(40))}),
                           "levels": req({"device": req(str, level), "approval": req(str, level)}), "attestation": opt(attestation), "push": opt(push), "handle": req(str, token)},
    "nod-approval+jwt": {"aud": req(str, one_form), "token_hash": req(str, a_hash), "device_key": req(str, a_hash)},
    "nod-enrolled+jwt": {"iss": req(str, one_form), "tenant": req(str, TEN), "aud": req(str, DEV), "iat": req(int, time_), "enrollment_hash": req(str, a_hash),
                         "enrollment_id": req(str, ENR), "company": req(str, text(80)), "user": req(user), "confirm_code": req(str, lambda m, v: need(re.fullmatch("[0-9]{6}", v), "invalid", m)),
                         "requirements": opt(requirements), "vapid": opt("jwk")},
    "nod-challenge+jwt": {"iss": req(str, one_form), "tenant": req(str, TEN), "aud": req(([str], 1, 32), DEV), "jti": req(str, CHL), "nonce": req(str, token), "iat": req(int, time_),
                          "exp": req(int, time_), "user": req(user), "application": req({"id": req(str, APP), "name": req(str, text(80))}),
                          "action": req({"kind": req(str, lambda m, v: need(re.fullmatch("[a-z0-9_.-]{1,40}", v), "invalid", m)), "title": opt(str, text(80)), "message": opt(str, text(300))}),
                          "context": opt({"ip": opt(str, text(64)), "location": opt(str, text(80)), "browser": opt(str, text(80)), "network": opt(str, text(80))}),
                          "details": opt(([{"label": req(str, text(40)), "value": req(str, text(200)), "kind": opt(str, one_of("text", "amount", "payee", "account", "reference", "place"))}], 0, 16)),
                          "match": req({"mode": req(str, one_of("enter", "choose", "compare", "none")), "digits": opt(int), "options": opt(([str], 0, 99)), "code": opt(str), "commitment": opt(str)}),
                          "requirements": opt(requirements), "risk_reasons": opt(([{"code": req(str, text(40)), "about": opt(str, text(40))}], 0, 8)), "transaction_hash": req(str, a_hash)},
    "nod-decision+jwt": {"iss": req(str, DEV), "aud": req(str, one_form), "tenant": req(str, TEN), "jti": req(str, token), "iat": req(int, time_), "challenge_id": req(str, CHL),
                         "challenge_hash": req(str, a_hash), "decision": req(str, one_of("approve", "deny", "report")),
                         "number": opt(str, lambda m, v: need(re.fullmatch("[0-9]{2}|[0-9]{6}", v), "invalid", m)), "user_verification": opt(str, UV), "reason": opt(str, text(40)),
                         "counter": req(int, counter)},
    "nod-device+jwt": {"iss": req(str, DEV), "aud": req(str, one_form), "tenant": req(str, TEN), "jti": req(str, token), "iat": req(int, time_), "nonce": req(str, text(200)),
                       "htm": req(str, one_of("GET", "POST")), "htu": req(str, text(512)), "action": req(str, one_of("push_address", "rename", "replace_key", "unenroll")), "push": opt(push),
                       "name": opt(str, text(80)), "key": opt({"role": req(str, one_of("device", "approval")), "jwk": req("jwk"), "level": req(str, level), "proof": req(str), "attestation": opt(attestation)}),
                       "user_verification": opt(str, UV)},
    "nod-key+jwt": {"aud": req(str, one_form), "tenant": req(str, TEN), "device": req(str, DEV), "replaces": req(str, a_hash)},
    "dpop+jwt": {"iss": req(str, DEV), "jti": req(str, token), "iat": req(int, time_), "htm": req(str, one_of("GET", "POST")), "htu": req(str, text(512)), "nonce": opt(str, text(200))},
    "nod-result+jwt": {"iss": req(str, one_form), "tenant": req(str, TEN), "aud": req(str, APP), "sub": req(str, ref), "jti": req(str, token), "iat": req(int, time_), "exp": req(int, time_),
                       "challenge_id": req(str, CHL), "status": req(str, one_of("approved", "denied", "reported", "expired", "canceled", "superseded", "failed")), "reason": opt(str, text(40)),
                       "transaction": req(str, ref), "acr": opt(str), "amr": opt(([str], 0, 99)),
                       "device": opt({"id": req(str, DEV), "name": opt(str, text(80)), "platform": opt(str, text(20))}), "key_level": opt(str, level), "key_level_proven": opt(bool),
                       "cnf": opt({"jwk": req("jwk")}), "evidence": req({"challenge": opt(str), "decision": opt(str), "salt": opt(str)})},
}
CAPS = {"nod-keys+jwt": 32768, "nod-enrollment+jwt": 65536, "nod-approval+jwt": 2048, "nod-enrolled+jwt": 8192, "nod-challenge+jwt": 8192, "nod-decision+jwt": 4096,
        "nod-device+jwt": 4096, "nod-key+jwt": 2048, "dpop+jwt": 2048, "nod-result+jwt": 32768, "nod-checkpoint+jwt": 2048}
LIFETIME = {"nod-keys+jwt": None, "nod-enrollment+jwt": 1200, "nod-challenge+jwt": 600, "nod-result+jwt": 120}
LISTED = {"nod-challenge+jwt"}
REFUSED = {"nod-enrollment+jwt", "nod-approval+jwt", "nod-decision+jwt", "nod-device+jwt", "nod-key+jwt", "dpop+jwt"}


def typed(value, kind, path, unknown):
    """Steps 9 and 10: types, and the paths of unknown members."""
    if value is None:
        return
    if kind == "jwk":
        jwk(value)
    elif isinstance(kind, dict):
        need(isinstance(value, dict), "malformed", "payload")
        for name, v in value.items():
            if name in kind:
                typed(v, kind[name][0], path + name + ".", unknown)
            else:
                unknown.append(path + name)
    elif isinstance(kind, tuple):
        need(isinstance(value, list), "malformed", "payload")
        for v in value:
            typed(v, kind[0][0], path, unknown)
    else:
        need(type(value) is kind and (kind is not int or value >= 0), "malformed", "payload")


def limits(value, members, path=""):
    """Step 11."""
    for name, (kind, required, check) in members.items():
        v = value.get(name)
        if v in (None, "", [], 0) or v == {} and not isinstance(kind, dict):
            need(not required, "invalid", path + name)
            continue
        if isinstance(kind, dict):
            limits(v, kind, path + name + ".")
        elif isinstance(kind, tuple):
            need(kind[1] <= len(v) <= kind[2], "invalid", path + name)
            for item in v:
                limits(item, kind[0][0], path + name + ".") if isinstance(kind[0][0], dict) else check and check(path + name, item or "")
        elif check:
            check(path + name, v)


def rules(typ, p):
    """The rest of step 11: what depends on several members."""
    if typ in LIFETIME:
        need(p["iat"] < p["exp"] and (not LIFETIME[typ] or p["exp"] - p["iat"] <= LIFETIME[typ]), "invalid", "exp")
    if typ == "nod-keys+jwt":
        ids = [thumbprint(k["jwk"]) for k in p["keys"]]
        need(len(set(ids)) == len(ids) and thumbprint(p["root"]) not in ids, "invalid", "keys")
        for k in p["keys"]:
            need((k["status"] == "retired") == bool(k.get("retired_at")), "invalid", "keys.retired_at")
    if typ == "nod-challenge+jwt":
        m = p["match"]
        if m["mode"] in ("enter", "choose"):
            need(m.get("digits") in ((2, 6) if m["mode"] == "enter" else (2,)), "invalid", "match.digits")
            a_hash("match.commitment", m.get("commitment") or "")
        if m["mode"] == "choose":
            o = m.get("options") or []
            need(len(o) == 3 == len(set(o)) and all(re.fullmatch("[0-9]{2}", x) for x in o), "invalid", "match.options")
        if m["mode"] == "compare":
            need(m.get("code"), "invalid", "match.code")
            check_text("match.code", m["code"], 16)
    if typ == "nod-device+jwt":
        for name, action in (("push", "push_address"), ("name", "rename"), ("key", "replace_key")):
            need(not p.get(name) or p["action"] == action, "invalid", name)
            need(name == "push" or p["action"] != action or p.get(name), "invalid", name)
    if typ == "nod-result+jwt":
        need(bool(p.get("cnf")) == bool(p["evidence"].get("decision")), "invalid", "cnf")


# --- Section 3: messages


def opened(jws, typ):
    """Steps 1 to 6."""
    need(len(jws.encode()) <= CAPS[typ], "too_large")
    parts = jws.split(".")
    need(len(parts) == 3 and all(parts) and all(unb64(p) is not None for p in parts) and len(parts[0]) <= 2048 and sized(parts[2], 64), "malformed")
    need(unb64(parts[0]).startswith(b"{"), "malformed", "header")
    header = strict_json(unb64(parts[0]))
    need(all(isinstance(header.get(name), (str, type(None))) for name in ("alg", "typ", "kid")), "malformed", "header")
    need(header.get("alg") == "ES256", "algorithm", "alg")
    for name in ("crit", "b64"):
        need(name not in header, "critical", name)
    need(header.get("typ") == typ, "type", "typ")
    return parts, header


def payload_of(parts, typ, listed=None):
    """Steps 9 to 11. listed collects the unknown members of a challenge; without it they are treated by type."""
    raw = unb64(parts[1])
    need(raw.startswith(b"{"), "malformed", "payload")
    p, unknown = strict_json(raw), []
    typed(p, SCHEMA[typ], "", unknown)
    if unknown and typ in REFUSED:
        raise Refused("unknown_member", sorted(unknown)[0])
    if listed is not None:
        listed.extend(sorted(set(unknown)))
    limits(p, SCHEMA[typ])
    rules(typ, p)
    return p


def verify(jws, typ, keys, listed=None):
    """Steps 1 to 11; keys maps a thumbprint to a JWK."""
    parts, header = opened(jws, typ)
    kid = header.get("kid") or ""
    need(kid in keys, "unknown_key", "kid")
    signature = unb64(parts[2])
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        jwk(keys[kid]).verify(utils.encode_dss_signature(r, s), (parts[0] + "." + parts[1]).encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Refused("signature") from None
    return payload_of(parts, typ, listed)


def one(key):
    return {thumbprint(key): key}


# --- Section 4: keys of a tenant


def key_statement(jws, root, seen, now):
    parts, header = opened(jws, "nod-keys+jwt")
    p = payload_of(parts, "nod-keys+jwt")
    need(thumbprint(p["root"]) == root == header.get("kid"), "unknown_key", "root")
    p = verify(jws, "nod-keys+jwt", one(p["root"]))
    need(p["seq"] >= seen, "rollback", "seq")
    need(now < p["exp"], "expired", "exp")
    return p


def statement(jws, typ, tenant, listed=None):
    fit = [k for k in tenant["keys"] if typ != "nod-enrolled+jwt" or k["status"] == "active"]
    p = verify(jws, typ, {thumbprint(k["jwk"]): k["jwk"] for k in fit}, listed)
    need(typ == "nod-checkpoint+jwt" or p["iss"] == tenant["iss"], "mismatch", "iss")
    need(p["tenant"] == tenant["tenant"], "mismatch", "tenant")
    kid = opened(jws, typ)[1]["kid"]
    for k in fit:
        need(thumbprint(k["jwk"]) != kid or k["status"] == "active" or p["iat"] < k["retired_at"], "unknown_key", "kid")
    return p


# --- Sections 6 to 12: what each type adds


def enrollment(jws):
    _, header = opened(jws, "nod-enrollment+jwt")
    need("jwk" in header, "invalid", "jwk")
    jwk(header["jwk"])
    p = verify(jws, "nod-enrollment+jwt", one(header["jwk"]))
    need(thumbprint(p["approval"]["jwk"]) != thumbprint(header["jwk"]), "invalid", "approval.jwk")
    proof = verify(p["approval"]["proof"], "nod-approval+jwt", one(p["approval"]["jwk"]))
    need((proof["aud"], proof["token_hash"], proof["device_key"]) == (p["aud"], hash_of(p["token"]), thumbprint(header["jwk"])), "mismatch", "approval.proof")


def enrolled(jws, tenant, sent):
    p = statement(jws, "nod-enrolled+jwt", tenant)
    need(p["enrollment_hash"] == hash_of(sent), "mismatch", "enrollment_hash")


def challenge(jws, tenant, device, listed):
    p = statement(jws, "nod-challenge+jwt", tenant, listed)
    need(device in p["aud"], "mismatch", "aud")


def update(jws, key, current):
    p = verify(jws, "nod-device+jwt", one(key))
    if p["action"] == "replace_key":
        proof = verify(p["key"]["proof"], "nod-key+jwt", one(p["key"]["jwk"]))
        need((proof["aud"], proof["tenant"], proof["device"], proof["replaces"]) == (p["aud"], p["tenant"], p["iss"], current[p["key"]["role"]]), "mismatch", "key.proof")


def opens(match, salt, challenge_id, number):
    if match["mode"] not in ("enter", "choose") or len(salt) != 32 or not re.fullmatch("[0-9]{%d}" % match["digits"], number or ""):
        return False
    return b64(hashlib.sha256(salt + challenge_id.encode() + number.encode()).digest()) == match["commitment"]


def acr(number, uv):
    return "urn:nod:acr:" + {(0, 0): "presence", (1, 0): "number", (0, 1): "verified", (1, 1): "number-verified"}[bool(number), bool(uv)]


def amr(lvl, proven, uv):
    return ["pop", "hwk" if proven and RANK.get(lvl, 0) >= 4 else "swk", "user"] + (["pin"] if uv == "pin" else []) + (["mfa"] if uv else [])


def result(jws, tenant, want, now):
    r = statement(jws, "nod-result+jwt", tenant)
    for name in ("iss", "tenant", "aud", "sub", "transaction"):
        need(want[name] and r[name] == want[name], "mismatch", name)
    need(want.get("receipt") or r["iat"] - 30 <= now < r["exp"] + 30, "expired", "exp")
    evidence(r, tenant)


def evidence(r, tenant):
    try:
        c = statement(r["evidence"].get("challenge") or "", "nod-challenge+jwt", tenant)
    except Refused:
        raise Refused("evidence", "challenge") from None
    same = (c["iss"], c["tenant"], c["jti"], c["application"]["id"], c["user"]["ref"], c["transaction_hash"])
    need(same == (r["iss"], r["tenant"], r["challenge_id"], r["aud"], r["sub"], hash_of(r["transaction"])), "evidence", "challenge")
    need(r["status"] == "approved" or not r.get("acr") and not r.get("amr"), "evidence", "acr")
    if not r.get("cnf"):
        need(r["status"] in ("expired", "canceled", "superseded"), "evidence", "decision")
        return
    try:
        d = verify(r["evidence"]["decision"], "nod-decision+jwt", one(r["cnf"]["jwk"]))
    except Refused:
        raise Refused("evidence", "decision") from None
    bound = (d["challenge_id"], d["challenge_hash"], d["aud"], d["tenant"], d["iss"])
    need(bound == (c["jti"], hash_of(r["evidence"]["challenge"]), c["iss"], c["tenant"], (r.get("device") or {}).get("id")) and d["iss"] in c["aud"], "evidence", "decision")
    salt = unb64(r["evidence"].get("salt") or "")
    need(salt is not None, "evidence", "salt")
    checked, uv = c["match"]["mode"] in ("enter", "choose"), d.get("user_verification")
    right = opens(c["match"], salt, c["jti"], d.get("number"))
    follows = {"approve": "approved" if right or not checked else "failed", "deny": "denied", "report": "reported"}[d["decision"]]
    need(r["status"] == follows, "evidence", "status")
    if r["status"] == "approved":
        asked = c.get("requirements") or {}
        need(uv or not asked.get("user_verification"), "evidence", "user_verification")
        need(meets(asked.get("key_level"), r.get("key_level"), r.get("key_level_proven")), "evidence", "key_level")
        need(r.get("acr") == acr(right, uv), "evidence", "acr")
        need(set(r.get("amr") or []) <= set(amr(r.get("key_level"), r.get("key_level_proven"), uv)), "evidence", "amr")


# --- Section 5: invitations


def invitation(value, scheme):
    need(len(value) <= 4096, "too_large")
    value = value.strip()
    try:
        u = urlsplit(value)
        port = u.port
    except ValueError:
        raise Refused("malformed") from None
    need(value and "//" in value and u.username is None, "malformed")
    found = {}
    for part, names in ((u.query, "snu"), (u.fragment, "tk")):
        pairs = parse_qsl(part, keep_blank_values=True)
        need(len({k for k, _ in pairs}) == len(pairs), "malformed")
        found.update({k: v for k, v in pairs if k in names})
    s = server(found.get("s", ""))
    if u.scheme == scheme:
        need(u.netloc == "enroll" and u.path.strip("/") == "", "malformed")
    else:
        need(u.scheme in ("https", "http") and u.path == "/enroll", "malformed")
        try:
            need(server(u.scheme + "://" + u.netloc) == s, "mismatch", "s")
        except Refused:
            raise Refused("mismatch", "s") from None
    token("t", found.get("t", ""))
    a_hash("k", found.get("k", ""))
    check_text("n", found.get("n", ""), 80)
    check_text("u", found.get("u", ""), 128)
    return {"server": s, "company": found.get("n"), "user": found.get("u"), "token": found["t"], "root": found["k"]}


# --- Section 18: the vectors


def read(name):
    return json.loads((VECTORS / (name + ".json")).read_text())


class Report:
    done = failed = 0

    def check(self, where, ok, detail=""):
        self.done += 1
        if not ok:
            self.failed += 1
            print("DIFFERS", where, detail)

    def outcome(self, where, want, member, function):
        """Runs function and compares its refusal with the vector's; returns what it returned."""
        try:
            out, code, got = function(), "", ""
        except Refused as e:
            out, code, got = None, e.code, e.member
        self.check(where, code == (want or ""), "got %r %s, want %r %s" % (code, got, want or "", member or ""))
        return out


def main():
    report, f = Report(), read("fixtures")
    tenants = {n: key_statement(s["jws"], s["root"], 0, f["now"]) for n, s in f["statements"].items()}
    for key in f["keys"].values():
        report.check("fixtures", thumbprint(key["jwk"]) == key["thumbprint"])
    for name in ("envelope", "keys", "enrollment", "enrolled", "challenge", "decision", "update", "proof", "result", "evidence", "checkpoint"):
        for v in read(name)["vectors"]:
            g, jws, unknown = v["given"], v["jws"], []
            key, tenant = f["keys"].get(g.get("key"), {}).get("jwk"), tenants.get(g.get("keys"))
            receive = {
                "nod-keys+jwt": lambda: key_statement(jws, g["root"], g.get("min_sequence", 0), g["now"]),
                "nod-enrollment+jwt": lambda: enrollment(jws),
                "nod-checkpoint+jwt": lambda: statement(jws, "nod-checkpoint+jwt", tenant),
                "nod-enrolled+jwt": lambda: enrolled(jws, tenant, g["enrollment"]),
                "nod-challenge+jwt": lambda: challenge(jws, tenant, g["device"], unknown),
                "nod-decision+jwt": lambda: verify(jws, "nod-decision+jwt", one(key)),
                "nod-device+jwt": lambda: update(jws, key, g["current"]),
                "dpop+jwt": lambda: verify(jws, "dpop+jwt", one(key)),
                "nod-result+jwt": lambda: result(jws, tenant, g["expect"], g["now"]),
            }[v["type"]]
            where = name + ": " + v["name"]
            report.outcome(where, v.get("error"), v.get("member"), receive)
            if "shows" in v:
                report.check(where, v["shows"]["hash"] == hash_of(jws) and v["shows"].get("unsupported", []) == unknown, str(unknown))
    for v in read("identifiers")["vectors"]:
        report.outcome("identifiers: " + v["name"], v.get("error"), "", lambda: ident(v["kind"])("id", v["text"]))
    for v in read("jwk")["vectors"]:
        def parse():
            key = strict_json(v["text"].encode())
            key = {} if key is None else key
            jwk(key)
            return thumbprint(key)
        report.check("jwk: " + v["name"], report.outcome("jwk: " + v["name"], v.get("error"), "", parse) == v.get("thumbprint"))
    for v in read("hashes")["vectors"]:
        report.check("hashes: " + v["name"], hash_of(v["text"]) == v["hash"])
    for v in read("commitments")["vectors"]:
        report.check("commitments: " + v["name"], opens(v["match"], unb64(v["salt"]), v["challenge_id"], v["number"]) == v["opens"])
    for v in read("claims")["vectors"]:
        report.check("claims", acr(v["number"], v["user_verification"]) == v["acr"] and amr(v["key_level"], v["key_level_proven"], v["user_verification"]) == v["amr"], v)
    for v in read("invitations")["vectors"]:
        got = report.outcome("invitations: " + v["name"], v.get("error"), "", lambda: invitation(v["text"], v["scheme"]))
        report.check("invitations: " + v["name"], got is None or all((got[k] or None) == v.get(k) for k in got), got)
    for v in read("servers")["vectors"]:
        report.check("servers: " + v["name"], report.outcome("servers: " + v["name"], v.get("error"), "", lambda: server(v["text"])) == v.get("server"))
    for v in read("texts")["vectors"]:
        report.outcome("texts: " + v["name"], v.get("error"), "", lambda: need(v["text"] or not v["required"], "invalid") or check_text("", v["text"], v["max"]))
    print("%d checks, %d differ" % (report.done, report.failed))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
