"""Signed tokens and the key sets that go with them, made with openssl alone."""

import base64
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ISSUER, AUDIENCE = "https://idp.example", "api"
# Half of the bytes of a signature on P-256.
HALF = 32


@dataclass(frozen=True)
class Issuer:
    """One key, its set, and as many tokens as a file has lines."""

    algorithm: str
    jwks: str
    one: Path
    many: Path


def issue(algorithm: str, folder: Path, count: int) -> Issuer:
    key = folder / f"{algorithm}.pem"
    kind = ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"] if algorithm == "ES256" else ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    run(["openssl", "genpkey", "-algorithm", *kind, "-out", str(key)])
    tokens = [token(algorithm, key, number) for number in range(count)]
    one, many = folder / f"{algorithm}.one", folder / f"{algorithm}.many"
    one.write_text(tokens[0] + "\n")
    many.write_text("\n".join(tokens) + "\n")
    return Issuer(algorithm, json.dumps({"keys": [public(algorithm, key)]}), one, many)


def token(algorithm: str, key: Path, number: int) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": f"caller-{number}", "exp": now + 86_400, "scope": "pets:read"}
    head = {"alg": algorithm, "kid": algorithm, "typ": "JWT"}
    text = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(claims).encode())}"
    signature = run(["openssl", "dgst", "-sha256", "-sign", str(key)], text.encode())
    return f"{text}.{encode(plain(signature) if algorithm == 'ES256' else signature)}"


def public(algorithm: str, key: Path) -> dict[str, str]:
    known = {"kid": algorithm, "alg": algorithm, "use": "sig"}
    der = run(["openssl", "pkey", "-in", str(key), "-pubout", "-outform", "DER"])
    if algorithm == "ES256":
        # The point is the end of the structure: 4, x and y.
        x, y = der[-2 * HALF : -HALF], der[-HALF:]
        return known | {"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)}
    told = run(["openssl", "rsa", "-in", str(key), "-noout", "-modulus"]).decode()
    modulus = bytes.fromhex(told.strip().removeprefix("Modulus="))
    return known | {"kty": "RSA", "n": encode(modulus), "e": "AQAB"}


def plain(der: bytes) -> bytes:
    """Both numbers of an ECDSA signature, each with its whole length: a sequence of two integers in DER."""
    first = der[3]
    r, s = der[4 : 4 + first], der[6 + first :]
    return b"".join(number.lstrip(b"\0").rjust(HALF, b"\0") for number in (r, s))


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def run(command: list[str], given: bytes | None = None) -> bytes:
    return subprocess.run(command, check=True, capture_output=True, input=given).stdout
