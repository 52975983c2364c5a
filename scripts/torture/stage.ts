/** Where a run takes place: storage, engines, and what all parts of the run share. */
import type { PacketCmd } from 'mqtt-packet'
import type { Findings } from './findings.ts'
import { Disturbances, Host } from './host.ts'
import type { Random } from './random.ts'
import type { Storage } from './storage.ts'

/** How long after a fault it may still be felt: on Kafka, sessions of a killed process are waited for. */
const SLACK_MS = { embedded: 6_000, kafka: 20_000 }

export interface Topics {
  readonly sessions: string
  readonly messages: string
  readonly retained: string
}

/** A step of the protocol as a client sees it. */
export interface Step {
  readonly direction: 'sent' | 'got'
  readonly cmd: PacketCmd
}

export class Stage {
  readonly storage: Storage
  readonly directory: string
  readonly hosts: readonly Host[]
  readonly findings: Findings
  readonly random: Random
  readonly topics: Topics
  /** storage was stopped or paused */
  readonly storageDisturbances: Disturbances
  /** the clock of an engine was wrong */
  readonly clockDisturbances: Disturbances
  /** set by a fault that waits for a step of the load's clients */
  onStep: ((host: Host, step: Step) => void) | null = null

  /** @param directory where engines have their folders */
  constructor(storage: Storage, hosts: number, directory: string, findings: Findings, random: Random) {
    const suffix = `${process.pid}-${Date.now().toString(36)}`
    const slackMs = SLACK_MS[storage.name]
    this.storage = storage
    this.directory = directory
    this.findings = findings
    this.random = random
    this.topics = { sessions: `s-${suffix}`, messages: `m-${suffix}`, retained: `r-${suffix}` }
    this.storageDisturbances = new Disturbances(slackMs)
    this.clockDisturbances = new Disturbances(slackMs)
    const document = documentOf(storage, this.topics)
    this.hosts = Array.from({ length: hosts }, (_, at) => new Host(at, document, directory, slackMs, findings))
  }

  async start(): Promise<void> {
    for (const host of this.hosts) await host.start()
  }

  /** Whether any engine or the storage was not itself since then. */
  disturbedSince(from: number): boolean {
    return this.storageDisturbances.since(from) || this.hosts.some((host) => host.disturbances.since(from))
  }

  read(topic: keyof Topics, visit: (key: string, value: string | null) => void): Promise<void> {
    return this.storage.read(this.hosts[0]!.directory, this.topics[topic], visit)
  }

  async remove(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.remove()))
    await this.storage.stop()
  }
}

function documentOf({ exit, bindings }: Storage, topics: Topics): string {
  return `name: torture
bindings:
  tcp_server: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: mqtt_server }
  mqtt_server:
    type: mqtt
    kind: server
    # All clients come from one address, and come back as often as they are thrown out.
    options:
      limits: { connectsPerSecond: 100000, addressConnectsPerSecond: 100000, clientConnectsPerMinute: 100000 }
    exit: mapping
  mapping:
    type: mqtt-kafka
    kind: proxy
    options: { topics: ${JSON.stringify(topics)}, create: { partitions: 6 } }
    exit: ${exit}
${bindings}`
}
