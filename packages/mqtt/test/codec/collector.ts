/** Runs a decoder over chunks and collects what it gives, for the codec tests. Copies every payload, for they are borrowed. */
import type { DecodeError } from '../../src/codec/decode-error.ts'
import { Decoder, type PacketHandler, type Role } from '../../src/codec/decoder.ts'
import type { NonPublishPacket, Packet } from '../../src/codec/packets.ts'
import type { PublishMeta, Version } from '../../src/stream.ts'

export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
}

export class Collector implements PacketHandler {
  readonly packets: Packet[] = []
  error: DecodeError | null = null

  onPublish(meta: PublishMeta, payload: Buffer): void {
    this.packets.push({ type: 'publish', ...meta, payload: Buffer.from(payload) })
  }

  onPacket(packet: NonPublishPacket): void {
    this.packets.push(packet)
  }

  onDecodeError(error: DecodeError): void {
    if (this.error !== null) throw new Error('onDecodeError called twice')
    this.error = error
  }
}

const CONNECT: Readonly<Record<Version, Buffer>> = {
  4: hex('10 0d 0004 4d515454 04 02 003c 0001 63'),
  5: hex('10 0e 0004 4d515454 05 02 003c 00 0001 63'),
}
const CONNACK: Readonly<Record<Version, Buffer>> = { 4: hex('20 02 00 00'), 5: hex('20 03 00 00 00') }

/** A decoder in the middle of a connection. */
export function openDecoder(role: Role, version: Version, handler: PacketHandler): Decoder {
  const ignore: PacketHandler = { onPublish: () => {}, onPacket: () => {}, onDecodeError: () => {} }
  let current = ignore
  const relay: PacketHandler = {
    onPublish: (meta, payload) => current.onPublish(meta, payload),
    onPacket: (packet) => current.onPacket(packet),
    onDecodeError: (error) => current.onDecodeError(error),
  }
  const decoder = role === 'server' ? new Decoder('server', relay) : new Decoder('client', relay, version)
  decoder.push(role === 'server' ? CONNECT[version] : CONNACK[version])
  decoder.topicAliasMaximum = 10
  current = handler
  return decoder
}

/** A decoder that expects the first packet of a connection. */
export function newDecoder(role: Role, version: Version, handler: PacketHandler): Decoder {
  return role === 'server' ? new Decoder('server', handler) : new Decoder('client', handler, version)
}

/** What comes of the chunks; CONNECT and CONNACK are decoded as first packets, all others in the middle. */
export function decodeChunks(role: Role, version: Version, chunks: readonly Buffer[]): Collector {
  const collector = new Collector()
  const nibble = (chunks.find((chunk) => chunk.length > 0)?.[0] ?? 0) >> 4
  const first = nibble === 1 || nibble === 2
  const decoder = (first ? newDecoder : openDecoder)(role, version, collector)
  for (const chunk of chunks) decoder.push(chunk)
  return collector
}

export function decodeOne(role: Role, version: Version, bytes: Buffer): Collector {
  return decodeChunks(role, version, [bytes])
}
