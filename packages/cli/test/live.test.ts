/** `zilla-ts validate --live`: what Kafka says stands at its place of the document, and nobody waits for ever. */

import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { kafkaBootstrap } from '../../../scripts/test-environment.mjs'
import { validate } from '../src/validate.ts'
import { defer, folder, freshTopics, mqttDocument } from './fixture.ts'

const OPTIONS = { strict: false, allowUnsetEnv: false, modules: [], version: '0' } as const

/** `line code` for each problem, in the order of the document; and the exit code. */
async function live(text: string, deadlineMs = 20_000) {
  const directory = folder()
  const file = join(directory, 'zilla.yaml')
  writeFileSync(file, text)
  const report = await validate([file], { ...OPTIONS, format: 'json', deadlineMs })
  const { problems } = JSON.parse(report.text) as { problems: { line: number; name: string; message: string }[] }
  const lines = text.split('\n')
  return {
    directory,
    code: report.code,
    messages: problems.map(({ message }) => message),
    found: problems.map(({ line, name }) => `${name}: ${lines[line - 1]!.trim().split(':')[0]}`),
  }
}

const bootstrap = await kafkaBootstrap()

describe.skipIf(bootstrap === undefined)('of Kafka', () => {
  it('says what is wrong with the topics', async () => {
    const topics = freshTopics()
    const admin = new Kafka({ brokers: [bootstrap!], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    defer(() => admin.disconnect())
    const text = mqttDocument('kafka', bootstrap, topics).replace(/create: \{[^}]*\},?/, '')
    const before = await live(text)
    expect(before.code).toBe(1)
    expect(before.found).toEqual(new Array(3).fill(expect.stringContaining('kafka-topic-missing')))
    await admin.createTopics({
      topics: [
        { topic: topics.sessions, configEntries: [{ name: 'cleanup.policy', value: 'delete' }] },
        { topic: topics.messages, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] },
        { topic: topics.retained, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] },
      ],
    })
    const after = await live(text)
    expect(after.code).toBe(1)
    expect(after.messages).toEqual([
      expect.stringContaining("sessions topic '"),
      expect.stringContaining('only the last message stays'),
    ])
    expect(await admin.listTopics()).not.toContain('absent')
  })

  it('has nothing to say where all is well', async () => {
    const topics = freshTopics()
    const admin = new Kafka({ brokers: [bootstrap!], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    defer(() => admin.disconnect())
    const compact = [{ name: 'cleanup.policy', value: 'compact' }]
    await admin.createTopics({
      topics: [
        { topic: topics.sessions, configEntries: compact },
        { topic: topics.messages },
        { topic: topics.retained, configEntries: compact },
      ],
    })
    const { code, messages } = await live(mqttDocument('kafka', bootstrap, topics).replace(/create: \{[^}]*\},?/, ''))
    expect({ code, messages }).toEqual({ code: 0, messages: [] })
  })
})

it('says once that no broker answers, at the servers', async () => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as { port: number }
  await new Promise((resolve) => closed.close(resolve))
  const { code, found } = await live(mqttDocument('kafka', `127.0.0.1:${port}`))
  expect({ code, found }).toEqual({ code: 1, found: ['kafka-unreachable: client'] })
})

it('waits no longer than its deadline for one that says nothing', async () => {
  const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  defer(() => silent.close())
  const { port } = silent.address() as { port: number }
  const { code, found, messages } = await live(mqttDocument('kafka', `127.0.0.1:${port}`), 300)
  expect({ code, found }).toEqual({ code: 1, found: ['not-answered: client'] })
  expect(messages).toEqual(['there is no answer within 0.3 s'])
})

it('does not touch an embedded log', async () => {
  const { code, found, directory } = await live(mqttDocument('embedded', undefined))
  expect({ code, found }).toEqual({ code: 0, found: [] })
  expect(existsSync(join(directory, 'log'))).toBe(false)
})
