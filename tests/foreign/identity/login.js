// The certified oidc-provider as a place to sign in, on a free port of 127.0.0.1. It is told what to do by lines on its input, a word and
// perhaps an argument, and answers each with one line:
//   site URL PATH where the site is that people sign in to, and where on it they come back to if not at /_login/callback
//   par WORD      announce that requests can be pushed (`yes`), have to be (`always`), or say nothing of it (`no`)
//   ttl SECONDS   how long access tokens are good from now on
//   asked PATH    how often a path was asked for
// Its page to sign in is sent off by itself the first time a browser sees it; then it waits.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

// What it has to say for itself is no answer.
console.info = console.error;
console.warn = console.error;

const { privateKey } = await generateKeyPair('ES256', { extractable: true });
const jwks = { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: 'login' }] };
const asked = new Map();
let issuer, provider, handle;
let site = 'http://127.0.0.1:1';
let callback = '/_login/callback';
let par = 'yes';
let ttl = 600;
let wasHere = false;

function serve() {
  provider = new Provider(issuer, {
    clients: [{
      client_id: 'shop',
      client_secret: 'a secret of the shop, which is long enough',
      redirect_uris: [`${site}${callback}`],
      // The second is that of the demo.
      post_logout_redirect_uris: [`${site}/`, `${site}/petstore/pets`],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'ES256',
    }],
    jwks,
    claims: { openid: ['sub', 'groups'], email: ['email'] },
    conformIdTokenClaims: false,
    scopes: ['openid', 'email', 'offline_access'],
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    ttl: { AccessToken: () => ttl, IdToken: 600, RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 600 },
    cookies: { keys: ['a key of the tests'] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com`, groups: ['customers'] }),
    }),
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId,
        accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope('openid email offline_access');
      await grant.save();
      return grant;
    },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      pushedAuthorizationRequests: { enabled: par !== 'no', requirePushedAuthorizationRequests: par === 'always' },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource(ctx, form) {
          const send = 'const f=document.forms[0];const i=document.createElement("input");i.name="logout";i.value="yes";f.append(i);f.submit()';
          ctx.body = `<!doctype html><title>Sign out</title><body>${form}<script>${send}</script></body>`;
        },
      },
    },
  });
  handle = provider.callback();
}

async function interact(request, response) {
  if (request.method === 'POST') {
    return provider.interactionFinished(request, response, { login: { accountId: 'ann' } });
  }
  const send = wasHere ? '' : '<script>document.forms[0].submit()</script>';
  wasHere = true;
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end(`<!doctype html><title>Sign in</title><body><h1>Sign in</h1><form method="post"><button>Go on</button></form>${send}</body>`);
}

const commands = {
  site(said) {
    const [url, path] = said.split(' ');
    [site, callback] = [url, path ?? callback];
    serve();
    return url;
  },
  par(word) {
    par = word;
    serve();
    return word;
  },
  ttl(seconds) {
    ttl = Number(seconds);
    return seconds;
  },
  asked: (path) => asked.get(path) ?? 0,
};

const server = createServer((request, response) => {
  const path = request.url.split('?')[0];
  asked.set(path, (asked.get(path) ?? 0) + 1);
  return path.startsWith('/interaction/') ? interact(request, response) : handle(request, response);
});
// A connection for each request: what it says of keeping them is for nobody to judge.
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', async () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  serve();
  console.log(`listening on 127.0.0.1:${server.address().port}`);
  for await (const line of createInterface({ input: process.stdin })) {
    const [word, ...rest] = line.split(' ');
    console.log(await commands[word](rest.join(' ')));
  }
  process.exit(0);
});
