// What openid-client can do. Each feature begins with a client of its own.
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRemoteJWKSet, importJWK, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { Agent, fetch as fetchThrough } from 'undici'
import { feature, open, site } from './site.mjs'

// configure discovers the server's metadata (RFC 8414) for a client.
const configure = (id, auth, metadata, issuer = site.issuer) =>
  client.discovery(new URL(issuer), id, metadata, auth, {
    algorithm: 'oauth2',
    execute: issuer.startsWith('http:') ? [client.allowInsecureRequests] : [],
  })

const web = () => configure('web', client.ClientSecretBasic(site.secrets.web))
const publicClient = () => configure('public', client.None())
const machine = () => configure('machine', client.ClientSecretPost(site.secrets.machine))
const api = (metadata) => configure('api', client.ClientSecretBasic(site.secrets.api), metadata)

async function keyOf(id) {
  const jwk = site.keys[id]
  return { key: await importJWK(jwk, jwk.alg), kid: jwk.kid }
}

const signer = async (id = 'signer', metadata) => configure(id, client.PrivateKeyJwt(await keyOf(id)), metadata)

// request is an authorization request, and what its answer is checked by.
async function request(parameters) {
  const checks = { expectedState: client.randomState(), pkceCodeVerifier: client.randomPKCECodeVerifier() }
  return [checks, {
    redirect_uri: site.redirect_uri,
    scope: 'contacts.read contacts.stats',
    resource: site.resource,
    state: checks.expectedState,
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...parameters,
  }]
}

// authorize asks the user, and redeems the code. urlOf makes the URL that the browser is sent to.
async function authorize(config, urlOf = client.buildAuthorizationUrl, options, parameters) {
  const [checks, wanted] = await request(parameters)
  const callback = await open(await urlOf(config, wanted, options))
  return client.authorizationCodeGrant(config, callback, checks, undefined, options)
}

const introspect = async (token) => client.tokenIntrospection(await api(), token)

async function callAPI(config, tokens, options, resource = site.resource) {
  const contacts = new URL('/contacts', resource)
  const answer = await client.fetchProtectedResource(config, tokens.access_token, contacts, 'GET', undefined, undefined, options)
  assert.equal(answer.status, 200)
  assert.ok((await answer.json()).length > 0)
}

await feature('metadata', async () => {
  const metadata = (await web()).serverMetadata()
  assert.equal(metadata.issuer, site.issuer)
  assert.ok(metadata.supportsPKCE())
})

await feature('code and PKCE', async () => {
  for (const config of [await web(), await publicClient()]) {
    const tokens = await authorize(config)
    assert.equal(tokens.token_type, 'bearer')
    assert.ok(tokens.refresh_token)
    assert.ok(tokens.expiresIn() > 0)
  }
})

await feature('form post', async () => {
  assert.ok(await authorize(await web(), undefined, undefined, { response_mode: 'form_post' }))
})

await feature('refusal', async () => {
  const config = await web()
  const [checks, wanted] = await request()
  const refused = await open(client.buildAuthorizationUrl(config, wanted), 'no')
  await assert.rejects(client.authorizationCodeGrant(config, refused, checks), { name: 'AuthorizationResponseError', error: 'access_denied' })

  const allowed = await open(client.buildAuthorizationUrl(config, wanted))
  const strangers = { ...checks, pkceCodeVerifier: client.randomPKCECodeVerifier() }
  await assert.rejects(client.authorizationCodeGrant(config, allowed, strangers), { name: 'ResponseBodyError', error: 'invalid_grant' })

  const impostor = await configure('web', client.ClientSecretBasic('guessed'))
  await assert.rejects(client.authorizationCodeGrant(impostor, allowed, checks), (error) => {
    assert.equal(error.name, 'WWWAuthenticateChallengeError')
    assert.equal(error.status, 401)
    assert.equal(error.cause[0].scheme, 'basic')
    return true
  })
  assert.ok((await client.authorizationCodeGrant(config, allowed, checks)).access_token, 'the failures used nothing up')
})

await feature('API', async () => {
  const config = await web()
  await callAPI(config, await authorize(config))
  await assert.rejects(callAPI(config, { access_token: 'made-up' }), (error) => {
    assert.equal(error.cause[0].scheme, 'bearer')
    assert.equal(error.cause[0].parameters.error, 'invalid_token')
    return true
  })
})

await feature('refresh', async () => {
  for (const config of [await web(), await publicClient()]) {
    const first = await authorize(config)
    const second = await client.refreshTokenGrant(config, first.refresh_token)
    assert.notEqual(second.refresh_token, first.refresh_token)
    const narrow = await client.refreshTokenGrant(config, second.refresh_token, { scope: 'contacts.read' })
    assert.equal(narrow.scope, 'contacts.read')
    await callAPI(config, narrow)
    const wide = await client.refreshTokenGrant(config, narrow.refresh_token)
    assert.equal((await introspect(wide.access_token)).scope, 'contacts.read contacts.stats')
  }
})

await feature('introspection', async () => {
  const { access_token } = await authorize(await web())
  const answer = await introspect(access_token)
  assert.equal(answer.active, true)
  assert.equal(answer.sub, 'alice')
  assert.equal(answer.client_id, 'web')
  assert.equal(answer.scope, 'contacts.read contacts.stats')
  assert.equal(answer.iss, site.issuer)
  assert.ok([answer.aud].flat().includes(site.resource))
  assert.deepEqual(await introspect('made-up'), { active: false })
})

await feature('signed introspection', async () => {
  const config = await api({ introspection_signed_response_alg: site.algorithm })
  client.enableNonRepudiationChecks(config) // which is to verify the signature
  const { access_token } = await authorize(await web())
  const answer = await client.tokenIntrospection(config, access_token)
  assert.equal(answer.active, true)
  assert.equal(answer.sub, 'alice')
})

await feature('revocation', async () => {
  const config = await web()
  const tokens = await authorize(config)
  await client.tokenRevocation(config, tokens.refresh_token)
  assert.deepEqual(await introspect(tokens.access_token), { active: false })
  await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' })
  await client.tokenRevocation(config, 'made-up') // which is no error (RFC 7009 section 2.2)
})

await feature('client credentials', async () => {
  const tokens = await client.clientCredentialsGrant(await machine(), { scope: 'contacts.stats', resource: site.resource })
  assert.equal(tokens.refresh_token, undefined)
  assert.equal((await introspect(tokens.access_token)).client_id, 'machine')
})

await feature('PAR', async () => {
  for (const config of [await web(), await publicClient()]) {
    await callAPI(config, await authorize(config, client.buildAuthorizationUrlWithPAR))
  }
})

await feature('DPoP', async () => {
  for (const algorithm of ['ES256', 'Ed25519', 'PS256', 'RS256']) {
    const config = await publicClient()
    const options = { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair(algorithm)) }
    const jkt = await options.DPoP.calculateThumbprint()
    const first = await authorize(config, client.buildAuthorizationUrl, options, { dpop_jkt: jkt })
    assert.equal(first.token_type, 'dpop')
    await callAPI(config, first, options)
    await assert.rejects(callAPI(config, first), 'without its key it is good for nothing')
    await assert.rejects(client.refreshTokenGrant(config, first.refresh_token), 'nor is the refresh token')
    const second = await client.refreshTokenGrant(config, first.refresh_token, undefined, options)
    assert.equal((await introspect(second.access_token)).cnf.jkt, jkt)
  }
})

await feature('private_key_jwt', async () => {
  const config = await signer()
  const tokens = await client.refreshTokenGrant(config, (await authorize(config)).refresh_token)
  await callAPI(config, tokens)
  await client.tokenRevocation(config, tokens.access_token)
  assert.deepEqual(await introspect(tokens.access_token), { active: false })
})

const signedRequest = (id) => async (config, parameters) => client.buildAuthorizationUrlWithJAR(config, parameters, await keyOf(id))

await feature('JAR', async () => {
  const config = await signer()
  await callAPI(config, await authorize(config, signedRequest('signer')))
})

await feature('JARM', async () => {
  const config = await signer('signer', { authorization_signed_response_alg: site.algorithm })
  client.useJwtResponseMode(config)
  await callAPI(config, await authorize(config))
  const [checks, wanted] = await request()
  const refused = await open(client.buildAuthorizationUrl(config, wanted), 'no')
  await assert.rejects(client.authorizationCodeGrant(config, refused, checks), { error: 'access_denied' })
})

await feature('all of these at once', async () => {
  const config = await signer('strict', { authorization_signed_response_alg: site.algorithm })
  client.useJwtResponseMode(config)
  const options = { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair()) }
  const pushed = async (config, parameters, options) => {
    const signed = await signedRequest('strict')(config, parameters)
    return client.buildAuthorizationUrlWithPAR(config, signed.searchParams, options)
  }
  const first = await authorize(config, pushed, options)
  const second = await client.refreshTokenGrant(config, first.refresh_token, undefined, options)
  await callAPI(config, second, options)
  const plain = await request()
  await assert.rejects(client.buildAuthorizationUrlWithPAR(config, plain[1], options), { error: 'invalid_request' })
})

await feature('JWT access token', async () => {
  const config = await configure('web', client.ClientSecretBasic(site.secrets.web), undefined, site.jwt.issuer)
  const tokens = await authorize(config, client.buildAuthorizationUrl, undefined, { resource: site.jwt.resource })
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))
  const { payload } = await jwtVerify(tokens.access_token, keys, { issuer: site.jwt.issuer, audience: site.jwt.resource, typ: 'at+jwt' })
  assert.equal(payload.sub, 'alice')
  assert.equal(payload.client_id, 'web')
  assert.equal(payload.scope, 'contacts.read contacts.stats')
  await callAPI(config, tokens, undefined, site.jwt.resource)
})

if (site.card) {
  await feature('mutual TLS', async () => {
    const ca = readFileSync(site.certificates)
    const cert = readFileSync(site.card.certificate)
    const dispatcher = new Agent({ connect: { ca, cert, key: readFileSync(site.card.key) } })
    const config = await configure('carded', client.TlsClientAuth())
    const withoutCard = config[client.customFetch]
    config[client.customFetch] = (url, options) => fetchThrough(url, { ...options, dispatcher })
    const first = await authorize(config)
    const second = await client.refreshTokenGrant(config, first.refresh_token)
    const { cnf } = await introspect(second.access_token)
    assert.equal(cnf['x5t#S256'], createHash('sha256').update(new X509Certificate(cert).raw).digest('base64url'))

    config[client.customFetch] = withoutCard
    await assert.rejects(client.refreshTokenGrant(config, second.refresh_token), { name: 'WWWAuthenticateChallengeError', status: 401 })
    await dispatcher.close()
  })
}
