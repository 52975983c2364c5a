// Generated from mqtt-kafka.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: mqtt-kafka` entries hold.
 */
export interface MqttKafkaConfig {
  /**
   * The Kafka topics, and bounds on what one client may take.
   */
  options?: {
    /**
     * The Kafka topics that hold sessions, messages and retained messages; three different ones.
     */
    topics: {
      /**
       * Compacted topic (`cleanup.policy=compact`) with a record per connection; not to be shared with other software.
       */
      sessions: string
      /**
       * Topic for messages, keyed by MQTT topic; routes may name others.
       */
      messages: string
      /**
       * Topic with a copy of every retained message, keyed by MQTT topic; should be compacted.
       */
      retained: string
    }
    create?: CreateTopics
    /**
     * Topic patterns with one `{identity}`; messages whose topic matches go to the partition of that identity instead of the topic's own. The first that matches counts.
     */
    clients?: string[]
    /**
     * What clients may publish.
     */
    publish?: {
      /**
       * Highest QoS of a PUBLISH.
       */
      qosMax: 'at_most_once' | 'at_least_once' | 'exactly_once'
    }
    foreign: ForeignRecords
    limits: MqttKafkaLimits
    /**
     * @deprecated
     * `server` is not needed any more and has no effect: instances find each other through Kafka.
     */
    server?: string
  }
  when?: {
    /**
     * Topics that clients publish to.
     *
     * @minItems 1
     */
    publish?: [
      {
        /**
         * Topic pattern: `+` is one level, `#` the rest, `{name}` any run of characters.
         */
        topic: string
      },
      ...{
        /**
         * Topic pattern: `+` is one level, `#` the rest, `{name}` any run of characters.
         */
        topic: string
      }[]
    ]
    /**
     * Topics that clients receive.
     *
     * @minItems 1
     */
    subscribe?: [
      {
        /**
         * Topic pattern: `+` is one level, `#` the rest, `{name}` any run of characters.
         */
        topic: string
      },
      ...{
        /**
         * Topic pattern: `+` is one level, `#` the rest, `{name}` any run of characters.
         */
        topic: string
      }[]
    ]
  }
  /**
   * What is done with messages of this route.
   */
  with?: {
    /**
     * Kafka topic instead of `options.topics.messages`; `${params.x}` is what `{x}` of the pattern matched, `${identity}` who the client is to a guard, `${client-id}` and `${topic}` are those of the publish. Clients read the topics that have their own identity and client id in the name; nothing is retained there.
     */
    messages?: string
    /**
     * Key of the records instead of the MQTT topic, which a header `zilla:topic` holds then. Placeholders as in `headers`.
     */
    key?: string
    /**
     * Headers that records get beside those of the mapping: `${params.x}` is what `{x}` of the pattern matched, `${identity}` who the client is to a guard, `${client-id}` and `${topic}` are those of the publish. A header whose placeholder has no value is left out. MQTT subscribers receive them as user properties.
     */
    headers?: {
      [k: string]: string
    }
    /**
     * Records with the same text here go to the same partition, instead of that of the key or of `options.clients`. Placeholders as in `headers`.
     */
    partition?: string
    /**
     * Whether records carry `zilla:expiry`; `false` for topics that Zilla 2.x reads as well, which takes the seconds for milliseconds.
     */
    expiry: boolean
  }
}
/**
 * Make topics that are missing, with the configuration this binding wants; without it a missing topic is an error.
 */
export interface CreateTopics {
  /**
   * Partitions of a topic that is made; the broker's default when absent.
   */
  partitions?: number
  /**
   * Replicas of a topic that is made; the broker's default when absent.
   */
  replicas?: number
}
/**
 * Records of other Kafka programs, which have no `zilla:` headers. Their MQTT topic is the key, unless an entry of `topics` says otherwise; other headers become user properties.
 */
export interface ForeignRecords {
  /**
   * QoS they count as published with.
   */
  qos: 'at_most_once' | 'at_least_once'
  /**
   * What they are in MQTT, by Kafka topic; the first entry that matches counts. Routes must read the topic.
   */
  topics?: ForeignTopic[]
}
export interface ForeignTopic {
  /**
   * Kafka topic, or with `*` at its end all that begin so.
   */
  name: string
  /**
   * MQTT topic of its records instead of their keys: `${key}`, `${partition}` and `${headers.x}` are of the record, the last header of that name. A record that has no such text is skipped and counted (`mqtt.kafka.skipped`).
   */
  topic?: string
  /**
   * QoS its records count as published with, unless their `zilla:qos` says otherwise; `foreign.qos` when absent.
   */
  qos?: 'at_most_once' | 'at_least_once'
  /**
   * Model of the values, looked at before a record is delivered.
   */
  value?:
    | ('string' | 'int32' | 'int64' | 'float' | 'double' | 'boolean' | 'bytes')
    | {
        /**
         * What the bytes are.
         */
        model?: 'string' | 'int32' | 'int64' | 'float' | 'double' | 'boolean' | 'bytes' | 'json'
        /**
         * @deprecated
         * Write `model`.
         */
        type?: 'string' | 'int32' | 'int64' | 'float' | 'double' | 'boolean' | 'bytes' | 'json'
        /**
         * What is done with content that does not fit: `strict`, which is meant when absent, refuses it, `lenient` counts it, logs it and lets it pass. `decode` is for what comes from a client, `encode` for what goes to one.
         */
        validate?:
          | ('strict' | 'lenient')
          | {
              /**
               * For content that comes from a client.
               */
              decode?: 'strict' | 'lenient'
              /**
               * For content that goes to a client.
               */
              encode?: 'strict' | 'lenient'
            }
        /**
         * How a string is encoded. UTF-16 is big-endian unless it begins with a byte order mark.
         */
        encoding?: 'utf_8' | 'utf_16'
        /**
         * Characters (code points) that a string must have.
         */
        minLength?: number
        /**
         * Characters (code points) that a string may have.
         */
        maxLength?: number
        /**
         * Regular expression that must match the whole string. Strings of more than 4,096 characters are refused where there is one, so that matching ends in time; a repetition inside a repetition can still take long.
         */
        pattern?: string
        /**
         * How a number is written: decimal text, or big-endian bytes (4 for int32 and float, 8 for int64 and double).
         */
        format?: 'text' | 'binary'
        /**
         * Least and greatest number, `[` and `]` with the limit itself, `(` and `)` without; either may be left out.
         */
        range?: string
        /**
         * The number must be a multiple of this.
         */
        multiple?: number
        /**
         * Catalog that holds the JSON Schema of the text, and the subject to look for there.
         */
        catalog?: {
          /**
           * The schema; one item.
           *
           * @minItems 1
           * @maxItems 1
           */
          [k: string]: [
            {
              /**
               * Name of the schema in the catalog.
               */
              subject?: string
              /**
               * @deprecated
               * Write `subject`.
               */
              schema?: string
              /**
               * Version of the schema; `latest` when absent.
               */
              version?: string
            }
          ]
        }
      }
  /**
   * What becomes of a record that does not fit its model; counted in any case (`mqtt.kafka.unfit`). `reject`: skipped, and told in the log; `drop`: skipped; `pass`: delivered.
   */
  unfit: 'reject' | 'drop' | 'pass'
}
/**
 * Bounds on memory and time.
 */
export interface MqttKafkaLimits {
  /**
   * QoS 1 and 2 messages that may wait in memory for one client, in bytes; what comes beyond that is read from Kafka again when it has room.
   */
  queueBytes: number
  /**
   * QoS 1 and 2 messages that may be unacknowledged by one client, whatever its Receive Maximum allows.
   */
  inFlight: number
  /**
   * Topic filters one client may have.
   */
  filters: number
  /**
   * Retained messages; a publish that would add one more is refused with Quota exceeded. Those that are on the topic already are served however many there are.
   */
  retained: number
  /**
   * Memory for retained messages, outside the heap; a publish that would need more is refused with Quota exceeded.
   */
  retainedBytes: number
  /**
   * Client ids that may be known, over all processes on the sessions topic: connected, with a session, or whose session ended within an hour. A CONNECT of another one is refused with Quota exceeded (3.1.1: server unavailable).
   */
  sessions: number
  /**
   * Topic filters of one client in the record of its session, in bytes, each counted with 128 more; further ones are refused with Quota exceeded. In flight it holds no more than `inFlight` and the mqtt server's Receive Maximum.
   */
  sessionBytes: number
  /**
   * Subscriptions of all clients connected to this process; further ones are refused with Quota exceeded. Sessions that go on keep theirs.
   */
  subscriptions: number
  /**
   * Groups of shared subscriptions with members connected to this process; further ones are refused with Quota exceeded.
   */
  sharedGroups: number
  /**
   * Kafka topics named by placeholders that may be written, and read, at the same time.
   */
  paramTopics: number
  /**
   * Subscriptions of all clients that read the past (user property `zilla:from`) and have not come to the live end; further ones are refused with Quota exceeded.
   */
  replays: number
  /**
   * How long start-up waits for the first answer about the topics before it goes on without; until they are there clients are told that the server is unavailable.
   */
  startSeconds: number
  /**
   * How long a SUBSCRIBE may wait for Kafka before the client is disconnected (server unavailable).
   */
  subscribeSeconds: number
}

/** JSON Schema of a whole `type: mqtt-kafka` entry. */
export const schema: JsonSchema = {
  "title": "mqtt-kafka",
  "description": "Maps MQTT onto three Kafka topics: publishes become records, records become deliveries, connections leave records that people can read.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "kind",
    "options"
  ],
  "x-hint": "Name the Kafka topics: `options: { topics: { sessions: mqtt-sessions, messages: mqtt-messages, retained: mqtt-retained } }`.",
  "properties": {
    "type": {
      "const": "mqtt-kafka"
    },
    "kind": {
      "enum": [
        "proxy"
      ]
    },
    "options": {
      "description": "The Kafka topics, and bounds on what one client may take.",
      "type": "object",
      "additionalProperties": false,
      "required": [
        "topics"
      ],
      "x-hint": "Name the Kafka topics: `topics: { sessions: mqtt-sessions, messages: mqtt-messages, retained: mqtt-retained }`.",
      "properties": {
        "topics": {
          "description": "The Kafka topics that hold sessions, messages and retained messages; three different ones.",
          "type": "object",
          "additionalProperties": false,
          "required": [
            "sessions",
            "messages",
            "retained"
          ],
          "properties": {
            "sessions": {
              "description": "Compacted topic (`cleanup.policy=compact`) with a record per connection; not to be shared with other software.",
              "$ref": "#/$defs/topic",
              "examples": [
                "mqtt-sessions"
              ]
            },
            "messages": {
              "description": "Topic for messages, keyed by MQTT topic; routes may name others.",
              "$ref": "#/$defs/topic",
              "examples": [
                "mqtt-messages"
              ]
            },
            "retained": {
              "description": "Topic with a copy of every retained message, keyed by MQTT topic; should be compacted.",
              "$ref": "#/$defs/topic",
              "examples": [
                "mqtt-retained"
              ]
            }
          }
        },
        "create": {
          "title": "CreateTopics",
          "description": "Make topics that are missing, with the configuration this binding wants; without it a missing topic is an error.",
          "type": "object",
          "additionalProperties": false,
          "properties": {
            "partitions": {
              "description": "Partitions of a topic that is made; the broker's default when absent.",
              "type": "integer",
              "minimum": 1,
              "maximum": 100000,
              "examples": [
                12
              ]
            },
            "replicas": {
              "description": "Replicas of a topic that is made; the broker's default when absent.",
              "type": "integer",
              "minimum": 1,
              "maximum": 32767,
              "examples": [
                3
              ]
            }
          }
        },
        "clients": {
          "description": "Topic patterns with one `{identity}`; messages whose topic matches go to the partition of that identity instead of the topic's own. The first that matches counts.",
          "type": "array",
          "items": {
            "type": "string",
            "minLength": 1
          },
          "examples": [
            [
              "place/{identity}/#"
            ]
          ]
        },
        "publish": {
          "description": "What clients may publish.",
          "type": "object",
          "additionalProperties": false,
          "required": [
            "qosMax"
          ],
          "properties": {
            "qosMax": {
              "description": "Highest QoS of a PUBLISH.",
              "enum": [
                "at_most_once",
                "at_least_once",
                "exactly_once"
              ],
              "examples": [
                "at_least_once"
              ]
            }
          }
        },
        "foreign": {
          "title": "ForeignRecords",
          "description": "Records of other Kafka programs, which have no `zilla:` headers. Their MQTT topic is the key, unless an entry of `topics` says otherwise; other headers become user properties.",
          "type": "object",
          "additionalProperties": false,
          "default": {},
          "properties": {
            "qos": {
              "description": "QoS they count as published with.",
              "enum": [
                "at_most_once",
                "at_least_once"
              ],
              "default": "at_most_once"
            },
            "topics": {
              "description": "What they are in MQTT, by Kafka topic; the first entry that matches counts. Routes must read the topic.",
              "type": "array",
              "items": {
                "title": "ForeignTopic",
                "type": "object",
                "additionalProperties": false,
                "required": [
                  "name"
                ],
                "properties": {
                  "name": {
                    "description": "Kafka topic, or with `*` at its end all that begin so.",
                    "type": "string",
                    "minLength": 1,
                    "examples": [
                      "telemetry",
                      "site-*"
                    ]
                  },
                  "topic": {
                    "description": "MQTT topic of its records instead of their keys: `${key}`, `${partition}` and `${headers.x}` are of the record, the last header of that name. A record that has no such text is skipped and counted (`mqtt.kafka.skipped`).",
                    "type": "string",
                    "minLength": 1,
                    "examples": [
                      "plant/${headers.line}/${key}"
                    ]
                  },
                  "qos": {
                    "description": "QoS its records count as published with, unless their `zilla:qos` says otherwise; `foreign.qos` when absent.",
                    "enum": [
                      "at_most_once",
                      "at_least_once"
                    ]
                  },
                  "value": {
                    "description": "Model of the values, looked at before a record is delivered.",
                    "$ref": "zilla:model"
                  },
                  "unfit": {
                    "description": "What becomes of a record that does not fit its model; counted in any case (`mqtt.kafka.unfit`). `reject`: skipped, and told in the log; `drop`: skipped; `pass`: delivered.",
                    "enum": [
                      "reject",
                      "drop",
                      "pass"
                    ],
                    "default": "reject"
                  }
                }
              }
            }
          }
        },
        "limits": {
          "title": "MqttKafkaLimits",
          "description": "Bounds on memory and time.",
          "type": "object",
          "additionalProperties": false,
          "default": {},
          "properties": {
            "queueBytes": {
              "description": "QoS 1 and 2 messages that may wait in memory for one client, in bytes; what comes beyond that is read from Kafka again when it has room.",
              "type": "integer",
              "minimum": 1024,
              "default": 65536
            },
            "inFlight": {
              "description": "QoS 1 and 2 messages that may be unacknowledged by one client, whatever its Receive Maximum allows.",
              "type": "integer",
              "minimum": 1,
              "maximum": 32767,
              "default": 256
            },
            "filters": {
              "description": "Topic filters one client may have.",
              "type": "integer",
              "minimum": 1,
              "default": 1000
            },
            "retained": {
              "description": "Retained messages; a publish that would add one more is refused with Quota exceeded. Those that are on the topic already are served however many there are.",
              "type": "integer",
              "minimum": 0,
              "maximum": 1000000000,
              "default": 1000000
            },
            "retainedBytes": {
              "description": "Memory for retained messages, outside the heap; a publish that would need more is refused with Quota exceeded.",
              "type": "integer",
              "minimum": 0,
              "maximum": 1099511627776,
              "default": 1073741824
            },
            "sessions": {
              "description": "Client ids that may be known, over all processes on the sessions topic: connected, with a session, or whose session ended within an hour. A CONNECT of another one is refused with Quota exceeded (3.1.1: server unavailable).",
              "type": "integer",
              "minimum": 1,
              "maximum": 1000000000,
              "default": 1000000
            },
            "sessionBytes": {
              "description": "Topic filters of one client in the record of its session, in bytes, each counted with 128 more; further ones are refused with Quota exceeded. In flight it holds no more than `inFlight` and the mqtt server's Receive Maximum.",
              "type": "integer",
              "minimum": 128,
              "maximum": 1048576,
              "default": 262144
            },
            "subscriptions": {
              "description": "Subscriptions of all clients connected to this process; further ones are refused with Quota exceeded. Sessions that go on keep theirs.",
              "type": "integer",
              "minimum": 1,
              "maximum": 1000000000,
              "default": 1000000
            },
            "sharedGroups": {
              "description": "Groups of shared subscriptions with members connected to this process; further ones are refused with Quota exceeded.",
              "type": "integer",
              "minimum": 1,
              "maximum": 1000000,
              "default": 10000
            },
            "paramTopics": {
              "description": "Kafka topics named by placeholders that may be written, and read, at the same time.",
              "type": "integer",
              "minimum": 1,
              "default": 1000
            },
            "replays": {
              "description": "Subscriptions of all clients that read the past (user property `zilla:from`) and have not come to the live end; further ones are refused with Quota exceeded.",
              "type": "integer",
              "minimum": 0,
              "maximum": 100000,
              "default": 100
            },
            "startSeconds": {
              "description": "How long start-up waits for the first answer about the topics before it goes on without; until they are there clients are told that the server is unavailable.",
              "type": "integer",
              "minimum": 1,
              "default": 10
            },
            "subscribeSeconds": {
              "description": "How long a SUBSCRIBE may wait for Kafka before the client is disconnected (server unavailable).",
              "type": "integer",
              "minimum": 1,
              "default": 30
            }
          }
        },
        "authorization": {
          "not": {},
          "x-hint": "There are no guards yet: remove `authorization`."
        },
        "server": {
          "description": "`server` is not needed any more and has no effect: instances find each other through Kafka.",
          "type": "string",
          "deprecated": true
        }
      }
    },
    "routes": {
      "description": "A publish takes the first route whose `when` matches; a subscription takes every one that can meet its filter.",
      "type": "array",
      "items": {
        "type": "object",
        "additionalProperties": false,
        "properties": {
          "when": {
            "description": "Any item is enough; a route whose items have no `publish` takes no publishes, likewise `subscribe`.",
            "type": "array",
            "items": {
              "type": "object",
              "additionalProperties": false,
              "oneOf": [
                {
                  "required": [
                    "publish"
                  ]
                },
                {
                  "required": [
                    "subscribe"
                  ]
                }
              ],
              "properties": {
                "publish": {
                  "description": "Topics that clients publish to.",
                  "$ref": "#/$defs/patterns"
                },
                "subscribe": {
                  "description": "Topics that clients receive.",
                  "$ref": "#/$defs/patterns"
                }
              }
            }
          },
          "with": {
            "description": "What is done with messages of this route.",
            "type": "object",
            "additionalProperties": false,
            "properties": {
              "messages": {
                "description": "Kafka topic instead of `options.topics.messages`; `${params.x}` is what `{x}` of the pattern matched, `${identity}` who the client is to a guard, `${client-id}` and `${topic}` are those of the publish. Clients read the topics that have their own identity and client id in the name; nothing is retained there.",
                "type": "string",
                "x-kafka-topic": true,
                "minLength": 1,
                "examples": [
                  "devices",
                  "site-${params.site}",
                  "tenant-${identity}"
                ]
              },
              "key": {
                "description": "Key of the records instead of the MQTT topic, which a header `zilla:topic` holds then. Placeholders as in `headers`.",
                "type": "string",
                "minLength": 1,
                "examples": [
                  "${params.device}"
                ]
              },
              "headers": {
                "description": "Headers that records get beside those of the mapping: `${params.x}` is what `{x}` of the pattern matched, `${identity}` who the client is to a guard, `${client-id}` and `${topic}` are those of the publish. A header whose placeholder has no value is left out. MQTT subscribers receive them as user properties.",
                "type": "object",
                "propertyNames": {
                  "minLength": 1,
                  "maxLength": 256
                },
                "additionalProperties": {
                  "type": "string"
                },
                "examples": [
                  {
                    "device": "${params.device}",
                    "sender": "${identity}"
                  }
                ]
              },
              "partition": {
                "description": "Records with the same text here go to the same partition, instead of that of the key or of `options.clients`. Placeholders as in `headers`.",
                "type": "string",
                "minLength": 1,
                "examples": [
                  "${params.site}"
                ]
              },
              "expiry": {
                "description": "Whether records carry `zilla:expiry`; `false` for topics that Zilla 2.x reads as well, which takes the seconds for milliseconds.",
                "type": "boolean",
                "default": true
              }
            }
          },
          "guarded": {
            "$ref": "zilla:guarded"
          },
          "exit": {
            "$ref": "zilla:exit"
          }
        }
      }
    },
    "exit": {
      "$ref": "zilla:exit"
    }
  },
  "$defs": {
    "topic": {
      "type": "string",
      "x-kafka-topic": true,
      "pattern": "^(?!__)(?!\\.{1,2}$)[a-zA-Z0-9._-]{1,249}$",
      "x-hint": "A Kafka topic name has 1 to 249 letters, digits, dots, dashes or underscores, and does not begin with `__`, which are Kafka's own."
    },
    "patterns": {
      "type": "array",
      "minItems": 1,
      "items": {
        "type": "object",
        "additionalProperties": false,
        "required": [
          "topic"
        ],
        "properties": {
          "topic": {
            "description": "Topic pattern: `+` is one level, `#` the rest, `{name}` any run of characters.",
            "type": "string",
            "minLength": 1,
            "examples": [
              "sensor/+",
              "site/{site}/#"
            ]
          }
        }
      }
    }
  }
}
