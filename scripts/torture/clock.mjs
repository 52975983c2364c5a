// Loaded into an engine before anything else (`--import`): its clock of the day is ahead by what a file says, in ms, so
// that a fault can step it without the rights to set the machine's. Monotonic time is left alone, as it is by a real step.

import { readFileSync } from 'node:fs'

const file = /** @type {string} */ (process.env.ZILLA_TORTURE_CLOCK)
const RealDate = Date
let aheadMs = 0

setInterval(() => {
  try {
    aheadMs = Number(readFileSync(file, 'utf8'))
  } catch {
    aheadMs = 0
  }
}, 100).unref()

globalThis.Date = /** @type {DateConstructor} */ (
  class extends RealDate {
    /** @param {unknown[]} args */
    constructor(...args) {
      // @ts-expect-error: whatever the real one takes
      super(...(args.length === 0 ? [RealDate.now() + aheadMs] : args))
    }

    /** @override */
    static now() {
      return RealDate.now() + aheadMs
    }
  }
)
