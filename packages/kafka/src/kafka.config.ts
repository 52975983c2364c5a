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
     * Shows the brokers who we are (SASL). One guard, whose credentials fill `{identity}` and `{credentials}`; text without these is sent as it is written.
     */
    authorization?: {
      /**
       * Name of the guard.
       */
      [k: string]: {
        /**
         * What is sent to the brokers.
         */
        credentials: {
          /**
           * SASL mechanism; the listener must have it in `sasl.enabled.mechanisms`. `plain` and `oauthbearer` send a secret as it is: exit to a tls client.
           */
          mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512' | 'oauthbearer'
          /**
           * User name; for every mechanism but `oauthbearer`.
           */
          username?: string
          /**
           * Password; for every mechanism but `oauthbearer`.
           */
          password?: string
          /**
           * Token; for `oauthbearer`.
           */
          token?: string
        }
      }
    }
    /**
     * @deprecated
     * Write `authorization: { <guard>: { credentials: { mechanism, username, password } } }`.
     */
    sasl?: {
      /**
       * SASL mechanism.
       */
      mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
      /**
       * User name.
       */
      username: string
      /**
       * Password.
       */
      password: string
    }
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
        "authorization": {
          "description": "Shows the brokers who we are (SASL). One guard, whose credentials fill `{identity}` and `{credentials}`; text without these is sent as it is written.",
          "type": "object",
          "minProperties": 1,
          "maxProperties": 1,
          "x-keys-reference": "guard",
          "additionalProperties": {
            "description": "Name of the guard.",
            "type": "object",
            "additionalProperties": false,
            "required": [
              "credentials"
            ],
            "properties": {
              "credentials": {
                "description": "What is sent to the brokers.",
                "type": "object",
                "additionalProperties": false,
                "required": [
                  "mechanism"
                ],
                "properties": {
                  "mechanism": {
                    "description": "SASL mechanism; the listener must have it in `sasl.enabled.mechanisms`. `plain` and `oauthbearer` send a secret as it is: exit to a tls client.",
                    "enum": [
                      "plain",
                      "scram-sha-256",
                      "scram-sha-512",
                      "oauthbearer"
                    ],
                    "x-hint": "Kafka brokers have no scram-sha-1 (KIP-84)."
                  },
                  "username": {
                    "description": "User name; for every mechanism but `oauthbearer`.",
                    "type": "string",
                    "minLength": 1,
                    "examples": [
                      "{identity}"
                    ]
                  },
                  "password": {
                    "description": "Password; for every mechanism but `oauthbearer`.",
                    "x-secret": true,
                    "type": "string",
                    "minLength": 1,
                    "examples": [
                      "{credentials}"
                    ]
                  },
                  "token": {
                    "description": "Token; for `oauthbearer`.",
                    "x-secret": true,
                    "type": "string",
                    "minLength": 1,
                    "examples": [
                      "{credentials}"
                    ]
                  }
                },
                "if": {
                  "properties": {
                    "mechanism": {
                      "const": "oauthbearer"
                    }
                  }
                },
                "then": {
                  "required": [
                    "token"
                  ],
                  "properties": {
                    "username": false,
                    "password": false
                  }
                },
                "else": {
                  "required": [
                    "username",
                    "password"
                  ],
                  "properties": {
                    "token": false
                  }
                }
              }
            }
          },
          "examples": [
            {
              "authn_kafka": {
                "credentials": {
                  "mechanism": "scram-sha-512",
                  "username": "{identity}",
                  "password": "{credentials}"
                }
              }
            }
          ]
        },
        "sasl": {
          "description": "Write `authorization: { <guard>: { credentials: { mechanism, username, password } } }`.",
          "type": "object",
          "additionalProperties": false,
          "required": [
            "mechanism",
            "username",
            "password"
          ],
          "properties": {
            "mechanism": {
              "description": "SASL mechanism.",
              "enum": [
                "plain",
                "scram-sha-256",
                "scram-sha-512"
              ],
              "x-hint": "Kafka brokers have no scram-sha-1 (KIP-84)."
            },
            "username": {
              "description": "User name.",
              "type": "string",
              "minLength": 1
            },
            "password": {
              "description": "Password.",
              "type": "string",
              "minLength": 1,
              "x-secret": true
            }
          },
          "deprecated": true
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
              "servers": false,
              "authorization": false,
              "sasl": false
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
              "bootstrap": false,
              "authorization": false,
              "sasl": false
            }
          }
        }
      }
    }
  ]
}
