/**
 * Asks Kafka whether the topics of a document are there and as they must be, once, and changes nothing (`probe`). What a
 * start would refuse is an error; what it would put up with, though messages are lost by it, a warning.
 */
import { type Clock, type Finding, StreamError } from '@zilla-ts/engine'
import type { KafkaAccept, KafkaOpen, TopicOperation } from '@zilla-ts/kafka'
import { KafkaQuestion } from './kafka-question.ts'
import { type CheckedTopic, type CreateTopics, type Description, sessionsProblem } from './topic-check.ts'

export interface ProbedTopic extends CheckedTopic {
  /** what names it, relative to the entry */
  readonly path: Finding['path']
}

const NEEDED: readonly TopicOperation[] = ['Read', 'Write']

/** One after the other. Each waits for its answer as long as any question does. */
export async function probeTopics(
  topics: readonly ProbedTopic[],
  create: CreateTopics,
  clock: Clock,
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const topic of topics) findings.push(...findingsOf(topic, create, await described(topic, clock)))
  return findings
}

function described(topic: CheckedTopic, clock: Clock): Promise<KafkaAccept | StreamError> {
  const open: KafkaOpen = { kind: 'describe', topic: topic.name, operations: true }
  return new Promise((resolve) => new KafkaQuestion(resolve).ask(topic.exit, open, clock))
}

function findingsOf(topic: ProbedTopic, create: CreateTopics, answer: KafkaAccept | StreamError): Finding[] {
  const { name, role, path } = topic
  const finding = (level: Finding['level'], code: string, message: string): Finding => ({ level, code, path, message })
  if (answer instanceof StreamError) {
    if (answer.code !== 'not-found') {
      const code = answer.code === 'not-authorized' ? 'kafka-topic-permission' : 'kafka-topic-unknown'
      return [finding('error', code, `Kafka does not describe ${role} topic '${name}': ${answer.message}`)]
    }
    if (create !== null) return []
    return [finding('error', 'kafka-topic-missing', `there is no ${role} topic '${name}' in Kafka`)]
  }
  if (answer.kind !== 'describe') return []
  const { operations } = answer
  const lacks = (operation: TopicOperation): boolean => operations !== undefined && !operations.includes(operation)
  const findings: Finding[] = []
  const denied = (level: Finding['level'], what: string): void => {
    const message = `Kafka does not permit ${what} on ${role} topic '${name}'`
    findings.push(finding(level, 'kafka-topic-permission', message))
  }
  const missing = NEEDED.filter(lacks)
  if (missing.length > 0) denied('error', missing.join(' and '))
  // Without, a sessions topic is not taken for compacted; of the others the defaults of Kafka are assumed.
  if (lacks('DescribeConfigs')) denied(role === 'sessions' ? 'error' : 'warning', 'DescribeConfigs')
  const policy = answer.configs.has('cleanup.policy') ? policyProblem(topic, answer) : null
  if (policy !== null) findings.push(finding(policy.level, 'kafka-topic-policy', policy.message))
  if (create?.partitions !== undefined && create.partitions !== answer.partitions) {
    const message = `${role} topic '${name}' has ${answer.partitions} partitions, not ${create.partitions}`
    findings.push(finding('warning', 'kafka-topic-partitions', message))
  }
  return findings
}

function policyProblem(
  { name, role }: CheckedTopic,
  description: Description,
): { readonly level: Finding['level']; readonly message: string } | null {
  const policy = description.configs.get('cleanup.policy') ?? ''
  const what = `${role} topic '${name}' has cleanup.policy=${policy}`
  switch (role) {
    case 'sessions': {
      const problem = sessionsProblem(name, description)
      return problem === null ? null : { level: 'error', message: problem }
    }
    case 'retained':
      if (policy.split(',').includes('compact')) return null
      return { level: 'warning', message: `${what}: retained messages vanish with its retention` }
    case 'messages':
      if (policy !== 'compact') return null
      return { level: 'warning', message: `${what}: of each MQTT topic only the last message stays for who is away` }
  }
}
