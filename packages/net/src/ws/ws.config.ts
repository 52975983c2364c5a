// Generated from ws.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: ws` entries hold.
 */
export interface WsConfig {
  /**
   * What a client asks for, and how much one connection may take.
   */
  options: {
    /**
     * Client only: what is asked for.
     */
    defaults?: {
      /**
       * Subprotocol that the server must answer with. Absent: none is asked for.
       */
      protocol?: string
      /**
       * Decides the port when `authority` names none: 80 or 443. Whether the connection is encrypted is decided by the exit.
       */
      scheme: 'http' | 'https' | 'ws' | 'wss'
      /**
       * Host, and port if need be, of the server. Absent: the address that the neighbour asks for.
       */
      authority?: string
      /**
       * Path of the request, with its query if there is one.
       */
      path: string
    }
    limits: WsLimits
  }
  when?: {
    /**
     * Subprotocol.
     */
    protocol?: string
    /**
     * `http` or `https`.
     */
    scheme?: string
    /**
     * Host and port that were asked for.
     */
    authority?: string
    /**
     * Path that was asked for; the query is left out unless it ends in `*`.
     */
    path?: string
  }
}
/**
 * Bounds on what one connection may take of memory and time.
 */
export interface WsLimits {
  /**
   * Largest message, all its frames together, which is held until it is complete; a larger one closes the connection with 1009. What is carried may span messages, so that this bounds no MQTT packet by itself, but many clients send each packet as one message.
   */
  messageBytes: number
  /**
   * Client only: how long the server may take to be reached and to accept.
   */
  connectSeconds: number
  /**
   * A peer that has sent nothing for so long is asked whether it is there, with a ping.
   */
  pingSeconds: number
  /**
   * How long it may take to answer.
   */
  pongSeconds: number
  /**
   * How long a peer may take to close after one side has said that it will.
   */
  closeSeconds: number
}

/** JSON Schema of a whole `type: ws` entry. */
export const schema: JsonSchema = {
  "title": "ws",
  "description": "WebSocket as a stream of bytes, in binary frames: `server` takes the upgrades of an http server, `client` opens a WebSocket through an http client. MQTT over WebSocket is `protocol: mqtt`.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "kind"
  ],
  "properties": {
    "type": {
      "const": "ws"
    },
    "kind": {
      "enum": [
        "server",
        "client"
      ]
    },
    "options": {
      "description": "What a client asks for, and how much one connection may take.",
      "type": "object",
      "additionalProperties": false,
      "default": {},
      "properties": {
        "defaults": {
          "description": "Client only: what is asked for.",
          "type": "object",
          "additionalProperties": false,
          "properties": {
            "protocol": {
              "description": "Subprotocol that the server must answer with. Absent: none is asked for.",
              "type": "string",
              "pattern": "^[!#$%&'*+.^_`|~0-9a-zA-Z-]+$",
              "x-hint": "A subprotocol is one word, such as mqtt.",
              "examples": [
                "mqtt"
              ]
            },
            "scheme": {
              "description": "Decides the port when `authority` names none: 80 or 443. Whether the connection is encrypted is decided by the exit.",
              "enum": [
                "http",
                "https",
                "ws",
                "wss"
              ],
              "default": "http"
            },
            "authority": {
              "description": "Host, and port if need be, of the server. Absent: the address that the neighbour asks for.",
              "type": "string",
              "pattern": "^(\\[[0-9a-fA-F:.]+\\]|[^:/?#@\\s\\[\\]]+)(:\\d{1,5})?$",
              "x-hint": "An authority is written host or host:port.",
              "examples": [
                "broker.example.com:8083"
              ]
            },
            "path": {
              "description": "Path of the request, with its query if there is one.",
              "type": "string",
              "pattern": "^/[^\\s#]*$",
              "x-hint": "A path begins with a slash.",
              "default": "/",
              "examples": [
                "/mqtt"
              ]
            }
          }
        },
        "limits": {
          "title": "WsLimits",
          "description": "Bounds on what one connection may take of memory and time.",
          "type": "object",
          "additionalProperties": false,
          "default": {},
          "properties": {
            "messageBytes": {
              "description": "Largest message, all its frames together, which is held until it is complete; a larger one closes the connection with 1009. What is carried may span messages, so that this bounds no MQTT packet by itself, but many clients send each packet as one message.",
              "type": "integer",
              "minimum": 1024,
              "maximum": 268435460,
              "default": 1114112
            },
            "connectSeconds": {
              "description": "Client only: how long the server may take to be reached and to accept.",
              "type": "integer",
              "minimum": 1,
              "maximum": 3600,
              "default": 10
            },
            "pingSeconds": {
              "description": "A peer that has sent nothing for so long is asked whether it is there, with a ping.",
              "type": "integer",
              "minimum": 1,
              "maximum": 86400,
              "default": 30
            },
            "pongSeconds": {
              "description": "How long it may take to answer.",
              "type": "integer",
              "minimum": 1,
              "maximum": 3600,
              "default": 10
            },
            "closeSeconds": {
              "description": "How long a peer may take to close after one side has said that it will.",
              "type": "integer",
              "minimum": 1,
              "maximum": 3600,
              "default": 5
            }
          }
        }
      }
    },
    "routes": {
      "description": "Tried in order; the first whose `when` matches takes the WebSocket. Of the subprotocols that a client offers, the one whose route comes first is taken; none of them: the request is answered with 404.",
      "type": "array",
      "items": {
        "type": "object",
        "additionalProperties": false,
        "properties": {
          "when": {
            "description": "Any item is enough; inside an item everything must hold. `*` stands for any run of characters.",
            "type": "array",
            "items": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "protocol": {
                  "description": "Subprotocol.",
                  "type": "string",
                  "minLength": 1,
                  "examples": [
                    "mqtt"
                  ]
                },
                "scheme": {
                  "description": "`http` or `https`.",
                  "type": "string",
                  "minLength": 1
                },
                "authority": {
                  "description": "Host and port that were asked for.",
                  "type": "string",
                  "minLength": 1,
                  "examples": [
                    "*.example.com"
                  ]
                },
                "path": {
                  "description": "Path that was asked for; the query is left out unless it ends in `*`.",
                  "type": "string",
                  "minLength": 1,
                  "examples": [
                    "/mqtt"
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
  "if": {
    "properties": {
      "kind": {
        "const": "server"
      }
    }
  },
  "then": {
    "properties": {
      "options": {
        "properties": {
          "defaults": false,
          "limits": {
            "properties": {
              "connectSeconds": false
            }
          }
        }
      }
    }
  }
}
