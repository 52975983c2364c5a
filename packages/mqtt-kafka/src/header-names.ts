/**
 * The names of record headers that other Zilla engines and Kafka programs see; one list for the writer and the reader.
 * Renaming one breaks every consumer of the topics.
 */

/** Everything under this prefix belongs to the mapping; user properties never do. */
export const RESERVED_PREFIX = 'zilla:'
/**
 * Stands before the name of a user property that would pass for a header of ours, or of the route. MQTT wants user
 * properties forwarded unaltered [MQTT-3.3.2-17]: the reader takes the prefix off again.
 */
export const ESCAPED_PREFIX = 'zilla:user:'

/** MQTT topic of a record whose key is another; stands first, so that a reader finds it at once. */
export const TOPIC = 'zilla:topic'
export const FILTER = 'zilla:filter'
export const LOCAL = 'zilla:local'
export const EXPIRY = 'zilla:expiry'
export const CONTENT_TYPE = 'zilla:content-type'
export const FORMAT = 'zilla:format'
export const REPLY_TO = 'zilla:reply-to'
export const REPLY_KEY = 'zilla:reply-key'
export const REPLY_FILTER = 'zilla:reply-filter'
export const CORRELATION_ID = 'zilla:correlation-id'
export const QOS = 'zilla:qos'

export const FORMAT_BINARY = 'BINARY'
export const FORMAT_TEXT = 'TEXT'
