// The certified oidc-provider as an authorization server, on a free port of 127.0.0.1. It is told what to do by lines on its input, a word
// and perhaps an argument, and answers each with one line:
//   opaque | jwt              an access token that says nothing by itself, or one that is a JWT
//   bound opaque | bound jwt  the same, bound to the key that proofs are signed with
//   certified PEM             a JWT bound to a certificate, given in base64
//   revoke TOKEN              revoke a token
//   proof JSON                a proof: htm, htu, and what else is to differ: token, claims, header, key ("other"), typ
//   rotate | retire           sign with a new key; forget all keys but the newest
//   mood WORD                 how introspection goes from now on: well, broken, slow, huge, garbage, odd, hung
//   asked                     how often that was asked for
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { SignJWT, base64url, exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

// What it has to say for itself is no answer.
console.info = console.error;
console.warn = console.error;

const INTROSPECTION = '/token/introspection';
const secret = (name) => `a secret of ${name}, which is long enough`;
const holders = {};
for (const name of ['own', 'other']) {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  holders[name] = { privateKey, jwk: await exportJWK(publicKey) };
}

const keys = [];
let issuer, handle;
let mood = 'well';
let asked = 0;

async function addKey() {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  keys.unshift({ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: `key-${Date.now()}-${keys.length}` });
}

function client(client_id, more) {
  return {
    client_id,
    client_secret: secret(client_id),
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_post',
    id_token_signed_response_alg: 'ES256',
    ...more,
  };
}

const servers = {
  'urn:opaque': { scope: 'pets:read pets:write', audience: 'api', accessTokenFormat: 'opaque', accessTokenTTL: 600 },
  'urn:jwt': {
    scope: 'pets:read pets:write',
    audience: 'api',
    accessTokenFormat: 'jwt',
    accessTokenTTL: 600,
    jwt: { sign: { alg: 'ES256' } },
  },
};

function serve() {
  const provider = new Provider(issuer, {
    clients: [
      client('app'),
      client('certified', { tls_client_certificate_bound_access_tokens: true }),
      client('gate', { token_endpoint_auth_method: 'client_secret_basic' }),
    ],
    jwks: { keys },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        getCertificate: (ctx) => {
          const said = ctx.get('x-certificate');
          return said ? Buffer.from(said, 'base64').toString() : undefined;
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:opaque',
        useGrantedResource: () => true,
        getResourceServerInfo: (_, resource) => servers[resource],
      },
    },
  });
  handle = provider.callback();
}

async function token(client_id, resource, headers = {}) {
  const grant = { grant_type: 'client_credentials', scope: 'pets:read', resource };
  const body = new URLSearchParams({ client_id, client_secret: secret(client_id), ...grant });
  const response = await fetch(`${issuer}/token`, { method: 'POST', body, headers });
  const said = await response.json();
  if (!said.access_token) throw new Error(JSON.stringify(said));
  return said.access_token;
}

async function proof({ htm, htu, token, claims = {}, header = {}, key = 'own', typ = 'dpop+jwt' }) {
  const holder = holders[key];
  const ath = token && base64url.encode(createHash('sha256').update(token).digest());
  const said = { htm, htu, jti: crypto.randomUUID(), iat: Math.floor(Date.now() / 1000), ...(ath && { ath }), ...claims };
  return new SignJWT(said)
    .setProtectedHeader({ alg: 'ES256', typ, jwk: holder.jwk, ...header })
    .sign(holder.privateKey);
}

const commands = {
  opaque: () => token('app', 'urn:opaque'),
  jwt: () => token('app', 'urn:jwt'),
  async bound(kind) {
    const DPoP = await proof({ htm: 'POST', htu: `${issuer}/token` });
    return token('app', `urn:${kind}`, { DPoP });
  },
  certified: (pem) => token('certified', 'urn:jwt', { 'x-certificate': pem }),
  async revoke(revoked) {
    const body = new URLSearchParams({ token: revoked, client_id: 'app', client_secret: secret('app') });
    return (await fetch(`${issuer}/token/revocation`, { method: 'POST', body })).status;
  },
  proof: (said) => proof(JSON.parse(said)),
  async rotate() {
    await addKey();
    serve();
    return 'rotated';
  },
  retire() {
    keys.length = 1;
    serve();
    return 'retired';
  },
  mood(word) {
    mood = word;
    return word;
  },
  asked: () => asked,
};

const json = { 'content-type': 'application/json' };
const moods = {
  broken: (response) => response.writeHead(500, json).end('{"error":"server_error"}'),
  huge: (response) => response.writeHead(200, json).end(`{"active":true,"fill":"${'x'.repeat(2 ** 20)}"}`),
  garbage: (response) => response.writeHead(200, json).end('<html>active</html>'),
  odd: (response) => response.writeHead(200, json).end('{"active":"true","sub":"root","aud":"api"}'),
  hung: () => {},
};

function answer(request, response) {
  if (request.url !== INTROSPECTION) return handle(request, response);
  asked += 1;
  if (mood === 'slow') return setTimeout(() => handle(request, response), 5000);
  return (moods[mood] ?? (() => handle(request, response)))(response);
}

const server = createServer(answer);
server.listen(0, '127.0.0.1', async () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  await addKey();
  serve();
  console.log(`listening on 127.0.0.1:${server.address().port}`);
  for await (const line of createInterface({ input: process.stdin })) {
    const [word, ...rest] = line.split(' ');
    console.log(await commands[word](rest.join(' ')));
  }
  process.exit(0);
});
