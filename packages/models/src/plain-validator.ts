/** The models without options: `boolean` and `bytes`. Made by model.ts. */
import type { Validator } from './validator.ts'

const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')

export class BooleanValidator implements Validator {
  check(payload: Buffer): string | null {
    return payload.equals(TRUE) || payload.equals(FALSE) ? null : 'not `true` or `false`'
  }
}

/** Takes everything: it says that nothing is to be expected of these bytes. */
export class BytesValidator implements Validator {
  check(_payload: Buffer): null {
    return null
  }
}
