// What a broker needs for TLS, SASL and ACLs: keys and certificates made by keytool, users, and the settings that name them.
// Called by kafka-broker.mjs for brokers that are asked to be secure; others have none of this and start as fast as ever.
// Must never be taken for a production set-up: passwords are known to all, and OAUTHBEARER tokens need no signature.

import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Problem, run } from './progress.mjs'

/**
 * @typedef {object} Security
 * @property {Record<string, string>} [users] name to password, for PLAIN and SCRAM; default `defaultUsers`
 * @property {string[]} [superUsers] of them, those that no ACL binds; default `zilla`. Who needs not say who he is is another
 * @property {number} [reauthMs] how long a SASL session lasts (`connections.max.reauth.ms`); absent: for ever
 */

export const defaultUsers = { zilla: 'zilla-secret', guest: 'guest-secret' }

/** Further listeners, name to protocol. MTLS asks for a client's certificate, SSL does not. */
export const secureListeners = {
  SSL: 'SSL',
  MTLS: 'SSL',
  SASL_PLAINTEXT: 'SASL_PLAINTEXT',
  SASL_SSL: 'SASL_SSL',
}

export const storePassword = 'zilla-secret'
const storeArgs = ['-storetype', 'PKCS12', '-storepass', storePassword]
const keyArgs = ['-keyalg', 'EC', '-groupname', 'secp256r1', '-validity', '3650']
const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']

/**
 * Where the keys are: PKCS12 with `storePassword`, and the certificate of the issuer in PEM.
 * @param {string} dir of the broker
 */
export function securityFiles(dir) {
  const file = (/** @type {string} */ name) => join(dir, 'tls', name)
  return { broker: file('broker.p12'), client: file('client.p12'), trust: file('trust.p12'), issuer: file('ca.pem') }
}

/**
 * Makes keys for the broker (localhost, 127.0.0.1) and for one client (CN=zilla), and an issuer that both trust.
 * @param {string} java the command
 * @param {string} dir of the broker
 */
export async function makeKeys(java, dir) {
  const { broker, client, trust, issuer } = securityFiles(dir)
  if (existsSync(trust)) return
  mkdirSync(dirname(broker), { recursive: true })
  const all = join(dirname(broker), 'issuer.p12')
  const keytool = async (/** @type {string[]} */ ...args) => {
    const { code, output } = await run(join(dirname(java), 'keytool'), args)
    if (code !== 0) throw new Problem('keytool could not make the keys of the broker.', { output })
  }
  const make = (/** @type {string} */ alias, /** @type {string} */ name, /** @type {string[]} */ ...more) =>
    keytool('-genkeypair', '-alias', alias, '-dname', name, ...keyArgs, '-keystore', all, ...storeArgs, ...more)
  const copy = (/** @type {string} */ alias, /** @type {string} */ to) =>
    keytool(
      ...['-importkeystore', '-noprompt', '-srckeystore', all, '-srcstorepass', storePassword, '-srcalias', alias],
      ...['-destkeystore', to, '-deststoretype', 'PKCS12', '-deststorepass', storePassword],
    )
  await make('issuer', 'CN=Throw-away issuer', '-ext', 'bc:c')
  await make('broker', 'CN=localhost', '-signer', 'issuer', '-ext', 'san=dns:localhost,ip:127.0.0.1')
  await make('client', 'CN=zilla', '-signer', 'issuer')
  await keytool('-exportcert', '-rfc', '-alias', 'issuer', '-keystore', all, ...storeArgs, '-file', issuer)
  await Promise.all([copy('broker', broker), copy('client', client)])
  // Last: it says that the others are there.
  await keytool('-importcert', '-noprompt', '-alias', 'issuer', '-keystore', trust, ...storeArgs, '-file', issuer)
}

/**
 * Arguments for the storage tool that make the SCRAM users.
 * @param {Security} security
 */
export function formatArgs({ users = defaultUsers }) {
  return Object.entries(users).flatMap(([name, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${name},password=${password}]`,
    ]),
  )
}

/**
 * Settings for server.properties.
 * @param {Security} security
 * @param {string} dir of the broker
 */
export function securityConfigs({ users = defaultUsers, superUsers = ['zilla'], reauthMs = 0 }, dir) {
  const { broker, trust } = securityFiles(dir)
  const plain = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`)
  const logins = {
    plain: `org.apache.kafka.common.security.plain.PlainLoginModule required ${plain.join(' ')};`,
    'scram-sha-256': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'scram-sha-512': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    oauthbearer:
      'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
  }
  const jaas = ['sasl_plaintext', 'sasl_ssl'].flatMap((listener) =>
    Object.entries(logins).map(([mechanism, login]) => [
      `listener.name.${listener}.${mechanism}.sasl.jaas.config`,
      login,
    ]),
  )
  return {
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.location': broker,
    'ssl.keystore.password': storePassword,
    'ssl.key.password': storePassword,
    'ssl.truststore.type': 'PKCS12',
    'ssl.truststore.location': trust,
    'ssl.truststore.password': storePassword,
    'listener.name.mtls.ssl.client.auth': 'required',
    'sasl.enabled.mechanisms': mechanisms.join(),
    ...Object.fromEntries(jaas),
    'connections.max.reauth.ms': reauthMs,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    // The plain listener is how the broker speaks to itself, and tests to it.
    'super.users': ['ANONYMOUS', 'CN=zilla', ...superUsers].map((name) => `User:${name}`).join(';'),
  }
}
