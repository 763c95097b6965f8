// What oauth4webapi can do: the protocol step by step, as a client and as a resource server.
import assert from 'node:assert/strict'
import { importJWK } from 'jose'
import * as oauth from 'oauth4webapi'
import { feature, open, site } from './site.mjs'

const http = { [oauth.allowInsecureRequests]: site.issuer.startsWith('http:') }

async function discover(issuer = new URL(site.issuer)) {
  const answer = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http })
  return oauth.processDiscoveryResponse(issuer, answer)
}

const as = await discover()
const withSecret = (id) => oauth.ClientSecretBasic(site.secrets[id])

async function keyOf(id) {
  const jwk = site.keys[id]
  return { key: await importJWK(jwk, jwk.alg), kid: jwk.kid }
}

const web = { as, client: { client_id: 'web' }, auth: withSecret('web') }
const publicClient = { as, client: { client_id: 'public' }, auth: oauth.None() }
const api = { as, client: { client_id: 'api' }, auth: withSecret('api') }
const signer = { as, client: { client_id: 'signer' }, auth: oauth.PrivateKeyJwt(await keyOf('signer')) }

// begin is an authorization request, and what is needed later.
async function begin({ as, client }, extra) {
  const state = oauth.generateRandomState()
  const verifier = oauth.generateRandomCodeVerifier()
  const parameters = new URLSearchParams({
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: site.redirect_uri,
    scope: 'contacts.read',
    resource: site.resource,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...extra,
  })
  const url = new URL(as.authorization_endpoint)
  url.search = parameters
  return { state, verifier, parameters, url }
}

// redeem exchanges the code of an answer that was validated.
async function redeem({ as, client, auth }, answer, verifier, options) {
  const tokens = await oauth.authorizationCodeGrantRequest(as, client, auth, answer, site.redirect_uri, verifier, { ...http, ...options })
  return oauth.processAuthorizationCodeResponse(as, client, tokens)
}

async function authorize(who, extra, options) {
  const { state, verifier, url } = await begin(who, extra)
  const answer = oauth.validateAuthResponse(who.as, who.client, await open(url), state)
  return redeem(who, answer, verifier, options)
}

async function refresh({ as, client, auth }, token, options) {
  return oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, auth, token, { ...http, ...options }))
}

async function introspect(token, options) {
  const answer = await oauth.introspectionRequest(api.as, api.client, api.auth, token, { ...http, ...options })
  const claims = await oauth.processIntrospectionResponse(api.as, api.client, answer)
  return { answer, claims }
}

const callAPI = (token, options, resource = site.resource) =>
  oauth.protectedResourceRequest(token, 'GET', new URL('/contacts', resource), undefined, undefined, { ...http, ...options })

await feature('metadata', async () => {
  assert.equal(as.issuer, site.issuer)
})

await feature('protected resource metadata', async () => {
  const resource = new URL(site.resource)
  const metadata = await oauth.processResourceDiscoveryResponse(resource, await oauth.resourceDiscoveryRequest(resource, http))
  assert.deepEqual(metadata.authorization_servers, [site.issuer])
})

await feature('code and PKCE', async () => {
  for (const who of [web, publicClient]) assert.ok((await authorize(who)).refresh_token)
})

await feature('form post', async () => {
  const { state, verifier, url } = await begin(web, { response_mode: 'form_post' })
  const posted = new URLSearchParams(await oauth.formPostResponse(await open(url)))
  assert.ok(await redeem(web, oauth.validateAuthResponse(as, web.client, posted, state), verifier))
})

await feature('refusal', async () => {
  const { state, url } = await begin(web)
  const refused = await open(url, 'no')
  assert.throws(() => oauth.validateAuthResponse(as, web.client, refused, state), { error: 'access_denied' })
  await assert.rejects(refresh(web, 'made-up'), { error: 'invalid_grant' })
})

await feature('API', async () => {
  const { access_token } = await authorize(web)
  assert.equal((await callAPI(access_token)).status, 200)
  await assert.rejects(callAPI('made-up'), ({ cause: [challenge] }) => {
    assert.equal(challenge.parameters.error, 'invalid_token')
    return challenge.parameters.resource_metadata.startsWith(site.resource)
  })
})

await feature('refresh', async () => {
  const first = await authorize(publicClient)
  const second = await refresh(publicClient, first.refresh_token)
  assert.notEqual(second.refresh_token, first.refresh_token)
  const again = await refresh(publicClient, first.refresh_token) // as if the answer had been lost
  assert.equal(again.refresh_token, second.refresh_token)
  assert.equal(again.access_token, second.access_token)
})

await feature('introspection', async () => {
  const { access_token } = await authorize(web)
  const { claims } = await introspect(access_token)
  assert.equal(claims.active, true)
  assert.equal(claims.client_id, 'web')
})

await feature('signed introspection', async () => {
  const { access_token } = await authorize(web)
  const { answer, claims } = await introspect(access_token, { requestJwtResponse: true })
  await oauth.validateApplicationLevelSignature(as, answer, http)
  assert.equal(claims.sub, 'alice')
})

await feature('revocation', async () => {
  const { access_token } = await authorize(web)
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, web.client, web.auth, access_token, http))
  assert.equal((await introspect(access_token)).claims.active, false)
})

await feature('client credentials', async () => {
  const machine = { client_id: 'machine' }
  const answer = await oauth.clientCredentialsGrantRequest(as, machine, withSecret('machine'), { scope: 'contacts.stats' }, http)
  assert.ok((await oauth.processClientCredentialsResponse(as, machine, answer)).access_token)
})

await feature('PAR', async () => {
  const { state, verifier, parameters } = await begin(web)
  const pushed = await oauth.processPushedAuthorizationResponse(
    as, web.client, await oauth.pushedAuthorizationRequest(as, web.client, web.auth, parameters, http))
  const url = new URL(as.authorization_endpoint)
  url.search = new URLSearchParams({ client_id: 'web', request_uri: pushed.request_uri })
  assert.ok(await redeem(web, oauth.validateAuthResponse(as, web.client, await open(url), state), verifier))
})

const proofs = async (algorithm) => ({ DPoP: oauth.DPoP(publicClient.client, await oauth.generateKeyPair(algorithm)) })

await feature('DPoP', async () => {
  for (const algorithm of ['ES256', 'Ed25519', 'PS256']) {
    const options = await proofs(algorithm)
    const { token_type, access_token, refresh_token } = await authorize(publicClient, {}, options)
    assert.equal(token_type, 'dpop')
    assert.equal((await callAPI(access_token, options)).status, 200)
    await assert.rejects(callAPI(access_token, await proofs(algorithm)), 'another key')
    assert.ok(await refresh(publicClient, refresh_token, options))
  }
})

await feature('private_key_jwt', async () => {
  assert.ok(await refresh(signer, (await authorize(signer)).refresh_token))
})

await feature('JAR', async () => {
  const { state, verifier, parameters } = await begin(signer)
  const url = new URL(as.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id: 'signer',
    request: await oauth.issueRequestObject(as, signer.client, parameters, await keyOf('signer')),
  })
  assert.ok(await redeem(signer, oauth.validateAuthResponse(as, signer.client, await open(url), state), verifier))
})

await feature('JARM', async () => {
  const client = { ...web.client, authorization_signed_response_alg: site.algorithm }
  const { state, verifier, url } = await begin(web, { response_mode: 'jwt' })
  const answer = await oauth.validateJwtAuthResponse(as, client, await open(url), state, http)
  assert.ok(await redeem({ ...web, client }, answer, verifier))
})

await feature('JWT access token', async () => {
  const issuer = { as: await discover(new URL(site.jwt.issuer)), client: publicClient.client, auth: publicClient.auth }
  const options = await proofs('ES256')
  const { access_token } = await authorize(issuer, { resource: site.jwt.resource }, options)
  assert.equal((await callAPI(access_token, options, site.jwt.resource)).status, 200)

  // The library as the API: it verifies what it would be sent.
  let sent
  const record = async (url, init) => {
    sent = new Request(url, init)
    return new Response()
  }
  await callAPI(access_token, { ...options, [oauth.customFetch]: record }, site.jwt.resource)
  const claims = await oauth.validateJwtAccessToken(issuer.as, sent, site.jwt.resource, { requireDPoP: true, ...http })
  assert.equal(claims.sub, 'alice')
})
