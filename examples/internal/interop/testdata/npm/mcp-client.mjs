// What @modelcontextprotocol/client can do.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { drive } from './mcp.mjs'

await drive({ Client, StreamableHTTPClientTransport }, (transport, answer) => transport.finishAuth(answer))
