/**
 * Sees to it that one process at a time has a log open. The owner listens on a local socket whose name it writes into the
 * log: the kernel closes the socket with the process however it dies, so a connection that is refused proves that the owner
 * is gone, in other containers too. Taking over is a compare-and-swap in a transaction of the log, so two cannot win.
 */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join, relative } from 'node:path'

/** Where the owner's name is kept; `swap` is atomic between processes. */
export interface OwnerRecord {
  read(): string | null
  /** Makes `owner` the owner if `expected` still is; false: it is not. */
  swap(expected: string | null, owner: string | null): boolean
}

/** `sun_path` has 104 bytes on macOS and 108 on Linux, the final zero included. */
const SOCKET_PATH_BYTES_MAX = 103

export class DirectoryLock {
  readonly #directory: string
  readonly #record: OwnerRecord
  readonly #name: string
  readonly #server: Server

  private constructor(directory: string, record: OwnerRecord, name: string, server: Server) {
    this.#directory = directory
    this.#record = record
    this.#name = name
    this.#server = server
  }

  /** Rejects if another process, or another binding of this one, has the directory. */
  static async acquire(directory: string, record: OwnerRecord): Promise<DirectoryLock> {
    const name = `lock-${randomBytes(6).toString('hex')}`
    const lock = new DirectoryLock(directory, record, name, await listen(socketPath(directory, name)))
    try {
      for (;;) {
        const owner = record.read()
        if (owner !== null && (await isListening(socketPath(directory, owner)))) {
          throw new Error(`directory ${directory} is in use by another engine or binding`)
        }
        if (!record.swap(owner, name)) continue
        if (owner !== null) removeSocket(directory, owner)
        return lock
      }
    } catch (error) {
      await lock.#close()
      throw error
    }
  }

  async release(): Promise<void> {
    try {
      this.#record.swap(this.#name, null)
    } catch {
      // A full disk, say. The next owner finds the socket gone, which is as good.
    }
    await this.#close()
  }

  async #close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
    removeSocket(this.#directory, this.#name)
  }
}

function socketPath(directory: string, name: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\zilla-ts-${name}`
  const absolute = join(directory, name)
  const fromHere = relative('.', absolute)
  const path = fromHere.length < absolute.length ? fromHere : absolute
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    throw new Error(`directory ${directory}: the path is too long for the lock's socket, give a shorter one`)
  }
  return path
}

function removeSocket(directory: string, name: string): void {
  if (process.platform !== 'win32') rmSync(join(directory, name), { force: true })
}

function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  server.unref()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => resolve(server))
  })
}

/** Only a refusal, or no socket at all, says that nobody is there; any other failure counts as somebody. */
function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT')
    })
  })
}
