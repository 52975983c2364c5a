/**
 * What is wrong with bytes that should be a record batch. The only error that reading a batch throws, whatever the bytes
 * are; callers report it, skip the batch and read on.
 */

/**
 * `corrupt` the bytes contradict the format, `crc` the checksum differs, `magic` a message format before v2,
 * `compression` the compressed records cannot be read, `too-large` they exceed the cap when decompressed.
 */
export type RecordErrorCode = 'corrupt' | 'crc' | 'magic' | 'compression' | 'too-large'

/** `offset` is that of the record, or the base offset of its batch where the record is not known. */
export class RecordError extends Error {
  override readonly name = 'RecordError'
  readonly code: RecordErrorCode
  readonly offset: number

  constructor(code: RecordErrorCode, offset: number, message: string) {
    super(message)
    this.code = code
    this.offset = offset
  }
}
