// `npm start`: prepares the checkout, says how to try the embedded example, and becomes the engine that runs it.
// Plain Node; the engine itself is packages/cli/bin/zilla-ts. One process, so that whoever ends it ends everything.
// package.json runs it by `exec`: a shell in between dies of Ctrl-C, and npm would say that the start failed.

import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { endWithNpm } from './npm-parent.mjs'
import { prepare } from './prepare.mjs'
import { main } from './progress.mjs'

const example = 'examples/mqtt.embedded/zilla.yaml'
const root = fileURLToPath(new URL('..', import.meta.url))

const greeting = `
Running ${example}: MQTT on 127.0.0.1:7183, stored in examples/mqtt.embedded/.zilla/log.
Try it in two other terminals:

  mosquitto_sub -h 127.0.0.1 -p 7183 -V mqttv5 -q 1 -t 'sensors/#' -v
  mosquitto_pub -h 127.0.0.1 -p 7183 -V mqttv5 -q 1 -t sensors/one -m hi -r

Without mosquitto's clients:

  npx mqtt sub -h 127.0.0.1 -p 7183 -t 'sensors/#' -v
  npx mqtt pub -h 127.0.0.1 -p 7183 -t sensors/one -m hi -r

Ctrl-C stops it.

`

main(async () => {
  endWithNpm()
  await prepare({ build: true })
  process.stdout.write(greeting)
  const cli = join(root, 'packages', 'cli')
  // What the command line reads, and what its workers are started with.
  const args = ['start', '-c', join(root, example), ...process.argv.slice(2)]
  process.argv = [process.execPath, join(cli, 'bin', 'zilla-ts'), ...args]
  await import(pathToFileURL(join(cli, 'dist', 'main.js')).href)
})
