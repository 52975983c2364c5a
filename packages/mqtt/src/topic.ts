/**
 * Topic names and topic filters (MQTT 5.0 §4.7, §4.8; the rules of 3.1.1 are the same): validity, levels, matching one
 * filter with one topic. Used by the codec, by the server and by whoever turns foreign names into topics.
 */

/** Longest topic name or filter, in bytes of UTF-8 [MQTT-4.7.3-3]. */
export const TOPIC_BYTES_MAX = 65_535
/** Levels a name or filter may have here unless configured otherwise; the standard has no limit, a tree of them needs one. */
export const LEVELS_MAX = 200

const SLASH = 0x2f
const PLUS = 0x2b
const HASH = 0x23
const DOLLAR = 0x24

/** Bytes of UTF-8, or -1 where an MQTT string must not be: U+0000, a lone surrogate, longer than 65,535 bytes. */
function utf8Bytes(text: string): number {
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === 0) return -1
    if (unit < 0x80) bytes += 1
    else if (unit < 0x800) bytes += 2
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 3
    else {
      const low = text.charCodeAt(++i)
      if (unit > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) return -1
      bytes += 4
    }
  }
  return bytes > TOPIC_BYTES_MAX ? -1 : bytes
}

/** A string MQTT can carry: well-formed, without U+0000, at most 65,535 bytes [MQTT-1.5.4-1] [MQTT-1.5.4-2]. */
export function isMqttString(text: string): boolean {
  return utf8Bytes(text) >= 0
}

/** At least one character and no wildcard [MQTT-4.7.3-1] [MQTT-4.7.1-1]. */
export function isTopicName(name: string): boolean {
  return utf8Bytes(name) > 0 && !hasWildcard(name)
}

export function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.includes('#')
}

/** `#` alone in the last level [MQTT-4.7.1-1], `+` alone in any [MQTT-4.7.1-2]. Says nothing of `$share`. */
export function isTopicFilter(filter: string): boolean {
  if (utf8Bytes(filter) <= 0) return false
  for (let i = 0; i < filter.length; i++) {
    const unit = filter.charCodeAt(i)
    if (unit !== PLUS && unit !== HASH) continue
    if (i > 0 && filter.charCodeAt(i - 1) !== SLASH) return false
    if (i + 1 < filter.length && (unit === HASH || filter.charCodeAt(i + 1) !== SLASH)) return false
  }
  return true
}

export interface SharedFilter {
  /** ShareName */
  readonly group: string
  /** what is subscribed to */
  readonly filter: string
}

/** Asks for a shared subscription, well-formed or not. 3.1.1 knows no such thing, and is given it all the same. */
export function isShared(filter: string): boolean {
  return filter.startsWith('$share/')
}

/** The parts of `$share/{group}/{filter}`; null when it is not one or breaks [MQTT-4.8.2-1] [MQTT-4.8.2-2]. */
export function parseShared(filter: string): SharedFilter | null {
  if (!isShared(filter)) return null
  const groupAt = '$share/'.length
  const groupEnd = filter.indexOf('/', groupAt)
  if (groupEnd <= groupAt) return null
  const group = filter.slice(groupAt, groupEnd)
  const inner = filter.slice(groupEnd + 1)
  return hasWildcard(group) || !isTopicFilter(inner) ? null : { group, filter: inner }
}

/** `a//b` → `a`, ``, `b`. Leading and trailing slashes make empty levels (§4.7.1.1). */
export function levels(topic: string): string[] {
  return topic.split('/')
}

/** Whether the topic or filter has at most so many levels; stops counting there. */
export function withinLevels(topic: string, levelsMax: number): boolean {
  if (topic.length < levelsMax) return true
  let count = 1
  for (let at = topic.indexOf('/'); at !== -1; at = topic.indexOf('/', at + 1)) {
    if (++count > levelsMax) return false
  }
  return count <= levelsMax
}

/** Both must be valid; a shared filter is given without `$share/{group}/`. Allocates nothing. */
export function filterMatchesTopic(filter: string, topic: string): boolean {
  // [MQTT-4.7.2-1] a filter that starts with a wildcard does not see topics that start with `$`
  if (topic.charCodeAt(0) === DOLLAR && (filter.charCodeAt(0) === HASH || filter.charCodeAt(0) === PLUS)) return false
  let at = 0
  for (let i = 0; i < filter.length; i++) {
    const unit = filter.charCodeAt(i)
    if (unit === HASH) return true
    if (unit === PLUS) {
      const next = topic.indexOf('/', at)
      at = next === -1 ? topic.length : next
    } else if (at === topic.length) {
      // `a/#` matches `a` (§4.7.1.2)
      return unit === SLASH && i + 2 === filter.length && filter.charCodeAt(i + 1) === HASH
    } else if (topic.charCodeAt(at++) !== unit) {
      return false
    }
  }
  return at === topic.length
}
