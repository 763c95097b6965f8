// What a program says to the test that started it: JSON, one line each way.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const send = (message) => process.stdout.write(JSON.stringify(message) + '\n')

async function receive() {
  process.stdin.ref()
  const { value } = await lines.next()
  process.stdin.unref() // so that the program ends when it has nothing left to do
  return JSON.parse(value)
}

// site is what the client is told about the servers.
export const site = await receive()

// open lets the person answer an authorization request, and returns where her browser is sent: a URL, or
// the request by which it posts a form there.
export async function open(url, answer = 'yes') {
  send({ open: url.toString(), answer })
  const { callback, form } = await receive()
  return form ? new Request(callback, { method: 'POST', body: new URLSearchParams(form) }) : new URL(callback)
}

// wanted are the features to drive. None means all.
const wanted = process.argv.slice(2)

// feature drives a feature, and tells the test that it went through.
export async function feature(name, drive) {
  if (wanted.length > 0 && !wanted.includes(name)) return
  await drive()
  send({ shown: name })
}
