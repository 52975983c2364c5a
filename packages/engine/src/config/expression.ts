/**
 * Load-time expressions, `${{env.NAME}}`. They are replaced inside parsed scalars, so a value never becomes structure.
 * Used by the tree reader only.
 */

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Why an expression has no value. `index` counts the expressions of the text from 0. */
export interface ExpressionFault {
  readonly index: number
  readonly code: 'unset-variable' | 'unknown-context' | 'malformed-expression'
  readonly message: string
}

const EXPRESSION = /\$\{\{([^}]*)(\}\})?/g
const WHOLE = /^\$\{\{[^}]*\}\}$/
const BODY = /^\s*([a-zA-Z_][\w-]*)\.([^\s}]+)\s*$/

export const OPENING = '${{'

/** The text is one expression and nothing else. */
export const isWholeExpression = (text: string): boolean => WHOLE.test(text)

/** Every expression replaced, and noted with its value; one without a value is reported and left as it is. */
export function expand(
  text: string,
  environment: Environment,
  expanded: Map<string, string>,
  report: (fault: ExpressionFault) => void,
): string {
  let index = -1
  return text.replace(EXPRESSION, (whole: string, inner: string, closing: string | undefined) => {
    index += 1
    const [, context, name] = BODY.exec(inner) ?? []
    if (context === undefined || name === undefined || closing === undefined) {
      const message = `\`${whole.slice(0, 40)}\` is not an expression; write \`\${{env.NAME}}\``
      report({ index, code: 'malformed-expression', message })
      return whole
    }
    if (context !== 'env') {
      report({
        index,
        code: 'unknown-context',
        message: `\`${context}\` is unknown in \`${whole}\`; only \`env\` is known`,
      })
      return whole
    }
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined
    if (value === undefined) {
      report({ index, code: 'unset-variable', message: `environment variable \`${name}\` is not set` })
      return whole
    }
    expanded.set(value, whole)
    return value
  })
}
