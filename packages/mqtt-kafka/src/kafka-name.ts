/**
 * Names of Kafka topics made from a document or from what clients send. Asked at start and whenever a route's template is
 * filled in; a wrong answer would let a client write into the sessions topic.
 */

const LEGAL = /^[a-zA-Z0-9._-]{1,249}$/
/** Topics of Kafka itself, such as `__consumer_offsets`. */
const INTERNAL = '__'

/** What is wrong with the name of a topic for messages; null when nothing is. */
export function kafkaNameProblem(name: string): string | null {
  if (!LEGAL.test(name) || name === '.' || name === '..') {
    return `'${name.slice(0, 249)}' is no Kafka topic name (1 to 249 of a-z A-Z 0-9 . _ -)`
  }
  return name.startsWith(INTERNAL) ? `'${name}' is a topic of Kafka itself` : null
}
