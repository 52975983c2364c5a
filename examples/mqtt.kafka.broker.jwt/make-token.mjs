// node make-token.mjs NAME [ROLES]: prints a token for an hour, as the issuer of zilla.yaml would give it to NAME.
// ROLES are separated by blanks, mqtt:stream when absent. The first run makes a key pair: the private half stays in
// .zilla, the public half is written to zilla.yaml. An issuer of your own takes the place of this script.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose'

const here = import.meta.dirname
const keyFile = join(here, '.zilla', 'private-key.json')
const [name, roles = 'mqtt:stream'] = process.argv.slice(2)

if (name === undefined) {
  process.stderr.write('usage: node make-token.mjs NAME [ROLES]\n')
  process.exit(1)
}
if (!existsSync(keyFile)) await makeKey()
const key = await importJWK(JSON.parse(readFileSync(keyFile, 'utf8')), 'RS256')
const token = await new SignJWT({ scope: roles })
  .setProtectedHeader({ alg: 'RS256', kid: 'example', typ: 'at+jwt' })
  .setIssuer('https://auth.example.com')
  .setAudience('https://api.example.com')
  .setSubject(name)
  .setIssuedAt()
  .setExpirationTime('1h')
  .sign(key)
process.stdout.write(`${token}\n`)

async function makeKey() {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = await exportJWK(privateKey)
  mkdirSync(join(here, '.zilla'), { recursive: true })
  writeFileSync(keyFile, JSON.stringify(jwk), { mode: 0o600 })
  const document = join(here, 'zilla.yaml')
  writeFileSync(document, readFileSync(document, 'utf8').replace(/^( +n: ).*$/m, `$1${jwk.n}`))
  process.stderr.write(`made a key pair: ${keyFile}, and its public half in ${document}\n`)
}
