// Generated from kafka.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: kafka` entries hold.
 */
export interface KafkaConfig {
  /**
   * Where the brokers are, or what is known of topics beforehand.
   */
  options: {
    /**
     * Brokers to begin with, as `host:port`; may be left out when the exit is a tcp client with a host and port.
     *
     * @minItems 1
     */
    servers?: [string, ...string[]]
    /**
     * Topics that are read from the start of the engine on, whether or not anybody wants them yet.
     */
    bootstrap?: string[]
    /**
     * What is known of single topics.
     */
    topics?: {
      /**
       * Name of the topic.
       */
      name: string
      /**
       * Accepted for documents written for Zilla; streams of mqtt-kafka say themselves where they begin.
       */
      defaultOffset?: 'live' | 'historical'
      /**
       * @deprecated
       * `deltaType` has no effect here and may be removed.
       */
      deltaType?: 'none' | 'json_patch'
    }[]
    /**
     * @deprecated
     * `merged` has no effect since 0.9.79 and may be removed.
     */
    merged?: unknown[]
  }
  when?: {
    /**
     * Name of the topic; `*` stands for any run of characters.
     */
    topic?: string
  }
}

/** JSON Schema of a whole `type: kafka` entry. */
export const schema: JsonSchema = {
  "title": "kafka",
  "description": "Apache Kafka: `client` speaks to brokers, `cache_server` shares one reader per topic among all streams, `cache_client` routes streams by topic.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "kind"
  ],
  "properties": {
    "type": {
      "const": "kafka"
    },
    "kind": {
      "enum": [
        "cache_client",
        "cache_server",
        "client"
      ]
    },
    "options": {
      "description": "Where the brokers are, or what is known of topics beforehand.",
      "type": "object",
      "additionalProperties": false,
      "default": {},
      "properties": {
        "servers": {
          "description": "Brokers to begin with, as `host:port`; may be left out when the exit is a tcp client with a host and port.",
          "type": "array",
          "minItems": 1,
          "items": {
            "type": "string",
            "pattern": "^(\\[[0-9a-fA-F:.]+\\]|[^:\\s]+):(\\d{1,5})$",
            "x-hint": "A server is written host:port, such as kafka.example.com:9092."
          },
          "examples": [
            [
              "kafka.example.com:9092"
            ]
          ]
        },
        "bootstrap": {
          "description": "Topics that are read from the start of the engine on, whether or not anybody wants them yet.",
          "type": "array",
          "items": {
            "type": "string",
            "x-kafka-topic": true,
            "minLength": 1
          },
          "examples": [
            [
              "mqtt-messages"
            ]
          ]
        },
        "topics": {
          "description": "What is known of single topics.",
          "type": "array",
          "items": {
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
                "minLength": 1
              },
              "defaultOffset": {
                "description": "Accepted for documents written for Zilla; streams of mqtt-kafka say themselves where they begin.",
                "enum": [
                  "live",
                  "historical"
                ]
              },
              "deltaType": {
                "description": "`deltaType` has no effect here and may be removed.",
                "enum": [
                  "none",
                  "json_patch"
                ],
                "deprecated": true
              },
              "key": {
                "not": {},
                "x-hint": "Models are not supported; remove `key`."
              },
              "value": {
                "not": {},
                "x-hint": "Models are not supported; remove `value`."
              },
              "transforms": {
                "not": {},
                "x-hint": "Transforms are not supported; remove `transforms`."
              }
            }
          }
        },
        "sasl": {
          "not": {},
          "x-hint": "Authentication at Kafka is not in this version: remove `sasl`, and use a listener without it."
        },
        "authorization": {
          "not": {},
          "x-hint": "Authentication at Kafka is not in this version: remove `authorization`, and use a listener without it."
        },
        "merged": {
          "description": "`merged` has no effect since 0.9.79 and may be removed.",
          "type": "array",
          "deprecated": true
        }
      }
    },
    "routes": {
      "description": "Tried in order; the first whose `when` matches the topic takes the stream.",
      "type": "array",
      "items": {
        "type": "object",
        "additionalProperties": false,
        "properties": {
          "when": {
            "description": "Any item is enough.",
            "type": "array",
            "items": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "topic": {
                  "description": "Name of the topic; `*` stands for any run of characters.",
                  "type": "string",
                  "examples": [
                    "mqtt-*"
                  ]
                }
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
  "allOf": [
    {
      "if": {
        "properties": {
          "kind": {
            "const": "client"
          }
        }
      },
      "then": {
        "properties": {
          "options": {
            "properties": {
              "bootstrap": false,
              "topics": false
            }
          },
          "routes": {
            "items": {
              "properties": {
                "when": {
                  "not": {},
                  "x-hint": "A kafka client has no conditions: put `when` on a cache_client or cache_server."
                }
              }
            }
          }
        }
      }
    },
    {
      "if": {
        "properties": {
          "kind": {
            "const": "cache_server"
          }
        }
      },
      "then": {
        "properties": {
          "options": {
            "properties": {
              "servers": false
            }
          }
        }
      }
    },
    {
      "if": {
        "properties": {
          "kind": {
            "const": "cache_client"
          }
        }
      },
      "then": {
        "properties": {
          "options": {
            "properties": {
              "servers": false,
              "bootstrap": false
            }
          }
        }
      }
    }
  ]
}
