/**
 * Runs every example as its README says: the commands of its `sh` blocks, in order, must together print its `text` block.
 * Ports are replaced by free ones, so that tests run beside other programs.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadRegistry } from '@zilla-ts/cli'
import { loadConfig } from '@zilla-ts/engine'
import { chromium as playwright } from 'playwright-core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { startBroker } from '../scripts/kafka-broker.mjs'
import { defaultTopics, parseTopics } from '../scripts/kafka-topics.mjs'
import { chromium, hasMosquitto, kafkaBootstrap } from '../scripts/test-environment.mjs'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const ROOT = join(HERE, '..')
const names = readdirSync(HERE, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
/** what the documents of the examples read */
const ENVIRONMENT = {
  KAFKA_BOOTSTRAP_SERVER: 'localhost:9092',
  KAFKA_CA: 'ca.pem',
  KAFKA_USERNAME: 'zilla',
  KAFKA_PASSWORD: 'secret',
  MQTT_BROKER: 'mqtt://127.0.0.1:7183',
  KEYS_PASSWORD: 'example',
}
const PORTS = /\b(7183|7184|7185|8883|12345)\b/g
const mosquitto = hasMosquitto()
const openssl = spawnSync('openssl', ['version']).status === 0
const browser = chromium()
const bootstrap = await kafkaBootstrap()

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const action of undo.splice(0).reverse()) await action()
})

/** A free port for each that the examples use. */
async function freePorts(): Promise<ReadonlyMap<string, string>> {
  const ports = new Map<string, string>()
  for (const port of ['7183', '7184', '7185', '8883', '12345']) ports.set(port, String(await freePort()))
  return ports
}

/** A copy of an example whose ports are free ones, and the same replacement for its commands. `scripts`: it imports packages. */
async function copyOf(name: string, kafka: string | undefined, ports?: ReadonlyMap<string, string>, scripts = false) {
  const directory = mkdtempSync(join(tmpdir(), 'zilla-example-'))
  undo.push(() => rmSync(directory, { recursive: true, force: true }))
  // Not what somebody's own run has left there.
  cpSync(join(HERE, name), directory, { recursive: true, filter: (path) => !/\/(\.zilla|tls|passwords)$/.test(path) })
  if (scripts) symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  const replaced = ports ?? (await freePorts())
  const replace = (text: string) =>
    text
      .replaceAll(PORTS, (port) => replaced.get(port)!)
      .replaceAll('localhost:9092', kafka ?? 'localhost:9092')
      .replaceAll(`examples/${name}`, directory)
  const document = join(directory, 'zilla.yaml')
  writeFileSync(document, replace(readFileSync(document, 'utf8')))
  return { replace, directory }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

function blocks(name: string, language: string): string[] {
  const readme = readFileSync(join(HERE, name, 'README.md'), 'utf8')
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1]!.trim())
}

/** Starts a command of a README; its output grows in `output`, line by line. */
function start(command: string): { child: ChildProcess; output: string } {
  const child = spawn('bash', ['-c', `exec env ${command.replace(/^mosquitto_sub/, 'stdbuf -oL mosquitto_sub')}`], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const running = { child, output: '' }
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      running.output += chunk
    })
  }
  undo.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  return running
}

const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), 30_000)

async function startEngine(command: string) {
  const engine = start(command)
  await until(() => engine.output.includes('LISTENING'))
  return engine
}

describe('every example', () => {
  it.each(names)('%s has a valid document and a README with commands', async (name) => {
    const modules = blocks(name, 'sh').flatMap((each) =>
      [...each.matchAll(/--module (\S+)/g)].map((match) => match[1]!),
    )
    const registry = await loadRegistry([...new Set(modules)].map((each) => join(ROOT, each)))
    const file = join(HERE, name, 'zilla.yaml')
    const { problems } = loadConfig({
      text: readFileSync(file, 'utf8'),
      file,
      registry,
      environment: ENVIRONMENT,
    })
    expect(problems).toEqual([])
    expect(blocks(name, 'sh')[0]).toBeDefined()
  })
})

describe.each(['tcp.echo', 'tcp.uppercase'])('%s', (name) => {
  it('prints what its README says', async () => {
    const { replace } = await copyOf(name, undefined)
    const [engine, client] = blocks(name, 'sh').map(replace)
    const running = await startEngine(engine!)
    // `nc` is not everywhere: the same bytes over bash's own /dev/tcp.
    const [, text, port] = /^printf '(.*)' \| nc -N 127\.0\.0\.1 (\d+)$/.exec(client!)!
    const echo = start(`bash -c "exec 3<>/dev/tcp/127.0.0.1/${port}; printf '${text}' >&3; head -n 1 <&3"`)
    await once(echo.child, 'close')
    expect(echo.output.trim()).toBe(blocks(name, 'text')[0])
    running.child.kill('SIGINT')
    expect((await once(running.child, 'exit'))[0]).toBe(0)
  })
})

describe.skipIf(!mosquitto)('mqtt.embedded', () => {
  it('prints what its README says, also to who comes after a restart', async () => {
    const { replace } = await copyOf('mqtt.embedded', undefined)
    const [engine, subscribe, publish] = blocks('mqtt.embedded', 'sh').map(replace)
    const expected = blocks('mqtt.embedded', 'text')[0]!
    const first = await startEngine(engine!)
    await tryOut(subscribe!, publish!, expected)
    first.child.kill('SIGTERM')
    expect((await once(first.child, 'exit'))[0]).toBe(0)
    await startEngine(engine!)
    const late = start(subscribe!)
    await until(() => late.output.trim() === expected)
  })
})

describe('mqtt.ws', () => {
  it('prints what its README says', async () => {
    const { replace } = await copyOf('mqtt.ws', undefined)
    const [engine, subscribe, publish] = blocks('mqtt.ws', 'sh').map(replace)
    const running = await startEngine(engine!)
    const subscriber = start(subscribe!)
    const publisher = start(publish!)
    expect((await once(publisher.child, 'exit'))[0], publisher.output).toBe(0)
    await until(() => subscriber.output.trim() === blocks('mqtt.ws', 'text')[0])
    running.child.kill('SIGTERM')
    expect((await once(running.child, 'exit'))[0]).toBe(0)
  })

  it.skipIf(browser === undefined)(
    'shows a page in Chromium what it has published itself, and what others have',
    async () => {
      const ports = await freePorts()
      const { replace } = await copyOf('mqtt.ws', undefined, ports)
      const [engine, , publish, serve] = blocks('mqtt.ws', 'sh')
      await startEngine(replace(engine!))
      // From its own folder, for MQTT.js is found beside it.
      const server = start(serve!.replace('7185', ports.get('7185')!))
      await until(() => server.output.includes('http://'))
      const page = await openPage()
      const broker = `ws://127.0.0.1:${ports.get('7183')}/`
      await page.goto(`${server.output.trim()}?broker=${encodeURIComponent(broker)}`)
      await page.waitForFunction("document.getElementById('status').value === 'subscribed'")
      await page.getByLabel('Payload').fill('from the page')
      await page.getByRole('button').click()
      await page.getByText('sensors/page from the page').waitFor()
      start(replace(publish!))
      await page.getByText('sensors/one hi').waitFor()
      // The same page from a host that is not named is refused (RFC 6455 §10.2).
      const refused: string[] = []
      page.on('console', (message) => refused.push(message.text()))
      const other = await servePage()
      await page.goto(`${other}?broker=${encodeURIComponent(broker)}`)
      await until(() => refused.some((text) => text.includes('403')))
    },
  )
})

/** A page of a new headless Chromium. */
async function openPage() {
  const instance = await playwright.launch({ executablePath: browser!, args: ['--no-sandbox'] })
  undo.push(() => instance.close())
  return instance.newPage()
}

/** Serves the page of mqtt.ws on a port that its document does not name; returns the address. */
async function servePage(): Promise<string> {
  const server = start('node examples/mqtt.ws/serve.mjs 0')
  await until(() => server.output.includes('http://'))
  return server.output.trim()
}

describe.skipIf(!mosquitto)('mqtt.proxy', () => {
  it('prints what its README says, with the engine of mqtt.embedded as the broker', async () => {
    const ports = await freePorts()
    const embedded = await copyOf('mqtt.embedded', undefined, ports)
    const proxy = await copyOf('mqtt.proxy', undefined, ports)
    const commands = blocks('mqtt.proxy', 'sh').map((command) => proxy.replace(embedded.replace(command)))
    const [broker, engine, subscribe, publish] = commands
    await startEngine(broker!)
    const running = await startEngine(engine!)
    await tryOut(subscribe!, publish!, blocks('mqtt.proxy', 'text')[0]!)
    running.child.kill('SIGTERM')
    expect((await once(running.child, 'exit'))[0]).toBe(0)
  })
})

describe.skipIf(!mosquitto || !openssl)('mqtt.tls', () => {
  it('prints what its README says', async () => {
    const { replace } = await copyOf('mqtt.tls', undefined)
    const [certificates, engine, subscribe, publish] = blocks('mqtt.tls', 'sh').map(replace)
    await succeeds(certificates!)
    await startEngine(engine!)
    await tryOut(subscribe!, publish!, blocks('mqtt.tls', 'text')[0]!)
  })
})

describe.skipIf(!mosquitto || !openssl)('mqtt.mtls', () => {
  it('prints what its README says, and nothing to who shows no certificate', async () => {
    const { replace } = await copyOf('mqtt.mtls', undefined)
    const [certificates, engine, subscribe, publish] = blocks('mqtt.mtls', 'sh').map(replace)
    await succeeds(certificates!)
    const running = await startEngine(engine!)
    await tryOut(subscribe!, publish!, blocks('mqtt.mtls', 'text')[0]!)
    const anonymous = start(publish!.replace(/--(cert|key) \S+ /g, ''))
    expect((await once(anonymous.child, 'close'))[0]).not.toBe(0)
    await until(() => running.output.includes('TLS_HANDSHAKE_FAILED'))
  })
})

describe.skipIf(!mosquitto || bootstrap === undefined)('mqtt.kafka.broker', () => {
  it('prints what its README says, on topics as `npm run kafka` makes them', async () => {
    const broker = await startBroker({ topics: defaultTopics })
    undo.push(() => broker.stop())
    const { replace } = await copyOf('mqtt.kafka.broker', broker.bootstrap)
    const [, engine, subscribe, publish, consume] = blocks('mqtt.kafka.broker', 'sh').map(replace)
    await startEngine(engine!)
    await tryOut(subscribe!, publish!, blocks('mqtt.kafka.broker', 'text')[0]!)
    for (const command of consume!.split('\n')) {
      const reader = start(`${command} --bootstrap ${broker.bootstrap} --max-messages 1`)
      await until(() => reader.output.includes('sensors/one'))
      await until(() => reader.output.includes('hi'))
      expect(reader.output).toContain('zilla:qos')
    }
  }, 120_000)
})

describe.skipIf(!mosquitto || bootstrap === undefined)('mqtt.kafka.broker.jwt', () => {
  it('lets in who shows a token with the role, and nobody else', async () => {
    const broker = await startBroker({ topics: defaultTopics })
    undo.push(() => broker.stop())
    const { replace } = await copyOf('mqtt.kafka.broker.jwt', broker.bootstrap, undefined, true)
    const [token, , engine, subscribe, publish, refused] = blocks('mqtt.kafka.broker.jwt', 'sh').map(replace)
    const first = start(token!)
    expect((await once(first.child, 'exit'))[0], first.output).toBe(0)
    await startEngine(engine!)
    for (const command of [refused!, publish!.replace(/ -u .*/, ''), publish!.replace(/\)"$/, ')x"')]) {
      const client = start(command)
      await once(client.child, 'close')
      expect(client.output).toMatch(/not authori[sz]ed|bad user ?name or password/i)
    }
    await tryOut(subscribe!, publish!, blocks('mqtt.kafka.broker.jwt', 'text')[0]!)
  }, 120_000)
})

/** Runs a command of a README to its good end. */
async function succeeds(command: string): Promise<void> {
  const running = start(command)
  expect((await once(running.child, 'close'))[0], running.output).toBe(0)
}

describe.skipIf(!mosquitto || bootstrap === undefined)('mqtt.kafka.broker.sasl', () => {
  it('prints what its README says, on a broker as `npm run kafka -- --secure` starts it', async () => {
    const broker = await startBroker({ topics: defaultTopics, secure: {} })
    undo.push(() => broker.stop())
    const { replace } = await copyOf('mqtt.kafka.broker.sasl', undefined)
    const [, engine, subscribe, publish] = blocks('mqtt.kafka.broker.sasl', 'sh').map((command) =>
      replace(command)
        .replaceAll('localhost:9096', `localhost:${broker.ports['SASL_SSL']}`)
        .replaceAll('/tmp/zilla-kafka', broker.dir),
    )
    await startEngine(engine!)
    await tryOut(subscribe!, publish!, blocks('mqtt.kafka.broker.sasl', 'text')[0]!)
  }, 180_000)
})

describe.skipIf(!mosquitto || bootstrap === undefined)('kafka.to.mqtt', () => {
  it('prints what its README says, and not what does not fit', async () => {
    const broker = await startBroker({ topics: defaultTopics })
    undo.push(() => broker.stop())
    const { replace } = await copyOf('kafka.to.mqtt', broker.bootstrap, undefined, true)
    const [, engine, subscribe, produce, produceUnfit] = blocks('kafka.to.mqtt', 'sh').map(replace)
    const running = await startEngine(engine!)
    const subscriber = start(`${subscribe} -d`)
    await until(() => subscriber.output.includes('Subscribed'))
    await succeeds(produceUnfit!)
    await succeeds(produce!)
    await until(() => printedBy(subscriber).length > 0)
    expect(printedBy(subscriber)).toEqual([blocks('kafka.to.mqtt', 'text')[0]])
    expect(running.output).toContain('MQTT_KAFKA_RECORD_SKIPPED')
  }, 180_000)
})

describe.skipIf(!mosquitto || bootstrap === undefined)('mqtt.to.kafka', () => {
  it('prints what its README says, and to MQTT subscribers the topic', async () => {
    const broker = await startBroker({ topics: defaultTopics })
    undo.push(() => broker.stop())
    const { replace } = await copyOf('mqtt.to.kafka', broker.bootstrap, undefined, true)
    const [, engine, consume, publish, subscribe] = blocks('mqtt.to.kafka', 'sh').map(replace)
    await startEngine(engine!)
    const consumer = start(consume!)
    await tryOut(subscribe!, publish!, 'devices/7/power 230')
    await until(() => consumer.output.trim() === blocks('mqtt.to.kafka', 'text')[0])
  }, 180_000)
})

describe.skipIf(!mosquitto || bootstrap === undefined)('mqtt.kafka.routes', () => {
  it('prints what its README says, and nothing to another tenant', async () => {
    const [users, kafka, engine, subscribe, publish, consume] = blocks('mqtt.kafka.routes', 'sh')
    const broker = await startBroker({ topics: parseTopics(/--topics (\S+)/.exec(kafka!)![1]!) })
    undo.push(() => broker.stop())
    const { replace } = await copyOf('mqtt.kafka.routes', broker.bootstrap)
    for (const command of users!.split('\n')) await succeeds(replace(command))
    await startEngine(replace(engine!))
    const other = start(`${replace(subscribe!).replace('acme', 'globex').replace('own/#', '#')} -d`)
    await until(() => other.output.includes('Subscribed'))
    await tryOut(replace(subscribe!), replace(publish!), blocks('mqtt.kafka.routes', 'text')[0]!)
    await succeeds(replace(publish!).replace('acme', 'globex').replace('-m on', '-m off'))
    await until(() => printedBy(other).length > 0)
    expect(printedBy(other)).toEqual(['own/pump off'])
    const reader = start(`${consume} --bootstrap ${broker.bootstrap} --max-messages 1`)
    await until(() => reader.output.includes('device') && reader.output.includes('pump-3'))
  }, 180_000)
})

/** Subscribes, publishes, and waits for the subscriber to print exactly what is expected. */
async function tryOut(subscribe: string, publish: string, expected: string): Promise<void> {
  const subscriber = start(`${subscribe} -d`)
  await until(() => subscriber.output.includes('Subscribed'))
  const publisher = start(publish)
  expect((await once(publisher.child, 'exit'))[0], publisher.output).toBe(0)
  await until(() => printedBy(subscriber).length > 0)
  expect(printedBy(subscriber)).toEqual([expected])
}

/** The messages that `mosquitto_sub -d` has printed. */
function printedBy({ output }: { readonly output: string }): string[] {
  return output.split('\n').filter((line) => line !== '' && !/^(Client|Subscribed)/.test(line))
}
