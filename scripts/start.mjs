// `npm start`, after setup.mjs: runs the embedded example and says how to try it.
// Plain Node; the engine itself is packages/cli/bin/zilla-ts.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root } from './stamp.mjs'

const example = 'examples/mqtt.embedded/zilla.yaml'
const args = process.argv.slice(2)

process.stdout.write(`
Running ${example}: MQTT on 127.0.0.1:7183, stored in examples/mqtt.embedded/.zilla/log.
Try it in two other terminals:

  mosquitto_sub -h 127.0.0.1 -p 7183 -V mqttv5 -q 1 -t 'sensors/#' -v
  mosquitto_pub -h 127.0.0.1 -p 7183 -V mqttv5 -q 1 -t sensors/one -m hi -r

Without mosquitto's clients:

  npx mqtt sub -h 127.0.0.1 -p 7183 -t 'sensors/#' -v
  npx mqtt pub -h 127.0.0.1 -p 7183 -t sensors/one -m hi -r

Ctrl-C stops it.

`)

const bin = join(root, 'packages', 'cli', 'bin', 'zilla-ts')
const child = spawn(process.execPath, [bin, 'start', '-c', join(root, example), ...args], { stdio: 'inherit' })
// At a terminal the engine gets these as well; it is the one to act on them.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('exit', (code) => {
  process.exitCode = code ?? 1
})
