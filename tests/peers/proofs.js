// Fields of requests that prove something: tokens bound to a key with a proof for each request (RFC 9449), and signed requests (RFC 9421).
// Usage: node proofs.js FOLDER AUTHORITY PATH ROUNDS PROOFS MANY. Each line of a file has the fields of a request, between tabs.
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const [folder, authority, path, rounds, proofs, many] = process.argv.slice(2);
const ISSUER = 'https://idp.example';
const AUDIENCE = 'api';
const now = Math.floor(Date.now() / 1000);
const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

function key(kid) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, jwk: publicKey.export({ format: 'jwk' }), kid };
}

const es256 = ({ privateKey }, text) => sign('sha256', text, { key: privateKey, dsaEncoding: 'ieee-p1363' });

function compact(by, header, claims) {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${es256(by, text).toString('base64url')}`;
}

const write = (name, text) => writeFileSync(`${folder}/${name}`, text);
const set = ({ jwk, kid }) => JSON.stringify({ keys: [{ ...jwk, kid, alg: 'ES256', use: 'sig' }] });
const [issuer, holder, signer] = ['idp', 'holder', 'signer'].map(key);
write('bound.jwks', set(issuer));
write('signed.jwks', set(signer));

const { crv, kty, x, y } = holder.jwk;
const jkt = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'caller-0', client_id: 'app', iat: now, exp: now + 86400, jti: randomUUID() };
const token = compact(issuer, { alg: 'ES256', kid: 'idp', typ: 'at+jwt' }, { ...claims, cnf: { jkt } });
write('unbound', `${compact(issuer, { alg: 'ES256', kid: 'idp', typ: 'at+jwt' }, claims)}\n`);
const ath = createHash('sha256').update(token).digest('base64url');
const head = { alg: 'ES256', typ: 'dpop+jwt', jwk: { crv, kty, x, y } };
for (let round = 0; round <= rounds; round += 1) {
  const lines = Array.from({ length: proofs }, () => {
    const proof = compact(holder, head, { htm: 'GET', htu: `http://${authority}${path}`, iat: now, jti: randomUUID(), ath });
    return `authorization: DPoP ${token}\tdpop: ${proof}`;
  });
  write(`bound.${round}`, `${lines.join('\n')}\n`);
}

const signed = Array.from({ length: many }, (_, number) => {
  const covered = `("@method" "@path");created=${now};keyid="signer";nonce="${number}"`;
  const base = `"@method": GET\n"@path": ${path}\n"@signature-params": ${covered}`;
  return `signature-input: sig1=${covered}\tsignature: sig1=:${es256(signer, base).toString('base64')}:`;
});
write('signed.one', `${signed[0]}\n`);
write('signed.many', `${signed.join('\n')}\n`);
write('opaque', 'opaque\n');
