/** The `filesystem` catalog: schemas in files, read once at start. A changed file counts from the next start on. */
import { isUtf8 } from 'node:buffer'
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Catalog, type CatalogContext, type CatalogModule, LATEST } from '@zilla-ts/engine'
import { type FilesystemConfig, schema } from './filesystem.config.ts'

type Options = NonNullable<FilesystemConfig['options']>

/** Largest file that is taken for a schema. */
const SCHEMA_BYTES_MAX = 4_194_304

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a folder',
}

class FilesystemCatalog implements Catalog {
  readonly #context: CatalogContext<Options>
  readonly #schemas = new Map<string, string>()

  constructor(context: CatalogContext<Options>) {
    this.#context = context
  }

  async start(): Promise<void> {
    const { options, directory } = this.#context
    for (const [subject, { path }] of Object.entries(options.subjects)) {
      this.#schemas.set(subject, await readSchema(resolve(directory, path), subject))
    }
  }

  schema(subject: string, version: string): string | null {
    return version === LATEST ? (this.#schemas.get(subject) ?? null) : null
  }
}

async function readSchema(file: string, subject: string): Promise<string> {
  const fail = (reason: string, cause?: unknown): never => {
    throw new Error(`cannot read ${file}, the schema ${subject}: ${reason}`, { cause })
  }
  let bytes: Buffer
  try {
    const { size } = await stat(file)
    bytes = size > SCHEMA_BYTES_MAX ? fail(`it has more than ${SCHEMA_BYTES_MAX} bytes`) : await readFile(file)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    return fail(REASONS[code] ?? message, error)
  }
  return isUtf8(bytes) ? bytes.toString() : fail('it is not UTF-8 text')
}

export const filesystem: CatalogModule<Options> = {
  type: 'filesystem',
  schema,
  subjects: ({ subjects }) => new Map(Object.keys(subjects).map((subject) => [subject, LATEST])),
  attach: (context) => new FilesystemCatalog(context),
}
