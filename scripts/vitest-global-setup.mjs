// One Kafka broker for the whole run of the tests, started when the first test file asks for it (test-environment.mjs).
// Named in vitest.config.ts; runs in vitest's main process and answers the workers over HTTP on 127.0.0.1.
// Must never start a broker for a run that does not ask for one: most runs are of a few files.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { startBroker } from './kafka-broker.mjs'
import { KafkaUnavailable } from './kafka-distribution.mjs'
import { kafkaMode } from './test-environment.mjs'

// Not `step`: a line that rewrites itself does not go with vitest's own.
/** @type {typeof import('./progress.mjs').silently} */
const announce = (title, work) => {
  process.stdout.write(`${title} …\n`)
  return work()
}

/** Called by vitest before the tests; what it returns is called after them. */
export default async function setup() {
  if (kafkaMode() === 'off' || process.env.ZILLA_TEST_KAFKA_BOOTSTRAP) return undefined
  /** @type {ReturnType<typeof startBroker> | undefined} */
  let starting
  const server = createServer((_request, response) => {
    starting ??= startBroker({ step: announce })
    starting.then(
      ({ bootstrap }) => response.end(JSON.stringify({ bootstrap })),
      (error) =>
        response.end(JSON.stringify({ [error instanceof KafkaUnavailable ? 'missing' : 'failure']: error.message })),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  process.env.ZILLA_TEST_KAFKA_SERVICE = `http://127.0.0.1:${port}/`

  return async () => {
    server.close()
    server.closeAllConnections()
    try {
      await (await starting)?.stop()
    } catch (error) {
      process.stdout.write(`\nNOT RUN: tests on a real Kafka broker. ${/** @type {Error} */ (error).message}\n`)
    }
  }
}
