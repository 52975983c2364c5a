/**
 * A binding of one's own: sends back every byte, letters as capitals. `zilla-ts start --module ./uppercase.mjs` runs it.
 * docs/bindings.md explains it step by step.
 */

/**
 * @typedef {import('@zilla-ts/net').Bytes} Bytes
 * @typedef {import('@zilla-ts/engine').Stream<Bytes>} Stream
 * @typedef {import('@zilla-ts/engine').StreamHandler<Bytes>} Handler
 */

/** @implements {Handler} */
class Uppercase {
  #stream
  #granted = 0

  /** @param {Stream} stream */
  constructor(stream) {
    this.#stream = stream
  }

  /**
   * @param {Buffer} payload borrowed for this call, so that the answer is a copy
   * @param {undefined} _meta
   * @param {number} cost
   */
  onData(payload, _meta, cost) {
    this.#granted -= cost
    this.#stream.write(
      Buffer.from(
        payload.toString('latin1').replace(/[a-z]+/g, (text) => text.toUpperCase()),
        'latin1',
      ),
      undefined,
    )
    this.#grantWhatFits()
  }

  onWritable() {
    this.#grantWhatFits()
  }

  onEnd() {
    this.#stream.end()
  }

  onAbort() {}

  /** The peer may send what can be sent back; so a write is always possible when data arrives. */
  #grantWhatFits() {
    const room = this.#stream.credit - this.#granted
    if (room <= 0) return
    this.#granted += room
    this.#stream.grant(room)
  }
}

/** @type {import('@zilla-ts/engine').BindingModule<{}, Bytes>} */
const uppercase = {
  type: 'uppercase',
  kinds: { server: { accepts: 'bytes' } },
  schema: {
    title: 'uppercase',
    description: 'Sends back every byte, letters as capitals.',
    type: 'object',
    additionalProperties: false,
    required: ['type', 'kind'],
    properties: { type: { const: 'uppercase' }, kind: { enum: ['server'] } },
  },
  attach: () => ({ accept: (_open, stream) => new Uppercase(stream) }),
}

/** What `--module` looks for; `guards`, `vaults` and `catalogs` likewise. */
export const bindings = [uppercase]
