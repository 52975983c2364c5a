// Serves the page of this example, and MQTT.js for it, on a port of 127.0.0.1: node serve.mjs PORT
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'

const files = new Map([
  ['/', { type: 'text/html; charset=utf-8', path: fileURLToPath(new URL('index.html', import.meta.url)) }],
  ['/mqtt.min.js', { type: 'text/javascript', path: fileURLToPath(import.meta.resolve('mqtt/dist/mqtt.min')) }],
])

const server = createServer(async (request, response) => {
  const file = files.get(new URL(request.url ?? '/', 'http://localhost').pathname)
  if (file === undefined) response.writeHead(404).end()
  else response.writeHead(200, { 'Content-Type': file.type }).end(await readFile(file.path))
})
server.listen(Number(process.argv[2] ?? 7185), '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') console.log(`http://127.0.0.1:${address.port}/`)
})
