"""Tokens made with a library others wrote: some that are right, and what people try instead. Printed is one JSON object:
the key set, what good tokens are called and are, and the same of bad ones."""

import base64
import json
import time

from joserfc import jwe, jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

ALGORITHMS = ["RS256", "PS384", "ES256", "ES384", "ES512", "Ed25519"]
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def generate(alg, kid):
    known = {"kid": kid, "use": "sig", "alg": "EdDSA" if alg == "Ed25519" else alg}
    if alg in CURVES:
        return ECKey.generate_key(CURVES[alg], known, auto_kid=False)
    if alg == "Ed25519":
        return OKPKey.generate_key("Ed25519", known, auto_kid=False)
    return RSAKey.generate_key(2048, known, auto_kid=False)


keys = {alg: generate(alg, alg) for alg in ALGORITHMS}
foreign = generate("ES256", "ES256")
now = int(time.time())
claims = {"iss": "https://idp.example", "aud": "api", "sub": "ann", "exp": now + 3600}
everything = jws.JWSRegistry(algorithms=list(jws.JWSRegistry.algorithms), strict_check_header=False)


def compact(payload, key, header):
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return jws.serialize_compact(header, text, key, registry=everything)


def signed(alg, **changes):
    return compact({**claims, **changes}, keys[alg], {"alg": "EdDSA" if alg == "Ed25519" else alg, "kid": alg})


good = {alg: signed(alg) for alg in ALGORITHMS}
good["by jwt.encode"] = jwt.encode({"alg": "ES256", "kid": "ES256", "typ": "JWT"}, claims, keys["ES256"])

head, body, signature = good["ES256"].split(".")
bad = {
    "nobody's": compact(claims, OctKey.import_key("x" * 32), {"alg": "none"}),
    "nobody's under a known id": compact(claims, OctKey.import_key("x" * 32), {"alg": "none", "kid": "ES256"}),
    "somebody else's": compact(claims, foreign, {"alg": "ES256", "kid": "ES256"}),
    "somebody else's, whose key comes along": compact(
        claims, foreign, {"alg": "ES256", "kid": "ES256", "jwk": foreign.as_dict(private=False)}
    ),
    "not encoded": jws.serialize_compact(
        {"alg": "ES256", "kid": "ES256", "b64": False, "crit": ["b64"]}, "ann", keys["ES256"], registry=everything
    ),
    "detached": f"{head}..{signature}",
    "flat JSON": json.dumps(
        jws.serialize_json({"protected": {"alg": "ES256"}, "header": {"kid": "ES256"}}, json.dumps(claims), keys["ES256"])
    ),
    "an empty payload": compact(b"", keys["ES256"], {"alg": "ES256", "kid": "ES256"}),
    "no JSON": compact(b"\xff\xfe", keys["ES256"], {"alg": "ES256", "kid": "ES256"}),
    "a number": compact(b"7", keys["ES256"], {"alg": "ES256", "kid": "ES256"}),
    "more than JSON": compact(json.dumps(claims).encode() + b"{}", keys["ES256"], {"alg": "ES256", "kid": "ES256"}),
    "an end that is not a number": compact(
        json.dumps(claims).replace(str(now + 3600), "NaN").encode(), keys["ES256"], {"alg": "ES256", "kid": "ES256"}
    ),
    "an end that is far too large": compact(
        json.dumps(claims).replace(str(now + 3600), "1e999").encode(), keys["ES256"], {"alg": "ES256", "kid": "ES256"}
    ),
    "encrypted to itself": jwe.encrypt_compact(
        {"alg": "dir", "enc": "A128GCM", "kid": "ES256"}, json.dumps(claims), OctKey.generate_key(128)
    ),
    "encrypted and compressed": jwe.encrypt_compact(
        {"alg": "dir", "enc": "A128GCM", "zip": "DEF"}, json.dumps(claims), OctKey.generate_key(128)
    ),
    "expired": signed("ES256", exp=now - 3600),
    "for nobody": signed("ES256", aud=None),
}
# Public keys taken for shared secrets, in the one form which the library does not know for what it is.
for alg in ["RS256", "ES256", "Ed25519"]:
    public = base64.b64encode(keys[alg].as_bytes(encoding="DER", private=False))
    secret = OctKey.import_key({"kty": "oct", "k": base64.urlsafe_b64encode(public).rstrip(b"=").decode()})
    bad[f"a MAC by the public key of {alg}"] = compact(claims, secret, {"alg": "HS256", "kid": alg})

published = KeySet(list(keys.values())).as_dict(private=False)
print(json.dumps({"jwks": published, "good": good, "bad": bad}))
