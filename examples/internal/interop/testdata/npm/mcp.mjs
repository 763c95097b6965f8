// What the SDKs of the Model Context Protocol can do, given the URL of an MCP server and nothing else.
import assert from 'node:assert/strict'
import { feature, open, site } from './site.mjs'

const endpoint = new URL(site.resource)

// A Memory is an OAuthClientProvider that remembers all that it is given.
class Memory {
  // known is how the client is known to the server: by its document, or by registration.
  constructor(known) {
    if (known === 'document') this.clientMetadataUrl = site.document
  }

  redirectUrl = site.redirect_uri
  clientMetadata = {
    client_name: 'Notepad',
    redirect_uris: [site.redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
  }

  state = () => (this.expected = crypto.randomUUID())
  clientInformation = () => this.client
  saveClientInformation = (client) => { this.client = client }
  tokens = () => this.got
  saveTokens = (tokens) => { this.got = tokens }
  saveCodeVerifier = (verifier) => { this.verifier = verifier }
  codeVerifier = () => this.verifier
  saveDiscoveryState = (found) => { this.found = found }
  discoveryState = () => this.found
  redirectToAuthorization = (url) => { this.asked = url }
}

// drive drives with a version of the SDK. finish takes a callback to its transport.
export async function drive({ Client, StreamableHTTPClientTransport }, finish) {
  // authorized does something that may need the user first, and then once more.
  async function authorized(memory, transport, step) {
    try {
      return await step()
    } catch (error) {
      if (!memory.asked) throw error
    }
    const callback = await open(memory.asked)
    memory.asked = undefined
    assert.equal(callback.searchParams.get('state'), memory.expected)
    await finish(transport, callback.searchParams)
    return step()
  }

  async function connect(memory) {
    const client = new Client({ name: 'notepad', version: '1.0.0' })
    let transport = new StreamableHTTPClientTransport(endpoint, { authProvider: memory })
    await authorized(memory, transport, () => {
      transport = new StreamableHTTPClientTransport(endpoint, { authProvider: memory })
      return client.connect(transport)
    })
    return { call: (name) => authorized(memory, transport, () => client.callTool({ name, arguments: {} })), close: () => client.close() }
  }

  for (const known of ['document', 'registration']) {
    await feature(`code and PKCE, known by ${known}`, async () => {
      const memory = new Memory(known)
      const { call, close } = await connect(memory)
      assert.equal(memory.client.client_id === site.document, known === 'document')
      const answer = await call('list_contacts')
      assert.ok(answer.structuredContent.contacts.length > 0)
      await close()
    })
  }

  await feature('refresh', async () => {
    const memory = new Memory('document')
    const { call, close } = await connect(memory)
    memory.got = { ...memory.got, access_token: 'worn-out' }
    assert.ok(!(await call('list_contacts')).isError)
    assert.notEqual(memory.got.access_token, 'worn-out')
    await close()
  })

  // Version 1 of the SDK refreshes instead of asking the user, where it can, and gives up.
  await feature('more scopes when a tool needs them', async () => {
    const memory = new Memory('document')
    memory.clientMetadataUrl = site.document.replace('client.json', 'without-refresh.json')
    const { call, close } = await connect(memory)
    assert.ok(!(await call('contact_stats')).isError)
    await close()
  })
}
