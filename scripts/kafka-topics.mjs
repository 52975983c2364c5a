// The topics `npm run kafka` creates: the three that MQTT needs, or those named on the command line.

import { Problem } from './progress.mjs'

/** @typedef {import('./kafka-admin.mjs').TopicSpec} TopicSpec */

// Small segments, closed hourly, make compaction visible on a machine where little is written.
const compacted = {
  'cleanup.policy': 'compact',
  'segment.ms': 3_600_000,
  'segment.bytes': 64 * 1024 * 1024,
  'min.cleanable.dirty.ratio': 0.1,
}

/** @type {TopicSpec[]} */
export const defaultTopics = [
  { name: 'mqtt-messages', partitions: 12, configs: { 'cleanup.policy': 'delete' } },
  { name: 'mqtt-sessions', configs: compacted },
  { name: 'mqtt-retained', partitions: 12, configs: compacted },
]

/**
 * Reads `name[:partitions][:compact|delete]`, separated by commas, spaces or both.
 * @param {string} list
 * @returns {TopicSpec[]}
 */
export function parseTopics(list) {
  return list
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(parseTopic)
}

/**
 * @param {string} text
 * @returns {TopicSpec}
 */
function parseTopic(text) {
  const [name = '', ...qualities] = text.split(':')
  if (!/^[a-zA-Z0-9._-]{1,249}$/.test(name))
    throw new Problem(`'${name}' is not a topic name (letters, digits, . _ -).`)
  /** @type {TopicSpec} */
  const topic = { name, configs: {} }
  for (const quality of qualities) {
    if (/^[1-9]\d{0,3}$/.test(quality)) topic.partitions = Number(quality)
    else if (quality === 'compact') topic.configs = compacted
    else if (quality === 'delete') topic.configs = { 'cleanup.policy': 'delete' }
    else throw new Problem(`'${quality}' in ${text} is neither a number of partitions nor compact or delete.`)
  }
  return topic
}
