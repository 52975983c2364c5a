// Generated from mqtt.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: mqtt` entries hold.
 */
export interface MqttConfig {
  /**
   * Who may connect, and how much one connection may take.
   */
  options: {
    /**
     * MQTT server that a client connects to; absent: the exit knows the address. The ports are 1883 and 8883 when none is named. Whether the connection is encrypted is decided by the exit.
     */
    server?: string
    /**
     * The guard that says who a client is, and where a client shows what the guard asks for. Clients that show nothing of the sort are anonymous: only routes without `guarded` are for them. On a client: the guard whose credentials are filled in, those of the session or else what the guard has to show for everybody; with neither the session is refused.
     */
    authorization?: {
      [k: string]: MqttAuthorization
    }
    /**
     * Store that holds session ownership; optional, since ownership is kept on the sessions topic.
     */
    store?: string
    /**
     * Protocol versions that are served; others are answered with a refusal they understand.
     *
     * @minItems 1
     */
    versions: ['v3.1.1' | 'v5', ...('v3.1.1' | 'v5')[]]
    /**
     * Sends every client to another server: MQTT 5 clients are told which, 3.1.1 clients that this one is unavailable.
     */
    redirect?: {
      /**
       * Server Reference told to the client: host and port, several separated by blanks.
       */
      server: string
      /**
       * The client should not come back (Server moved) instead of only this time (Use another server).
       */
      permanent: boolean
    }
    /**
     * Response Information told to MQTT 5 clients that ask for it: usually the topic below which they may expect responses.
     */
    responseInformation?: string
    /**
     * What publishes must be like. The first entry whose name matches the topic is used; topics that none matches are not checked. Deliveries to clients are not checked.
     */
    topics?: MqttTopic[]
    features: MqttFeatures
    limits: MqttLimits
  }
  when?: {
    /**
     * Clients the item is for; absent: all.
     *
     * @minItems 1
     */
    session?: [
      {
        /**
         * Client identifier: `*` stands for any run of characters, `{name}` for a value of `params`, or for any that is not empty.
         */
        'client-id': string
        /**
         * What `{name}` must be, by name: a text, or what a guard of the route's `guarded` knows of the client. A client of which it is not known, or for which it is no text that one level of a topic can be, is not meant.
         */
        params?: {
          /**
           * A text, `${guarded['guard'].identity}` or `${guarded['guard'].attributes.name}`.
           */
          [k: string]: string
        }
      },
      ...{
        /**
         * Client identifier: `*` stands for any run of characters, `{name}` for a value of `params`, or for any that is not empty.
         */
        'client-id': string
        /**
         * What `{name}` must be, by name: a text, or what a guard of the route's `guarded` knows of the client. A client of which it is not known, or for which it is no text that one level of a topic can be, is not meant.
         */
        params?: {
          /**
           * A text, `${guarded['guard'].identity}` or `${guarded['guard'].attributes.name}`.
           */
          [k: string]: string
        }
      }[]
    ]
    /**
     * Topics that may be published to.
     *
     * @minItems 1
     */
    publish?: [
      {
        /**
         * Topic pattern: `+` is any level, `{name}` any level that is not empty, `#` the rest.
         */
        topic: string
        /**
         * What `{name}` must be, by name: a text, or what a guard of the route's `guarded` knows of the client. A client of which it is not known, or for which it is no text that one level of a topic can be, is not meant.
         */
        params?: {
          /**
           * A text, `${guarded['guard'].identity}` or `${guarded['guard'].attributes.name}`.
           */
          [k: string]: string
        }
      },
      ...{
        /**
         * Topic pattern: `+` is any level, `{name}` any level that is not empty, `#` the rest.
         */
        topic: string
        /**
         * What `{name}` must be, by name: a text, or what a guard of the route's `guarded` knows of the client. A client of which it is not known, or for which it is no text that one level of a topic can be, is not meant.
         */
        params?: {
          /**
           * A text, `${guarded['guard'].identity}` or `${guarded['guard'].attributes.name}`.
           */
          [k: string]: string
        }
      }[]
    ]
    /**
     * Filters that may be subscribed to: all topics a client's filter matches must be matched by one of these.
     *
     * @minItems 1
     */
    subscribe?: [
      {
        /**
         * Topic pattern: `+` is any level, `{name}` any level that is not empty, `#` the rest.
         */
        topic: string
        /**
         * What `{name}` must be, by name: a text, or what a guard of the route's `guarded` knows of the client. A client of which it is not known, or for which it is no text that one level of a topic can be, is not meant.
         */
        params?: {
          /**
           * A text, `${guarded['guard'].identity}` or `${guarded['guard'].attributes.name}`.
           */
          [k: string]: string
        }
      },
      ...{
        /**
         * Topic pattern: `+` is any level, `{name}` any level that is not empty, `#` the rest.
         */
        topic: string
        /**
         * What `{name}` must be, by name: a text, or what a guard of the route's `guarded` knows of the client. A client of which it is not known, or for which it is no text that one level of a topic can be, is not meant.
         */
        params?: {
          /**
           * A text, `${guarded['guard'].identity}` or `${guarded['guard'].attributes.name}`.
           */
          [k: string]: string
        }
      }[]
    ]
  }
}
export interface MqttAuthorization {
  credentials: MqttCredentials
}
/**
 * Where credentials are: in CONNECT, in the authentication data of MQTT 5, or in either.
 */
export interface MqttCredentials {
  /**
   * User name and password of CONNECT: each that is named must match as a whole. `{credentials}` and `{identity}` are runs without blanks, each in one of the two; all else is meant as written. Without `{identity}` the guard is shown the user name, unless the credentials are in it.
   */
  connect?: {
    /**
     * Pattern of the user name. Absent: a client passes on the user name of the client it speaks for.
     */
    username?: string
    /**
     * Pattern of the password. Absent: a client sends none.
     */
    password?: string
  }
  /**
   * Authentication with a method (MQTT 5.0 §4.12), by which a client may show fresh credentials of the same identity while it is connected. Other methods are refused; without `auth` all are. Where a client names the method, its user name and password are not looked at.
   */
  auth?: {
    /**
     * Authentication Method.
     */
    method: string
    /**
     * Pattern of the Authentication Data.
     */
    data: string
  }
}
export interface MqttTopic {
  /**
   * Topic filter of MQTT: `+` is any level, `#` the rest; the whole topic must match.
   */
  name: string
  /**
   * Model of the payload. Publishes and wills that do not fit are refused with Payload format invalid. An empty retained publish, which clears what is retained, is not checked.
   */
  content?:
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
   * Models of MQTT 5 user properties, by name. A property need not be there; each time it is, it must fit.
   */
  'user-properties'?: {
    /**
     * A model by its name, or an object with the name as `model`.
     */
    [k: string]:
      | 'string'
      | 'int32'
      | 'int64'
      | 'float'
      | 'double'
      | 'boolean'
      | 'bytes'
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
  }
}
/**
 * What is offered to clients, as far as the exit can do it. CONNACK announces what is not offered; who uses it all the same is refused with the reason code of the standard.
 */
export interface MqttFeatures {
  /**
   * Highest QoS of publishes and wills, and of what subscriptions are granted (Maximum QoS).
   */
  qosMax: 'at_most_once' | 'at_least_once' | 'exactly_once'
  /**
   * Retained publishes and wills (Retain Available).
   */
  retain: boolean
  /**
   * Filters with `+` and `#` (Wildcard Subscription Available).
   */
  wildcardSubscriptions: boolean
  /**
   * Subscription identifiers (Subscription Identifiers Available).
   */
  subscriptionIds: boolean
  /**
   * Filters that begin with `$share/` (Shared Subscription Available).
   */
  sharedSubscriptions: boolean
  /**
   * Subscriptions that leave out the client's own messages. The standard has no announcement for it: a filter with No Local is refused with Implementation specific error.
   */
  noLocal: boolean
  /**
   * Will messages. The standard has no announcement for it: a CONNECT with a will is refused with Implementation specific error (3.1.1: server unavailable).
   */
  wills: boolean
}
/**
 * Bounds on what clients may take of memory and time, one and all together.
 */
export interface MqttLimits {
  /**
   * Clients connected at a time; one more is refused with Quota exceeded (3.1.1: server unavailable), unless it takes over a session that is connected.
   */
  connections: number
  /**
   * The same for one address: that of the socket, or the one that a PROXY header names. IPv6 addresses are counted by their /64. No limit when absent, since all clients behind a load balancer or NAT share an address.
   */
  addressConnections?: number
  /**
   * The same for one identity, as the guard has found it. No limit when absent.
   */
  identityConnections?: number
  /**
   * Connections that have not sent CONNECT, were refused, or are over while the client keeps its socket open; where there are more, the oldest of them is closed.
   */
  unconnected: number
  /**
   * Bytes that such connections may have sent together; where there are more, the oldest of them that has sent any is closed. At least `connectBytes`.
   */
  unconnectedBytes: number
  /**
   * CONNECTs a second, and at once; more are refused with Connection rate exceeded (3.1.1: server unavailable).
   */
  connectsPerSecond: number
  /**
   * The same for one address, counted as for `addressConnections`.
   */
  addressConnectsPerSecond: number
  /**
   * The same for one client identifier, by the minute: each CONNECT takes its session over from the one before.
   */
  clientConnectsPerMinute: number
  /**
   * PUBLISHes of one client a second, and at once. Whoever sends more is read later: nothing is refused or lost. No limit when absent: the exit holds back what it cannot store.
   */
  publishesPerSecond?: number
  /**
   * Bytes from one client a second, and at once, of whatever packets. Whoever sends more is read later. No limit when absent.
   */
  bytesPerSecond?: number
  /**
   * Topic filters in SUBSCRIBEs and UNSUBSCRIBEs of one client a second, ten seconds' worth at once. Whoever sends more is read later.
   */
  subscribesPerSecond: number
  /**
   * How long a new connection may take to send CONNECT; on a client: until the server has answered it.
   */
  connectSeconds: number
  /**
   * Largest CONNECT packet, its will included.
   */
  connectBytes: number
  /**
   * How long the exit may take to answer a CONNECT, SUBSCRIBE or UNSUBSCRIBE before the client is told that the server is unavailable; on a client: the server, which has as long for a PINGREQ.
   */
  answerSeconds: number
  /**
   * Longest keep-alive; MQTT 5 clients that ask for more, or for none, are told this one. No limit when absent.
   */
  keepAliveSeconds?: number
  /**
   * Shortest keep-alive; MQTT 5 clients that ask for less are told this one. No keep-alive at all is not less. No limit when absent.
   */
  keepAliveSecondsMin?: number
  /**
   * How long a peer may leave what is sent to it unread before it is disconnected.
   */
  stalledSeconds: number
  /**
   * Largest packet taken from a peer; what the exit can store may be less.
   */
  packetBytes: number
  /**
   * Publishes of QoS 1 and 2 of one client that may be unanswered; the Receive Maximum told to MQTT 5 clients.
   */
  receiveMaximum: number
  /**
   * Topic aliases a client may use; 0 forbids them.
   */
  topicAliasMaximum: number
  /**
   * Topic aliases for what is sent to one MQTT 5 client, as far as it takes them; 0 sends without.
   */
  topicAliasOut: number
  /**
   * Subscriptions of one client; more are refused with Quota exceeded.
   */
  subscriptions: number
  /**
   * Levels of a topic name or filter.
   */
  topicLevels: number
  /**
   * Bytes of a topic name or filter. A longer name ends the connection (Topic name invalid), a longer filter is refused (Topic filter invalid).
   */
  topicBytes: number
  /**
   * User properties of one packet; a packet with more ends the connection with Quota exceeded.
   */
  userProperties: number
  /**
   * Deliveries of QoS 1 and 2 to one client that may wait for its acknowledgement; its own Receive Maximum may be less.
   */
  inFlight: number
  /**
   * Messages that may wait for one client, because it reads slowly or acknowledges late; on a client: that may wait for the server, and for the client, each.
   */
  queueBytes: number
  /**
   * How long the server of a client may leave what is published unacknowledged, without acknowledging anything else, before the session is ended.
   */
  publishSeconds: number
}

/** JSON Schema of a whole `type: mqtt` entry. */
export const schema: JsonSchema = {
  "title": "mqtt",
  "description": "MQTT 3.1.1 and 5.0: `server` speaks with clients on byte streams and hands their sessions, publishes and subscriptions to its exit; `client` carries them on to another MQTT server, one connection for each session.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "kind"
  ],
  "properties": {
    "type": {
      "const": "mqtt"
    },
    "kind": {
      "enum": [
        "server",
        "client"
      ]
    },
    "options": {
      "description": "Who may connect, and how much one connection may take.",
      "type": "object",
      "additionalProperties": false,
      "default": {},
      "properties": {
        "server": {
          "description": "MQTT server that a client connects to; absent: the exit knows the address. The ports are 1883 and 8883 when none is named. Whether the connection is encrypted is decided by the exit.",
          "type": "string",
          "pattern": "^mqtts?://(\\[[0-9a-fA-F:.]+\\]|[^:/?#@\\s\\[\\]]+)(:\\d{1,5})?/?$",
          "x-hint": "A server is written mqtt://host:port, such as mqtt://mqtt.example.com:1883.",
          "examples": [
            "mqtt://mqtt.example.com:1883"
          ]
        },
        "authorization": {
          "description": "The guard that says who a client is, and where a client shows what the guard asks for. Clients that show nothing of the sort are anonymous: only routes without `guarded` are for them. On a client: the guard whose credentials are filled in, those of the session or else what the guard has to show for everybody; with neither the session is refused.",
          "type": "object",
          "minProperties": 1,
          "maxProperties": 1,
          "x-keys-reference": "guard",
          "additionalProperties": {
            "title": "MqttAuthorization",
            "type": "object",
            "additionalProperties": false,
            "required": [
              "credentials"
            ],
            "properties": {
              "credentials": {
                "$ref": "#/$defs/credentials"
              }
            }
          },
          "x-hint": "Name one guard, and below it `credentials`.",
          "examples": [
            {
              "authn_jwt": {
                "credentials": {
                  "connect": {
                    "username": "Bearer {credentials}"
                  }
                }
              }
            }
          ]
        },
        "store": {
          "description": "Store that holds session ownership; optional, since ownership is kept on the sessions topic.",
          "x-reference": "store",
          "$ref": "zilla:reference"
        },
        "versions": {
          "description": "Protocol versions that are served; others are answered with a refusal they understand.",
          "type": "array",
          "minItems": 1,
          "uniqueItems": true,
          "items": {
            "enum": [
              "v3.1.1",
              "v5"
            ]
          },
          "default": [
            "v3.1.1",
            "v5"
          ]
        },
        "redirect": {
          "description": "Sends every client to another server: MQTT 5 clients are told which, 3.1.1 clients that this one is unavailable.",
          "type": "object",
          "additionalProperties": false,
          "required": [
            "server"
          ],
          "properties": {
            "server": {
              "description": "Server Reference told to the client: host and port, several separated by blanks.",
              "type": "string",
              "minLength": 1,
              "maxLength": 1024,
              "examples": [
                "mqtt2.example.com:1883"
              ]
            },
            "permanent": {
              "description": "The client should not come back (Server moved) instead of only this time (Use another server).",
              "type": "boolean",
              "default": false
            }
          }
        },
        "responseInformation": {
          "description": "Response Information told to MQTT 5 clients that ask for it: usually the topic below which they may expect responses.",
          "type": "string",
          "minLength": 1,
          "maxLength": 1024,
          "examples": [
            "responses/"
          ]
        },
        "topics": {
          "description": "What publishes must be like. The first entry whose name matches the topic is used; topics that none matches are not checked. Deliveries to clients are not checked.",
          "type": "array",
          "items": {
            "title": "MqttTopic",
            "type": "object",
            "additionalProperties": false,
            "required": [
              "name"
            ],
            "properties": {
              "name": {
                "description": "Topic filter of MQTT: `+` is any level, `#` the rest; the whole topic must match.",
                "type": "string",
                "minLength": 1,
                "examples": [
                  "sensors/+/temperature"
                ]
              },
              "content": {
                "description": "Model of the payload. Publishes and wills that do not fit are refused with Payload format invalid. An empty retained publish, which clears what is retained, is not checked.",
                "$ref": "zilla:model"
              },
              "user-properties": {
                "description": "Models of MQTT 5 user properties, by name. A property need not be there; each time it is, it must fit.",
                "type": "object",
                "additionalProperties": {
                  "$ref": "zilla:model"
                }
              }
            }
          }
        },
        "features": {
          "title": "MqttFeatures",
          "description": "What is offered to clients, as far as the exit can do it. CONNACK announces what is not offered; who uses it all the same is refused with the reason code of the standard.",
          "type": "object",
          "additionalProperties": false,
          "default": {},
          "properties": {
            "qosMax": {
              "description": "Highest QoS of publishes and wills, and of what subscriptions are granted (Maximum QoS).",
              "enum": [
                "at_most_once",
                "at_least_once",
                "exactly_once"
              ],
              "default": "exactly_once"
            },
            "retain": {
              "description": "Retained publishes and wills (Retain Available).",
              "type": "boolean",
              "default": true
            },
            "wildcardSubscriptions": {
              "description": "Filters with `+` and `#` (Wildcard Subscription Available).",
              "type": "boolean",
              "default": true
            },
            "subscriptionIds": {
              "description": "Subscription identifiers (Subscription Identifiers Available).",
              "type": "boolean",
              "default": true
            },
            "sharedSubscriptions": {
              "description": "Filters that begin with `$share/` (Shared Subscription Available).",
              "type": "boolean",
              "default": true
            },
            "noLocal": {
              "description": "Subscriptions that leave out the client's own messages. The standard has no announcement for it: a filter with No Local is refused with Implementation specific error.",
              "type": "boolean",
              "default": true
            },
            "wills": {
              "description": "Will messages. The standard has no announcement for it: a CONNECT with a will is refused with Implementation specific error (3.1.1: server unavailable).",
              "type": "boolean",
              "default": true
            }
          }
        },
        "limits": {
          "title": "MqttLimits",
          "description": "Bounds on what clients may take of memory and time, one and all together.",
          "type": "object",
          "additionalProperties": false,
          "default": {},
          "properties": {
            "connections": {
              "description": "Clients connected at a time; one more is refused with Quota exceeded (3.1.1: server unavailable), unless it takes over a session that is connected.",
              "type": "integer",
              "minimum": 1,
              "maximum": 10000000,
              "default": 100000
            },
            "addressConnections": {
              "description": "The same for one address: that of the socket, or the one that a PROXY header names. IPv6 addresses are counted by their /64. No limit when absent, since all clients behind a load balancer or NAT share an address.",
              "type": "integer",
              "minimum": 1,
              "maximum": 10000000
            },
            "identityConnections": {
              "description": "The same for one identity, as the guard has found it. No limit when absent.",
              "type": "integer",
              "minimum": 1,
              "maximum": 10000000
            },
            "unconnected": {
              "description": "Connections that have not sent CONNECT, were refused, or are over while the client keeps its socket open; where there are more, the oldest of them is closed.",
              "type": "integer",
              "minimum": 1,
              "maximum": 10000000,
              "default": 10000
            },
            "unconnectedBytes": {
              "description": "Bytes that such connections may have sent together; where there are more, the oldest of them that has sent any is closed. At least `connectBytes`.",
              "type": "integer",
              "minimum": 128,
              "maximum": 1073741824,
              "default": 16777216
            },
            "connectsPerSecond": {
              "description": "CONNECTs a second, and at once; more are refused with Connection rate exceeded (3.1.1: server unavailable).",
              "type": "integer",
              "minimum": 1,
              "maximum": 1000000,
              "default": 5000
            },
            "addressConnectsPerSecond": {
              "description": "The same for one address, counted as for `addressConnections`.",
              "type": "integer",
              "minimum": 1,
              "maximum": 1000000,
              "default": 1000
            },
            "clientConnectsPerMinute": {
              "description": "The same for one client identifier, by the minute: each CONNECT takes its session over from the one before.",
              "type": "integer",
              "minimum": 1,
              "maximum": 1000000,
              "default": 120
            },
            "publishesPerSecond": {
              "description": "PUBLISHes of one client a second, and at once. Whoever sends more is read later: nothing is refused or lost. No limit when absent: the exit holds back what it cannot store.",
              "type": "integer",
              "minimum": 1,
              "maximum": 10000000
            },
            "bytesPerSecond": {
              "description": "Bytes from one client a second, and at once, of whatever packets. Whoever sends more is read later. No limit when absent.",
              "type": "integer",
              "minimum": 1024,
              "maximum": 10737418240
            },
            "subscribesPerSecond": {
              "description": "Topic filters in SUBSCRIBEs and UNSUBSCRIBEs of one client a second, ten seconds' worth at once. Whoever sends more is read later.",
              "type": "integer",
              "minimum": 1,
              "maximum": 1000000,
              "default": 100
            },
            "connectSeconds": {
              "description": "How long a new connection may take to send CONNECT; on a client: until the server has answered it.",
              "type": "integer",
              "minimum": 1,
              "maximum": 3600,
              "default": 10
            },
            "connectBytes": {
              "description": "Largest CONNECT packet, its will included.",
              "type": "integer",
              "minimum": 128,
              "maximum": 268435460,
              "default": 65536
            },
            "answerSeconds": {
              "description": "How long the exit may take to answer a CONNECT, SUBSCRIBE or UNSUBSCRIBE before the client is told that the server is unavailable; on a client: the server, which has as long for a PINGREQ.",
              "type": "integer",
              "minimum": 1,
              "maximum": 3600,
              "default": 30
            },
            "keepAliveSeconds": {
              "description": "Longest keep-alive; MQTT 5 clients that ask for more, or for none, are told this one. No limit when absent.",
              "type": "integer",
              "minimum": 1,
              "maximum": 65535
            },
            "keepAliveSecondsMin": {
              "description": "Shortest keep-alive; MQTT 5 clients that ask for less are told this one. No keep-alive at all is not less. No limit when absent.",
              "type": "integer",
              "minimum": 1,
              "maximum": 65535
            },
            "stalledSeconds": {
              "description": "How long a peer may leave what is sent to it unread before it is disconnected.",
              "type": "integer",
              "minimum": 1,
              "maximum": 3600,
              "default": 60
            },
            "packetBytes": {
              "description": "Largest packet taken from a peer; what the exit can store may be less.",
              "type": "integer",
              "minimum": 128,
              "maximum": 268435460,
              "default": 268435460
            },
            "receiveMaximum": {
              "description": "Publishes of QoS 1 and 2 of one client that may be unanswered; the Receive Maximum told to MQTT 5 clients.",
              "type": "integer",
              "minimum": 1,
              "maximum": 65535,
              "default": 256
            },
            "topicAliasMaximum": {
              "description": "Topic aliases a client may use; 0 forbids them.",
              "type": "integer",
              "minimum": 0,
              "maximum": 65535,
              "default": 16
            },
            "topicAliasOut": {
              "description": "Topic aliases for what is sent to one MQTT 5 client, as far as it takes them; 0 sends without.",
              "type": "integer",
              "minimum": 0,
              "maximum": 1024,
              "default": 16
            },
            "subscriptions": {
              "description": "Subscriptions of one client; more are refused with Quota exceeded.",
              "type": "integer",
              "minimum": 1,
              "maximum": 1000000,
              "default": 1000
            },
            "topicLevels": {
              "description": "Levels of a topic name or filter.",
              "type": "integer",
              "minimum": 1,
              "maximum": 65536,
              "default": 200
            },
            "topicBytes": {
              "description": "Bytes of a topic name or filter. A longer name ends the connection (Topic name invalid), a longer filter is refused (Topic filter invalid).",
              "type": "integer",
              "minimum": 1,
              "maximum": 65535,
              "default": 65535
            },
            "userProperties": {
              "description": "User properties of one packet; a packet with more ends the connection with Quota exceeded.",
              "type": "integer",
              "minimum": 0,
              "maximum": 1000000,
              "default": 256
            },
            "inFlight": {
              "description": "Deliveries of QoS 1 and 2 to one client that may wait for its acknowledgement; its own Receive Maximum may be less.",
              "type": "integer",
              "minimum": 1,
              "maximum": 65535,
              "default": 256
            },
            "queueBytes": {
              "description": "Messages that may wait for one client, because it reads slowly or acknowledges late; on a client: that may wait for the server, and for the client, each.",
              "type": "integer",
              "minimum": 1024,
              "maximum": 1073741824,
              "default": 1048576
            },
            "publishSeconds": {
              "description": "How long the server of a client may leave what is published unacknowledged, without acknowledging anything else, before the session is ended.",
              "type": "integer",
              "minimum": 1,
              "maximum": 86400,
              "default": 120
            }
          }
        }
      }
    },
    "routes": {
      "description": "Tried in order, for each session, published topic and subscribed filter; the first that matches takes it.",
      "type": "array",
      "items": {
        "type": "object",
        "additionalProperties": false,
        "properties": {
          "when": {
            "description": "Any item is enough; inside an item everything must hold. An item without `publish` admits no publish, one without `subscribe` no subscription.",
            "type": "array",
            "items": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "session": {
                  "description": "Clients the item is for; absent: all.",
                  "type": "array",
                  "minItems": 1,
                  "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": [
                      "client-id"
                    ],
                    "properties": {
                      "client-id": {
                        "description": "Client identifier: `*` stands for any run of characters, `{name}` for a value of `params`, or for any that is not empty.",
                        "type": "string",
                        "examples": [
                          "sensor-*",
                          "{id}-*"
                        ]
                      },
                      "params": {
                        "$ref": "#/$defs/params"
                      }
                    }
                  }
                },
                "publish": {
                  "description": "Topics that may be published to.",
                  "type": "array",
                  "minItems": 1,
                  "items": {
                    "$ref": "#/$defs/topic"
                  }
                },
                "subscribe": {
                  "description": "Filters that may be subscribed to: all topics a client's filter matches must be matched by one of these.",
                  "type": "array",
                  "minItems": 1,
                  "items": {
                    "$ref": "#/$defs/topic"
                  }
                },
                "topic": {
                  "not": {},
                  "x-hint": "Name it under `publish` or `subscribe`."
                },
                "capabilities": {
                  "not": {},
                  "x-hint": "Use `session`, `publish` or `subscribe` instead."
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
              "store": false,
              "authorization": {
                "additionalProperties": {
                  "properties": {
                    "credentials": {
                      "required": [
                        "connect"
                      ],
                      "properties": {
                        "auth": {
                          "not": {},
                          "x-hint": "A client logs in with CONNECT alone: use `connect`."
                        }
                      }
                    }
                  }
                }
              },
              "versions": {
                "not": {},
                "x-hint": "A client speaks the version of the client it speaks for."
              },
              "topics": false,
              "redirect": false,
              "responseInformation": false,
              "features": false,
              "limits": {
                "properties": {
                  "connections": false,
                  "addressConnections": false,
                  "identityConnections": false,
                  "unconnected": false,
                  "unconnectedBytes": false,
                  "connectsPerSecond": false,
                  "addressConnectsPerSecond": false,
                  "clientConnectsPerMinute": false,
                  "publishesPerSecond": false,
                  "bytesPerSecond": false,
                  "subscribesPerSecond": false,
                  "topicBytes": false,
                  "userProperties": false,
                  "connectBytes": false,
                  "keepAliveSeconds": false,
                  "keepAliveSecondsMin": false,
                  "receiveMaximum": false,
                  "topicAliasMaximum": false,
                  "topicAliasOut": false,
                  "subscriptions": false
                }
              }
            }
          },
          "routes": {
            "items": {
              "properties": {
                "when": {
                  "not": {},
                  "x-hint": "An mqtt client has no conditions: put `when` on the mqtt server."
                }
              }
            }
          }
        }
      },
      "else": {
        "properties": {
          "options": {
            "properties": {
              "server": false,
              "limits": {
                "properties": {
                  "publishSeconds": false
                }
              }
            }
          }
        }
      }
    }
  ],
  "$defs": {
    "topic": {
      "type": "object",
      "additionalProperties": false,
      "required": [
        "topic"
      ],
      "properties": {
        "topic": {
          "description": "Topic pattern: `+` is any level, `{name}` any level that is not empty, `#` the rest.",
          "type": "string",
          "minLength": 1,
          "examples": [
            "sensor/+/state",
            "device/{id}/#"
          ]
        },
        "params": {
          "$ref": "#/$defs/params"
        }
      }
    },
    "params": {
      "description": "What `{name}` must be, by name: a text, or what a guard of the route's `guarded` knows of the client. A client of which it is not known, or for which it is no text that one level of a topic can be, is not meant.",
      "type": "object",
      "minProperties": 1,
      "additionalProperties": {
        "description": "A text, `${guarded['guard'].identity}` or `${guarded['guard'].attributes.name}`.",
        "type": "string",
        "minLength": 1
      },
      "examples": [
        {
          "id": "${guarded['authn_jwt'].identity}"
        }
      ]
    },
    "credentials": {
      "title": "MqttCredentials",
      "description": "Where credentials are: in CONNECT, in the authentication data of MQTT 5, or in either.",
      "type": "object",
      "additionalProperties": false,
      "minProperties": 1,
      "properties": {
        "connect": {
          "description": "User name and password of CONNECT: each that is named must match as a whole. `{credentials}` and `{identity}` are runs without blanks, each in one of the two; all else is meant as written. Without `{identity}` the guard is shown the user name, unless the credentials are in it.",
          "type": "object",
          "additionalProperties": false,
          "minProperties": 1,
          "properties": {
            "username": {
              "$ref": "#/$defs/pattern",
              "description": "Pattern of the user name. Absent: a client passes on the user name of the client it speaks for.",
              "x-secret": true,
              "examples": [
                "Bearer {credentials}"
              ]
            },
            "password": {
              "$ref": "#/$defs/pattern",
              "description": "Pattern of the password. Absent: a client sends none.",
              "x-secret": true,
              "examples": [
                "{credentials}"
              ]
            }
          },
          "x-hint": "Name `username`, `password` or both."
        },
        "auth": {
          "description": "Authentication with a method (MQTT 5.0 §4.12), by which a client may show fresh credentials of the same identity while it is connected. Other methods are refused; without `auth` all are. Where a client names the method, its user name and password are not looked at.",
          "type": "object",
          "additionalProperties": false,
          "properties": {
            "method": {
              "description": "Authentication Method.",
              "type": "string",
              "minLength": 1,
              "maxLength": 256,
              "default": "OAUTH2-JWT"
            },
            "data": {
              "$ref": "#/$defs/pattern",
              "description": "Pattern of the Authentication Data.",
              "default": "{credentials}",
              "examples": [
                "{identity}:{credentials}"
              ]
            }
          }
        }
      },
      "x-hint": "Name `connect`, `auth` or both."
    },
    "pattern": {
      "type": "string",
      "minLength": 1,
      "x-hint": "Put the pattern in quotes: without, {credentials} is a mapping."
    }
  }
}
