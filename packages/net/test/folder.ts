/** A folder for each test, which is deleted after it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'

const undo: (() => unknown)[] = []

/** Ends what a test began, last first. */
export function defer(action: () => unknown): void {
  undo.push(action)
}

afterEach(async () => {
  for (const action of undo.splice(0).reverse()) await action()
})

export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'zilla-net-'))

  constructor() {
    defer(() => rmSync(this.path, { recursive: true, force: true }))
  }

  file(name: string): string {
    return join(this.path, name)
  }

  write(name: string, content: string | Buffer): string {
    writeFileSync(this.file(name), content)
    return this.file(name)
  }
}
