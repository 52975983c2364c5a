/** The `inline` catalog: schemas that stand in the document, checked with it. */
import { type Catalog, type CatalogModule, type Finding, LATEST } from '@zilla-ts/engine'
import { compileJsonSchema } from '../json-validator.ts'
import { type InlineConfig, schema } from './inline.config.ts'

type Options = NonNullable<InlineConfig['options']>

class InlineCatalog implements Catalog {
  readonly #options: Options

  constructor(options: Options) {
    this.#options = options
  }

  schema(subject: string, version: string): string | null {
    if (!Object.hasOwn(this.#options.subjects, subject)) return null
    const found = this.#options.subjects[subject]!
    return version === LATEST || version === found.version ? found.schema : null
  }
}

function check({ options }: { readonly options?: Options }): Finding[] {
  return Object.entries(options?.subjects ?? {}).flatMap(([subject, { schema: text }]) => {
    try {
      compileJsonSchema(text)
      return []
    } catch (error) {
      const message = `no JSON Schema: ${(error as Error).message}`
      return [{ level: 'error', path: ['options', 'subjects', subject, 'schema'], code: 'schema-invalid', message }]
    }
  })
}

export const inline: CatalogModule<Options> = {
  type: 'inline',
  schema,
  check,
  subjects: ({ subjects }) => new Map(Object.entries(subjects).map(([subject, { version }]) => [subject, version])),
  attach: ({ options }) => new InlineCatalog(options),
}
