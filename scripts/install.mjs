// Installs the dependencies of the workspace with the pnpm that package.json names, unless they are there.
// Called by setup.mjs. Needs Node and npm only; pnpm comes through npm if no pnpm of that version is on the PATH.
// Must never install anything but what pnpm-lock.yaml says.

import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Problem, run, step } from './progress.mjs'
import { hashOfContents, hashOfTimes, once, packageDirs, root } from './stamp.mjs'

/** Resolves when node_modules is what pnpm-lock.yaml says. */
export const ensureInstalled = () => once({ name: 'install', inputs, outputs, work })

function inputs() {
  const manifests = [root, ...packageDirs()].map((dir) => join(dir, 'package.json'))
  const settings = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', '.npmrc'].map((name) => join(root, name))
  return `${process.platform}-${process.arch}-${hashOfContents([...manifests, ...settings])}`
}

// pnpm writes .modules.yaml at every install, whoever asked for it; the links of a package are checked by being there.
function outputs() {
  const links = packageDirs().map((dir) => existsSync(join(dir, 'node_modules')))
  return `-${hashOfTimes([join(root, 'node_modules', '.modules.yaml')])}-${links}`
}

async function work() {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const version = /^pnpm@(\d+\.\d+\.\d+)/.exec(manifest.packageManager)?.[1]
  if (!version) throw new Problem(`packageManager in package.json is '${manifest.packageManager}', not pnpm@<version>.`)
  // Asked outside of this repository, where a pnpm of another version would fetch the wanted one to answer.
  const elsewhere = { cwd: tmpdir(), env: { ...process.env, COREPACK_ENABLE_NETWORK: '0' } }
  const found = await run('pnpm', ['--version'], elsewhere).catch(() => undefined)
  const pnpm = found?.output.trim() === version ? ['pnpm'] : ['npm', 'exec', '--yes', '--', `pnpm@${version}`]
  await step(`Installing dependencies with pnpm ${version}`, async () => {
    // Whatever NODE_ENV says: the compiler is a development dependency.
    const options = ['--frozen-lockfile', '--prod=false', '--config.confirmModulesPurge=false']
    const [command = '', ...args] = [...pnpm, 'install', ...options]
    // npm's own pauses before it gives up add up to 70 s; `npm test --silent` would silence the reason of a failure.
    const patience = { npm_config_fetch_retry_mintimeout: '2000', npm_config_fetch_retry_maxtimeout: '10000' }
    const env = { ...patience, ...process.env, npm_config_loglevel: 'notice' }
    const { code, output } = await run(command, args, { cwd: root, env })
    if (code !== 0) throw new Problem(`Installing failed.${adviceOn(output)}`, { output })
  })
}

/** @param {string} output */
function adviceOn(output) {
  if (/EACCES|EPERM|EROFS/.test(output)) return ' A directory named above cannot be written: check who owns it.'
  if (/ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|META_FETCH_FAIL|CERT/.test(output)) {
    return ` The package registry could not be reached. Check the network; behind a proxy: npm config set https-proxy URL;
with a mirror: npm config set registry URL; with a certificate authority of your own: npm config set cafile FILE.`
  }
  if (/OUTDATED_LOCKFILE/.test(output))
    return ' pnpm-lock.yaml does not fit a package.json: update it with `npm exec pnpm install`.'
  return ''
}
