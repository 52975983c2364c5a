/** Random packets from a seed, for round trips, mutations and the comparison with another codec. */
import type { Role } from '../../src/codec/decoder.ts'
import type { AckType, Packet, SubscriptionRequest } from '../../src/codec/packets.ts'
import type { Properties } from '../../src/codec/properties.ts'
import { CODES_OF } from '../../src/codec/reason-codes.ts'
import type { Qos, Version, Will } from '../../src/stream.ts'

/** mulberry32: small, seeded, the same on every machine. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 ≤ value < limit */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }

  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make)
  }

  bytes(most: number): Buffer {
    return Buffer.from(this.list(most, () => this.below(256)))
  }
}

const CHARACTERS = ['a', 'B', '7', ' ', '/', '$', '-', '\u0001', 'é', 'ß', '€', '\ufeff', '漢', '😀', '\u{10ffff}']

export class RandomPackets {
  readonly random: Random

  constructor(seed: number) {
    this.random = new Random(seed)
  }

  /** Something that `role` may decode in the middle of a connection, or its first packet. */
  packet(role: Role, version: Version): Packet {
    const { random } = this
    const both = ['publish', 'publish', 'publish', 'puback', 'pubrec', 'pubrel', 'pubcomp'] as const
    const byClient = ['connect', 'connect', 'subscribe', 'unsubscribe', 'pingreq', 'disconnect'] as const
    const byServer = ['connack', 'suback', 'unsuback', 'pingresp'] as const
    const server5 = ['disconnect', 'auth'] as const
    const types = role === 'server' ? [...both, ...byClient] : [...both, ...byServer, ...(version === 5 ? server5 : [])]
    const type = random.pick(role === 'server' && version === 5 ? [...types, 'auth' as const] : types)
    switch (type) {
      case 'publish':
        return this.#publish(role, version)
      case 'puback':
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        return this.#ack(type, version)
      case 'connect':
        return this.#connect(version)
      case 'connack':
        return this.#connack(version)
      case 'subscribe':
        return this.#subscribe(version)
      case 'unsubscribe': {
        const filters = [this.topic(), ...random.list(3, () => this.topic())]
        return { type, packetId: this.#packetId(), filters, properties: this.#properties(version, []) }
      }
      case 'suback':
      case 'unsuback':
        return this.#subscriptionAck(type, version)
      case 'pingreq':
      case 'pingresp':
        return { type }
      case 'disconnect':
        return this.#disconnect(role, version)
      case 'auth': {
        const codes = role === 'server' ? CODES_OF.authByClient : CODES_OF.authByServer
        const properties = { authenticationMethod: this.text(), ...this.#properties(5, ['reasonString']) }
        return { type, reasonCode: random.pick([...codes]), properties }
      }
    }
  }

  text(): string {
    return this.random.list(6, () => this.random.pick(CHARACTERS)).join('')
  }

  topic(): string {
    return this.text() || '/'
  }

  #packetId(): number {
    return 1 + this.random.below(65_535)
  }

  #publish(role: Role, version: Version): Packet {
    const { random } = this
    const qos = random.below(3) as Qos
    const properties = this.#properties(version, [
      'payloadFormat',
      'messageExpirySeconds',
      'contentType',
      'responseTopic',
      'correlationData',
      ...(role === 'client' ? (['subscriptionIds'] as const) : []),
    ])
    return {
      type: 'publish',
      topic: this.topic(),
      qos,
      retain: random.chance(50),
      dup: qos > 0 && random.chance(50),
      packetId: qos > 0 ? this.#packetId() : 0,
      payload: random.chance(1) ? Buffer.alloc(random.below(20_000), random.below(256)) : random.bytes(20),
      properties,
    }
  }

  #ack(type: AckType, version: Version): Packet {
    const reasonCode = version === 5 ? this.random.pick([...CODES_OF[type]]) : 0
    return { type, packetId: this.#packetId(), reasonCode, properties: this.#properties(version, ['reasonString']) }
  }

  #connect(version: Version): Packet {
    const { random } = this
    const username = random.chance(50) ? this.text() : null
    const cleanStart = random.chance(50)
    return {
      type: 'connect',
      version,
      clientId: cleanStart || version === 5 ? this.text() : `c${this.text()}`,
      cleanStart,
      keepAliveSeconds: random.below(65_536),
      will: random.chance(50) ? this.#will(version) : null,
      username,
      password: (username !== null || version === 5) && random.chance(50) ? random.bytes(5) : null,
      properties: this.#properties(version, [
        'sessionExpirySeconds',
        'authenticationMethod',
        'requestProblemInformation',
        'requestResponseInformation',
        'receiveMaximum',
        'topicAliasMaximum',
        'maximumPacketSize',
      ]),
    }
  }

  #will(version: Version): Will {
    const { random } = this
    return {
      topic: this.topic(),
      payload: random.bytes(10),
      qos: random.below(3) as Qos,
      retain: random.chance(50),
      properties: this.#properties(version, ['willDelaySeconds', 'payloadFormat', 'contentType', 'correlationData']),
    }
  }

  #connack(version: Version): Packet {
    const { random } = this
    const reasonCode = version === 5 ? random.pick([...CODES_OF.connack]) : random.below(6)
    return {
      type: 'connack',
      sessionPresent: reasonCode === 0 && random.chance(50),
      reasonCode,
      properties: this.#properties(version, [
        'sessionExpirySeconds',
        'assignedClientId',
        'serverKeepAliveSeconds',
        'responseInformation',
        'serverReference',
        'reasonString',
        'receiveMaximum',
        'topicAliasMaximum',
        'maximumQos',
        'retainAvailable',
        'wildcardSubscriptionAvailable',
        'subscriptionIdsAvailable',
        'sharedSubscriptionAvailable',
      ]),
    }
  }

  #subscribe(version: Version): Packet {
    const { random } = this
    const subscriptionId = version === 5 && random.chance(50) ? 1 + random.below(268_435_455) : 0
    const subscription = (): SubscriptionRequest => ({
      filter: random.pick(['#', '+', 'a/+/b', this.topic()]),
      qos: random.below(3) as Qos,
      noLocal: version === 5 && random.chance(50),
      retainAsPublished: version === 5 && random.chance(50),
      retainHandling: version === 5 ? (random.below(3) as 0 | 1 | 2) : 0,
      subscriptionId,
      valid: true,
    })
    const ids = subscriptionId > 0 ? { subscriptionIds: [subscriptionId] } : {}
    const properties = { ...ids, ...this.#properties(version, []) }
    return {
      type: 'subscribe',
      packetId: this.#packetId(),
      subscriptions: [subscription(), ...random.list(3, subscription)],
      properties: Object.keys(properties).length > 0 ? properties : null,
    }
  }

  #subscriptionAck(type: 'suback' | 'unsuback', version: Version): Packet {
    const { random } = this
    const codes = version === 5 ? [...CODES_OF[type]] : [0, 1, 2, 0x80]
    const reasonCodes = [random.pick(codes), ...random.list(3, () => random.pick(codes))]
    return {
      type,
      packetId: this.#packetId(),
      reasonCodes: version === 4 && type === 'unsuback' ? [] : reasonCodes,
      properties: this.#properties(version, ['reasonString']),
    }
  }

  #disconnect(role: Role, version: Version): Packet {
    const codes = role === 'server' ? CODES_OF.disconnectByClient : CODES_OF.disconnectByServer
    return {
      type: 'disconnect',
      reasonCode: version === 5 ? this.random.pick([...codes]) : 0,
      properties: this.#properties(version, [
        'reasonString',
        role === 'server' ? 'sessionExpirySeconds' : 'serverReference',
      ]),
    }
  }

  /** Some of these and of the user properties; null rather than none. */
  #properties(version: Version, names: readonly (keyof Properties)[]): Properties | null {
    const { random } = this
    if (version === 4 || random.chance(30)) return null
    const all: Required<Properties> = {
      payloadFormat: random.pick([0, 1]),
      messageExpirySeconds: random.below(2 ** 32),
      contentType: this.text(),
      responseTopic: this.topic(),
      correlationData: random.bytes(5),
      subscriptionIds: [1 + random.below(200), ...random.list(2, () => 1 + random.below(268_435_455))],
      sessionExpirySeconds: random.below(2 ** 32),
      assignedClientId: this.text(),
      serverKeepAliveSeconds: random.below(65_536),
      authenticationMethod: this.text(),
      authenticationData: random.bytes(5),
      requestProblemInformation: random.chance(50),
      willDelaySeconds: random.below(2 ** 32),
      requestResponseInformation: random.chance(50),
      responseInformation: this.text(),
      serverReference: this.text(),
      reasonString: this.text(),
      receiveMaximum: 1 + random.below(65_535),
      topicAliasMaximum: random.below(65_536),
      topicAlias: 1 + random.below(10),
      maximumQos: random.pick([0, 1]),
      retainAvailable: random.chance(50),
      userProperties: [[this.text(), this.text()], ...random.list(3, () => [this.text(), this.text()] as const)],
      maximumPacketSize: 1 + random.below(2 ** 32 - 1),
      wildcardSubscriptionAvailable: random.chance(50),
      subscriptionIdsAvailable: random.chance(50),
      sharedSubscriptionAvailable: random.chance(50),
    }
    const chosen = [...names, 'userProperties' as const].filter(() => random.chance(50))
    if (chosen.length === 0) return null
    return Object.fromEntries(chosen.map((name) => [name, all[name]]))
  }
}
