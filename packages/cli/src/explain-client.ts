/** `zilla-ts explain connect | publish | subscribe`: what would become of a client, by the bindings that would serve it. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type ExplainedPath, explainPaths, type Inquiry, type Verdict } from '@zilla-ts/engine'
import { CommandError } from './command-error.ts'
import { countProblems, formatProblems, hasErrors, loadDocument } from './document.ts'
import type { ExplainFlags } from './explain-flags.ts'
import { explanationText } from './explain-text.ts'
import { firstLine } from './first-line.ts'
import { loadRegistry } from './modules.ts'
import { readEnvironment } from './validate.ts'

export type Action = Inquiry['action']

/** 0: a way in is open; 1: none is; 2: that cannot be said. */
const CODES: Readonly<Record<Verdict, number>> = { allowed: 0, refused: 1, unknown: 2 }
const STDIN = '-'

/** Rejects with a `CommandError` when the document has errors, which are printed first. */
export async function explainClient(
  action: Action,
  file: string,
  flags: ExplainFlags,
): Promise<{ readonly text: string; readonly code: number }> {
  const registry = await loadRegistry(flags.module)
  const environment = flags.env === undefined ? process.env : { ...process.env, ...readEnvironment(flags.env) }
  const document = await loadDocument(file, { registry, environment, allowUnset: flags.allowUnsetEnv === true })
  if (hasErrors(document)) {
    process.stderr.write(formatProblems(document, { color: process.stderr.isTTY }))
    throw new CommandError(`${file} is not valid: ${countProblems(document)}`)
  }
  const { port = null, host = null, claims = null } = flags
  const inquiry = await inquiryOf(action, flags)
  const options = { registry, configs: document.namespaces, directory: dirname(resolve(file)), port, host, claims }
  let paths: ExplainedPath[]
  try {
    paths = await explainPaths(options, inquiry)
  } catch (error) {
    throw new CommandError((error as Error).message, { cause: error })
  }
  if (paths.length === 0) {
    throw new CommandError(port === null ? `nothing in ${file} listens` : `nothing in ${file} listens on port ${port}`)
  }
  const verdict = bestOf(paths)
  const explained = { action, clientId: inquiry.clientId, verdict, paths }
  const text = flags.format === 'json' ? `${JSON.stringify(explained, null, 2)}\n` : explanationText(explained)
  return { text, code: CODES[verdict] }
}

/** One open way is enough for a client. */
function bestOf(paths: readonly ExplainedPath[]): Verdict {
  const has = (verdict: Verdict): boolean => paths.some((path) => path.verdict === verdict)
  return has('allowed') ? 'allowed' : has('unknown') ? 'unknown' : 'refused'
}

type Asked = Parameters<typeof explainPaths>[1]

async function inquiryOf(action: Action, flags: ExplainFlags): Promise<Asked> {
  const { client, username = null, mqtt, from = null, sni = null, alpn, partitions = null } = flags
  const password = flags.passwordStdin === true ? await firstLine('', 'no password on the standard input') : null
  const token = flags.token === STDIN ? await firstLine('', 'no token on the standard input') : (flags.token ?? null)
  const headers = flags.path === undefined ? flags.header : { ...flags.header, ':path': flags.path }
  return {
    action,
    clientId: client,
    version: mqtt === '5' ? 5 : 4,
    username,
    password,
    token,
    certificate: flags.certificate === undefined ? null : readCertificate(flags.certificate),
    remote: from,
    serverName: sni,
    protocols: alpn,
    headers,
    message: action === 'publish' ? messageOf(flags) : null,
    filters: flags.filter.map((filter) => ({ filter, qos: flags.qos })),
    partitions,
  }
}

function messageOf(flags: ExplainFlags): Asked['message'] {
  const { topic = '', qos, retain = false, payload = 'x', mqtt } = flags
  const { expiry: messageExpirySeconds, contentType, responseTopic, userProperty: userProperties } = flags
  const properties = {
    ...(messageExpirySeconds !== undefined && { messageExpirySeconds }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(userProperties.length > 0 && { userProperties }),
  }
  const hasProperties = Object.keys(properties).length > 0
  if (hasProperties && mqtt !== '5') throw new CommandError('MQTT 3.1.1 has no properties: leave --mqtt 3.1.1 out')
  return { topic, payload: Buffer.from(payload), qos, retain, properties: hasProperties ? properties : null }
}

function readCertificate(file: string): string {
  let pem: string
  try {
    pem = readFileSync(file, 'utf8')
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${(error as Error).message}`)
  }
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new CommandError(`${file} holds no certificate in PEM`)
  return pem
}
