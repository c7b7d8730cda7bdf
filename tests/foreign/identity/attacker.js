// Tokens made with a library others wrote: some that are right, and what people try instead. One JSON object is printed:
// the key set, what good tokens are called and are, and the same of bad ones.

import { createHmac, createPublicKey, generateKeyPairSync, sign as signWith } from "node:crypto";
import * as jose from "jose";

const ISSUER = "https://idp.example";
const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
const keys = {};
const jwks = { keys: [] };
for (const alg of algorithms) {
    keys[alg] = await jose.generateKeyPair(alg, { extractable: true, crv: alg === "EdDSA" ? "Ed25519" : undefined });
    jwks.keys.push({ ...(await jose.exportJWK(keys[alg].publicKey)), kid: alg, alg, use: "sig" });
}
const foreign = await jose.generateKeyPair("ES256", { extractable: true });
const foreignJwk = await jose.exportJWK(foreign.publicKey);

const now = Math.floor(Date.now() / 1000);
const claims = { iss: ISSUER, aud: "api", sub: "ann", exp: now + 3600, iat: now };
const bytes = (text) => new TextEncoder().encode(text);
const encode = (text) => jose.base64url.encode(text);
const compact = (payload, header, key, options) =>
    new jose.CompactSign(typeof payload === "string" ? bytes(payload) : bytes(JSON.stringify(payload)))
        .setProtectedHeader(header)
        .sign(key, options);
const signed = (alg, changes = {}, header = {}) =>
    compact({ ...claims, ...changes }, { alg, kid: alg, ...header }, keys[alg].privateKey);

const good = {};
for (const alg of algorithms) good[alg] = await signed(alg);
good["without a key id"] = await signed("ES256", {}, { kid: undefined });
good["of the type of RFC 9068"] = await signed("ES256", {}, { typ: "at+jwt" });
good["for several audiences"] = await signed("EdDSA", { aud: ["other", "api"] });

const bad = {};
const [head, body, signature] = good.ES256.split(".");

// Nobody signed it.
bad["unsecured"] = new jose.UnsecuredJWT(claims).encode();
for (const none of ["none", "None", "NONE", "nOnE", ""]) {
    bad[`algorithm ${JSON.stringify(none)}`] = `${encode(JSON.stringify({ alg: none, kid: "ES256" }))}.${body}.`;
}
bad["no signature"] = `${head}.${body}.`;
bad["no signature and no dot"] = `${head}.${body}`;
bad["all zeros"] = `${head}.${body}.${encode(new Uint8Array(64))}`;
bad["half a signature"] = `${head}.${body}.${signature.slice(0, 43)}`;
bad["a signature and more"] = `${head}.${body}.${signature}AAAA`;
bad["the signature of another token"] = `${head}.${body}.${(await signed("ES256", { sub: "eve" })).split(".")[2]}`;
bad["other claims under the signature"] = `${head}.${encode(JSON.stringify({ ...claims, sub: "root" }))}.${signature}`;

// Somebody else did.
bad["a key nobody published"] = await compact(claims, { alg: "ES256", kid: "ES256" }, foreign.privateKey);
bad["a key that comes along"] = await compact(claims, { alg: "ES256", jwk: foreignJwk }, foreign.privateKey);
bad["a key that comes along under a known id"] =
    await compact(claims, { alg: "ES256", kid: "ES256", jwk: foreignJwk }, foreign.privateKey);
for (const address of ["jku", "x5u"]) {
    bad[`a key to be fetched by ${address}`] = await compact(
        claims, { alg: "ES256", kid: "evil", [address]: "https://evil.example/jwks.json" }, foreign.privateKey);
}
bad["a certificate that comes along"] =
    await compact(claims, { alg: "ES256", x5c: ["MIIB"], x5t: "AAAA" }, foreign.privateKey);
for (const kid of ["../../../../dev/null", "' OR 1=1 --", "ES256\u0000", "es256", "", "*", "/proc/self/environ"]) {
    bad[`key id ${JSON.stringify(kid)}`] = await compact(claims, { alg: "ES256", kid }, foreign.privateKey);
}

// Public keys taken for shared secrets.
for (const alg of ["RS256", "ES256", "EdDSA"]) {
    const spki = await jose.exportSPKI(keys[alg].publicKey);
    const jwk = jwks.keys.find((key) => key.kid === alg);
    const der = createPublicKey(spki).export({ type: "spki", format: "der" });
    const secrets = { pem: spki, "pem without its end": spki.trim(), der, jwk: JSON.stringify(jwk), x: jwk.x ?? jwk.n };
    for (const [form, secret] of Object.entries(secrets)) {
        for (const hmac of ["HS256", "HS384", "HS512"]) {
            const input = `${encode(JSON.stringify({ alg: hmac, kid: alg }))}.${body}`;
            const mac = createHmac(`sha${hmac.slice(2)}`, secret).update(input).digest();
            bad[`${hmac} by the public ${form} of ${alg}`] = `${input}.${encode(mac)}`;
        }
    }
}

// Right keys, wrong algorithms.
bad["the key of RS256 used for PS256"] = await compact(claims, { alg: "PS256", kid: "RS256" },
    await jose.importJWK(await jose.exportJWK(keys.RS256.privateKey), "PS256"));
bad["the key of PS512 used for RS512"] = await compact(claims, { alg: "RS512", kid: "PS512" },
    await jose.importJWK(await jose.exportJWK(keys.PS512.privateKey), "RS512"));
for (const [said, kid] of [["ES384", "ES256"], ["ES256", "ES384"], ["EdDSA", "ES256"], ["RS256", "ES256"], ["ES256K", "ES256"]]) {
    bad[`${said} said of ${kid}`] = `${encode(JSON.stringify({ alg: said, kid }))}.${body}.${signature}`;
}

// Signatures in other forms.
const der = signWith("sha256", Buffer.from(`${head}.${body}`), { key: keys.ES256.privateKey instanceof CryptoKey
    ? await jose.exportPKCS8(keys.ES256.privateKey) : keys.ES256.privateKey, dsaEncoding: "der" });
bad["an ECDSA signature in DER"] = `${head}.${body}.${encode(der)}`;
{
    // S and S + L verify alike where nobody looks (RFC 8032 section 5.1.7).
    const [h, b, s] = good.EdDSA.split(".");
    const raw = Buffer.from(s, "base64url");
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    let number = BigInt(`0x${Buffer.from(raw.subarray(32)).reverse().toString("hex")}`) + order;
    for (let at = 32; at < 64; at += 1, number >>= 8n) raw[at] = Number(number & 0xffn);
    bad["an EdDSA signature whose number is too large"] = `${h}.${b}.${encode(raw)}`;
}
{
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const input = `${encode(JSON.stringify({ alg: "RS256", kid: "RS256" }))}.${body}`;
    bad["a short RSA key"] = `${input}.${encode(signWith("sha256", Buffer.from(input), privateKey))}`;
}

// Extensions nobody here knows, and payloads that are none.
bad["an extension that must be understood"] = await compact(
    claims, { alg: "ES256", kid: "ES256", crit: ["exp"], exp: now + 60 }, keys.ES256.privateKey, { crit: { exp: true } });
bad["a payload that is not encoded"] = `${encode(JSON.stringify({ alg: "ES256", kid: "ES256", b64: false, crit: ["b64"] }))}.${body}.${signature}`;
bad["compressed"] = await signed("ES256", {}, { zip: "DEF" });
bad["encrypted"] = await new jose.EncryptJWT(claims)
    .setProtectedHeader({ alg: "ECDH-ES", enc: "A256GCM", kid: "ES256" })
    .encrypt(await jose.importJWK({ ...jwks.keys.find((key) => key.kid === "ES256"), use: "enc", alg: "ECDH-ES" }, "ECDH-ES"));
bad["a token in a token"] = await compact(good.ES256, { alg: "ES256", kid: "ES256", cty: "JWT" }, keys.ES256.privateKey);
bad["for another purpose"] = await signed("ES256", {}, { typ: "logout+jwt" });
bad["not JSON"] = await compact("ann", { alg: "ES256", kid: "ES256" }, keys.ES256.privateKey);
bad["a list"] = await compact([claims], { alg: "ES256", kid: "ES256" }, keys.ES256.privateKey);
bad["nothing"] = await compact("", { alg: "ES256", kid: "ES256" }, keys.ES256.privateKey);
bad["a claim said twice"] = await compact(
    JSON.stringify(claims).replace(`"sub":"ann"`, `"sub":"ann","sub":"root"`), { alg: "ES256", kid: "ES256" }, keys.ES256.privateKey);
bad["an end said twice"] = await compact(
    JSON.stringify(claims).replace(`"iat"`, `"exp":99999999999,"iat"`), { alg: "ES256", kid: "ES256" }, keys.ES256.privateKey);
bad["the general JSON form"] = JSON.stringify(
    await new jose.GeneralSign(bytes(JSON.stringify(claims))).addSignature(keys.ES256.privateKey).setProtectedHeader({ alg: "ES256" }).sign());

// Times and names that do not fit.
const with_claims = {
    "expired": { exp: now - 3600 }, "not valid yet": { nbf: now + 3600 }, "without an end": { exp: undefined },
    "an end in words": { exp: String(now + 3600) }, "no end at all": { exp: null }, "an end below zero": { exp: -1 },
    "an end that is a list": { exp: [now + 3600] }, "of another issuer": { iss: "https://evil.example" },
    "of an issuer with a slash": { iss: `${ISSUER}/` }, "of an issuer that begins alike": { iss: `${ISSUER}.evil.example` },
    "of issuers": { iss: [ISSUER] }, "of nobody": { iss: undefined }, "for another audience": { aud: "other" },
    "for an audience that begins alike": { aud: "api2" }, "for audiences in one word": { aud: "other api" },
    "for an audience within": { aud: { api: true } }, "for nobody": { aud: undefined }, "for no audiences": { aud: [] },
};
for (const [name, changes] of Object.entries(with_claims)) bad[name] = await signed("ES256", changes);

// Text around and within.
bad["one more part"] = `${good.ES256}.${signature}`;
bad["one more dot"] = `${good.ES256}.`;
bad["a dot before"] = `.${good.ES256}`;
bad["padded"] = `${head}.${body}.${signature}==`;
bad["in the other alphabet"] = `${head}.${body}.${signature.replaceAll("-", "+").replaceAll("_", "/").replace(/^./, "+")}`;
bad["with a blank within"] = `${head}.${body} .${signature}`;
bad["too long"] = await signed("ES256", { fill: "x".repeat(9000) });
bad["nested too deep"] = await compact(
    JSON.stringify(claims).replace(`"sub":"ann"`, `"sub":"ann","deep":${"[".repeat(500)}${"]".repeat(500)}`),
    { alg: "ES256", kid: "ES256" }, keys.ES256.privateKey);
bad["a last letter that says the same"] = (() => {
    // Two bits of the last letter are of no byte: a reader that ignores them takes several texts for one signature.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = alphabet.indexOf(signature.at(-1));
    return `${head}.${body}.${signature.slice(0, -1)}${alphabet[last ^ 1]}`;
})();

console.log(JSON.stringify({ jwks, good, bad }));
