// A real OpenID Connect provider on loopback, for tests/identity/test_provider.py. It prints one JSON line when it
// answers. Everybody who comes to its login page is signed in as the account named by `login_hint`.
import http from 'node:http'
import crypto from 'node:crypto'
import { Provider } from 'oidc-provider'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'

const RESOURCES = { 'urn:casework': 'casework', 'urn:elsewhere': 'another-api' }
const counts = { jwks: 0, discovery: 0 }
let away = false
let key, provider

async function renew(port) {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const kid = crypto.randomUUID()
  key = { kid, privateKey }
  const jwk = { ...(await exportJWK(privateKey)), kid, use: 'sig', alg: 'ES256' }
  provider = new Provider(`http://127.0.0.1:${port}`, {
    jwks: { keys: [jwk] },
    clients: [
      { client_id: 'machine', client_secret: 'a-secret-of-the-tests', grant_types: ['client_credentials'],
        redirect_uris: [], response_types: [] },
      { client_id: 'front-end', token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1/back'],
        grant_types: ['authorization_code'], response_types: ['code'] },
    ],
    clientAuthMethods: ['none', 'client_secret_basic'],
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    scopes: ['openid', 'profile'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    pkce: { required: () => true },
    cookies: { keys: ['a-cookie-key-of-the-tests'] },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:casework',
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx, resource) => ({
          scope: 'case:read', audience: RESOURCES[resource], accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  })
}

async function signIn(request, response) {
  const details = await provider.interactionDetails(request, response)
  const accountId = details.params.login_hint
  if (details.prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId } })
  }
  const grant = new provider.Grant({ accountId, clientId: details.params.client_id })
  grant.addOIDCScope('openid profile')
  grant.addResourceScope('urn:casework', 'case:read')
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
}

async function control(request, response) {
  let body = ''
  for await (const part of request) body += part
  const asked = body ? JSON.parse(body) : {}
  let told = {}
  if (request.url === '/control/renew') await renew(server.address().port)
  if (request.url === '/control/away') away = asked.away
  if (request.url === '/control/counts') told = counts
  if (request.url === '/control/sign') {
    told = { token: await new SignJWT(asked.payload).setProtectedHeader({ kid: key.kid, ...asked.header }).sign(key.privateKey) }
  }
  response.setHeader('content-type', 'application/json').end(JSON.stringify(told))
}

const server = http.createServer((request, response) => {
  const done = (error) => response.writeHead(500).end(String(error))
  if (request.url.startsWith('/control/')) return control(request, response).catch(done)
  if (request.url === '/jwks') counts.jwks += 1
  if (request.url.startsWith('/.well-known/')) counts.discovery += 1
  if (away) return response.writeHead(503).end()
  if (request.url.startsWith('/interaction/')) return signIn(request, response).catch(done)
  return provider.callback()(request, response)
})
server.listen(0, '127.0.0.1', async () => {
  await renew(server.address().port)
  process.stdout.write(JSON.stringify({ issuer: `http://127.0.0.1:${server.address().port}` }) + '\n')
})
