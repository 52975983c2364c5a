// Generated from kafka-embedded.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: kafka-embedded` entries hold.
 */
export interface KafkaEmbeddedConfig {
  /**
   * Where the log lies, and its topics.
   */
  options?: {
    /**
     * Directory of the log, relative to the document; it is made if it is not there, and belongs to one engine at a time.
     */
    directory: string
    /**
     * When a record counts as stored: `flush` once it is on disk; `os` once the operating system has it, which is faster, survives a crash of the engine, but not of the host: a power failure can damage the log.
     */
    sync: 'flush' | 'os'
    /**
     * What a topic gets that does not say otherwise.
     */
    defaults: {
      /**
       * Number of partitions; it can grow at a start, never shrink.
       */
      partitions: number
      /**
       * Topic settings under Kafka's names. Those of segments, replicas and compression are kept without effect.
       */
      configs: {
        /**
         * `delete` removes old records (Kafka's default), `compact` keeps the last record of each key.
         */
        'cleanup.policy'?: 'delete' | 'compact' | 'compact,delete' | 'delete,compact'
        /**
         * How long a tombstone outlives the records that it deletes, 86400000 by default.
         */
        'delete.retention.ms'?: number | string
        /**
         * Largest record batch, and so about the largest record, 1048588 by default.
         */
        'max.message.bytes'?: number | string
        /**
         * Whose time records carry.
         */
        'message.timestamp.type'?: 'CreateTime' | 'LogAppendTime'
        /**
         * Share of a compacted partition that must be new before it is compacted again, 0.5 by default.
         */
        'min.cleanable.dirty.ratio'?: number | string
        /**
         * How long a record is safe from compaction, 0 by default.
         */
        'min.compaction.lag.ms'?: number | string
        /**
         * Bytes a partition keeps at most, -1 (no limit) by default.
         */
        'retention.bytes'?: number | string
        /**
         * How long records are kept, 604800000 (a week) by default, -1 for ever.
         */
        'retention.ms'?: number | string
        [k: string]:
          | string
          | number
          | boolean
          | 'delete'
          | 'compact'
          | 'compact,delete'
          | 'delete,compact'
          | 'CreateTime'
          | 'LogAppendTime'
          | undefined
      }
    }
    /**
     * Topics made at start. One that is there gets these settings and, if they are more, these partitions.
     */
    topics: EmbeddedTopic[]
  }
}
export interface EmbeddedTopic {
  /**
   * Name of the topic.
   */
  name: string
  /**
   * Number of partitions; it can grow at a start, never shrink.
   */
  partitions?: number
  /**
   * Topic settings under Kafka's names. Those of segments, replicas and compression are kept without effect.
   */
  configs?: {
    /**
     * `delete` removes old records (Kafka's default), `compact` keeps the last record of each key.
     */
    'cleanup.policy'?: 'delete' | 'compact' | 'compact,delete' | 'delete,compact'
    /**
     * How long a tombstone outlives the records that it deletes, 86400000 by default.
     */
    'delete.retention.ms'?: number | string
    /**
     * Largest record batch, and so about the largest record, 1048588 by default.
     */
    'max.message.bytes'?: number | string
    /**
     * Whose time records carry.
     */
    'message.timestamp.type'?: 'CreateTime' | 'LogAppendTime'
    /**
     * Share of a compacted partition that must be new before it is compacted again, 0.5 by default.
     */
    'min.cleanable.dirty.ratio'?: number | string
    /**
     * How long a record is safe from compaction, 0 by default.
     */
    'min.compaction.lag.ms'?: number | string
    /**
     * Bytes a partition keeps at most, -1 (no limit) by default.
     */
    'retention.bytes'?: number | string
    /**
     * How long records are kept, 604800000 (a week) by default, -1 for ever.
     */
    'retention.ms'?: number | string
    [k: string]:
      | string
      | number
      | boolean
      | 'delete'
      | 'compact'
      | 'compact,delete'
      | 'delete,compact'
      | 'CreateTime'
      | 'LogAppendTime'
      | undefined
  }
}

/** JSON Schema of a whole `type: kafka-embedded` entry. */
export const schema: JsonSchema = {
  "title": "kafka-embedded",
  "description": "Topics on the local disk, for one engine instance without a Kafka cluster: a `server` answers its neighbours as the kafka client does.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "kind",
    "options"
  ],
  "properties": {
    "type": {
      "const": "kafka-embedded"
    },
    "kind": {
      "enum": [
        "server"
      ]
    },
    "options": {
      "description": "Where the log lies, and its topics.",
      "type": "object",
      "additionalProperties": false,
      "required": [
        "directory"
      ],
      "properties": {
        "directory": {
          "description": "Directory of the log, relative to the document; it is made if it is not there, and belongs to one engine at a time.",
          "type": "string",
          "minLength": 1,
          "examples": [
            "data"
          ]
        },
        "sync": {
          "description": "When a record counts as stored: `flush` once it is on disk; `os` once the operating system has it, which is faster, survives a crash of the engine, but not of the host: a power failure can damage the log.",
          "enum": [
            "flush",
            "os"
          ],
          "type": "string",
          "default": "flush"
        },
        "defaults": {
          "description": "What a topic gets that does not say otherwise.",
          "type": "object",
          "additionalProperties": false,
          "default": {},
          "properties": {
            "partitions": {
              "$ref": "#/$defs/partitions",
              "default": 1
            },
            "configs": {
              "$ref": "#/$defs/configs",
              "default": {}
            }
          }
        },
        "topics": {
          "description": "Topics made at start. One that is there gets these settings and, if they are more, these partitions.",
          "type": "array",
          "default": [],
          "items": {
            "title": "EmbeddedTopic",
            "type": "object",
            "additionalProperties": false,
            "required": [
              "name"
            ],
            "properties": {
              "name": {
                "description": "Name of the topic.",
                "type": "string",
                "x-kafka-topic": true,
                "pattern": "^[a-zA-Z0-9._-]{1,249}$",
                "x-hint": "A topic name has up to 249 letters, digits, dots, underscores and hyphens.",
                "examples": [
                  "mqtt-messages"
                ]
              },
              "partitions": {
                "$ref": "#/$defs/partitions"
              },
              "configs": {
                "$ref": "#/$defs/configs"
              }
            }
          }
        }
      }
    }
  },
  "$defs": {
    "partitions": {
      "description": "Number of partitions; it can grow at a start, never shrink.",
      "type": "integer",
      "minimum": 1,
      "maximum": 10000
    },
    "configs": {
      "description": "Topic settings under Kafka's names. Those of segments, replicas and compression are kept without effect.",
      "type": "object",
      "examples": [
        {
          "cleanup.policy": "compact"
        }
      ],
      "properties": {
        "cleanup.policy": {
          "description": "`delete` removes old records (Kafka's default), `compact` keeps the last record of each key.",
          "type": "string",
          "enum": [
            "delete",
            "compact",
            "compact,delete",
            "delete,compact"
          ]
        },
        "delete.retention.ms": {
          "description": "How long a tombstone outlives the records that it deletes, 86400000 by default.",
          "type": [
            "integer",
            "string"
          ]
        },
        "max.message.bytes": {
          "description": "Largest record batch, and so about the largest record, 1048588 by default.",
          "type": [
            "integer",
            "string"
          ]
        },
        "message.timestamp.type": {
          "description": "Whose time records carry.",
          "type": "string",
          "enum": [
            "CreateTime",
            "LogAppendTime"
          ]
        },
        "min.cleanable.dirty.ratio": {
          "description": "Share of a compacted partition that must be new before it is compacted again, 0.5 by default.",
          "type": [
            "number",
            "string"
          ]
        },
        "min.compaction.lag.ms": {
          "description": "How long a record is safe from compaction, 0 by default.",
          "type": [
            "integer",
            "string"
          ]
        },
        "retention.bytes": {
          "description": "Bytes a partition keeps at most, -1 (no limit) by default.",
          "type": [
            "integer",
            "string"
          ]
        },
        "retention.ms": {
          "description": "How long records are kept, 604800000 (a week) by default, -1 for ever.",
          "type": [
            "integer",
            "string"
          ]
        }
      },
      "additionalProperties": {
        "type": [
          "string",
          "number",
          "boolean"
        ]
      }
    }
  }
}
