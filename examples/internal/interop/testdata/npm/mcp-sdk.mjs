// What @modelcontextprotocol/sdk can do.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { drive } from './mcp.mjs'

await drive({ Client, StreamableHTTPClientTransport }, (transport, answer) => transport.finishAuth(answer.get('code')))
