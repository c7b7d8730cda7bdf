// The certified oidc-provider on a free port of 127.0.0.1. It is told what to do by lines on its input, and answers each with one line:
//   token     an access token of a client, as it comes from the token endpoint
//   rotate    sign with a new key from now on; the set has it and the key before
//   retire    the set has the newest key only
//   lie       say to be another issuer
//   repent    say who it is again
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

// What it has to say for itself is no answer.
console.info = console.error;

const client = { client_id: 'app', client_secret: 'a secret of an application' };
const keys = [];
let issuer;
let handle;

async function addKey() {
  const alg = keys.length % 2 === 0 ? 'ES256' : 'RS256';
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  keys.unshift({ ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `key-${Date.now()}-${keys.length}` });
}

function serve(named = issuer) {
  const provider = new Provider(named, {
    clients: [{
      ...client,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
      id_token_signed_response_alg: keys[0].alg,
    }],
    jwks: { keys },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:api',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'pets:read',
          audience: 'api',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: keys[0].alg } },
        }),
      },
    },
  });
  handle = provider.callback();
}

async function token() {
  const body = new URLSearchParams({ ...client, grant_type: 'client_credentials', scope: 'pets:read' });
  const response = await fetch(`${issuer}/token`, { method: 'POST', body });
  const said = await response.json();
  if (!said.access_token) throw new Error(JSON.stringify(said));
  return said.access_token;
}

const commands = {
  token,
  async rotate() {
    await addKey();
    serve();
    return 'rotated';
  },
  async retire() {
    keys.length = 1;
    serve();
    return 'retired';
  },
  lie() {
    serve(`${issuer}/other`);
    return 'lying';
  },
  repent() {
    serve();
    return 'honest';
  },
};

const server = createServer((request, response) => handle(request, response));
server.listen(0, '127.0.0.1', async () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  await addKey();
  serve();
  console.log(`listening on 127.0.0.1:${server.address().port}`);
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(await commands[line]());
  }
  process.exit(0);
});
