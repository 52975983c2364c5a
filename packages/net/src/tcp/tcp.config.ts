// Generated from tcp.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: tcp` entries hold.
 */
export interface TcpConfig {
  /**
   * Where to listen, or whom to dial.
   */
  options?: {
    /**
     * Server: address or name to listen on. Client: host to dial; `*` means whatever the neighbour asks for.
     */
    host?: string
    /**
     * A port, a range such as `7183-7190`, or a list of them.
     */
    port?: number | string | [number | string, ...(number | string)[]]
    limits?: TcpLimits
  }
  when?: {
    /**
     * Host name or address, `*` stands for any run of characters. Server: the local address of the connection.
     */
    authority?: string
    /**
     * Block that the address lies in. Server: the local address; client: the address dialled.
     */
    cidr?: string
    /**
     * A port, a range such as `7183-7190`, or a list of them.
     */
    port?: number | string | [number | string, ...(number | string)[]]
  }
}
/**
 * Bounds on what a server takes.
 */
export interface TcpLimits {
  /**
   * Connections at a time, over all ports; one more is closed at once. When absent, and never more than, what the limit of open files of the process allows, with a tenth of it (32 to 1,000) kept for everything else.
   */
  connections?: number
}

/** JSON Schema of a whole `type: tcp` entry. */
export const schema: JsonSchema = {
  "title": "tcp",
  "description": "TCP sockets: `server` listens and opens a byte stream to its exit for each connection; `client` dials for its neighbour.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "kind"
  ],
  "properties": {
    "type": {
      "const": "tcp"
    },
    "kind": {
      "enum": [
        "server",
        "client"
      ]
    },
    "options": {
      "description": "Where to listen, or whom to dial.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "host": {
          "description": "Server: address or name to listen on. Client: host to dial; `*` means whatever the neighbour asks for.",
          "type": "string",
          "minLength": 1,
          "examples": [
            "127.0.0.1",
            "0.0.0.0"
          ]
        },
        "port": {
          "$ref": "#/$defs/ports"
        },
        "limits": {
          "title": "TcpLimits",
          "description": "Bounds on what a server takes.",
          "type": "object",
          "additionalProperties": false,
          "properties": {
            "connections": {
              "description": "Connections at a time, over all ports; one more is closed at once. When absent, and never more than, what the limit of open files of the process allows, with a tenth of it (32 to 1,000) kept for everything else.",
              "type": "integer",
              "minimum": 1,
              "maximum": 10000000,
              "examples": [
                10000
              ]
            }
          }
        }
      }
    },
    "routes": {
      "description": "Tried in order; the first whose `when` matches takes the connection.",
      "type": "array",
      "items": {
        "type": "object",
        "additionalProperties": false,
        "properties": {
          "when": {
            "description": "Any item is enough; inside an item everything must hold.",
            "type": "array",
            "items": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "authority": {
                  "description": "Host name or address, `*` stands for any run of characters. Server: the local address of the connection.",
                  "type": "string",
                  "examples": [
                    "*.example.com"
                  ]
                },
                "cidr": {
                  "description": "Block that the address lies in. Server: the local address; client: the address dialled.",
                  "type": "string",
                  "pattern": "^[0-9a-fA-F:.]+/(\\d{1,3})$",
                  "x-hint": "A CIDR block is an address, a slash and a prefix length, such as 10.0.0.0/8.",
                  "examples": [
                    "0.0.0.0/0"
                  ]
                },
                "port": {
                  "$ref": "#/$defs/ports"
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
            "const": "server"
          }
        }
      },
      "then": {
        "required": [
          "options"
        ],
        "properties": {
          "options": {
            "required": [
              "host",
              "port"
            ]
          }
        }
      }
    },
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
            "dependentRequired": {
              "host": [
                "port"
              ],
              "port": [
                "host"
              ]
            },
            "properties": {
              "limits": {
                "not": {},
                "x-hint": "A client makes no connections but those it is asked for."
              }
            }
          },
          "routes": {
            "items": {
              "properties": {
                "guarded": false
              }
            }
          }
        }
      }
    }
  ],
  "$defs": {
    "port": {
      "description": "A port, 0 to 65535 (0: the system chooses).",
      "type": "integer",
      "minimum": 0,
      "maximum": 65535
    },
    "portRange": {
      "description": "A port or a range of ports as text.",
      "type": "string",
      "pattern": "^\\d+(-\\d+)?$",
      "x-hint": "Ports are 0-65535, ranges are written like 7183-7190."
    },
    "ports": {
      "description": "A port, a range such as `7183-7190`, or a list of them.",
      "anyOf": [
        {
          "$ref": "#/$defs/port"
        },
        {
          "$ref": "#/$defs/portRange"
        },
        {
          "type": "array",
          "minItems": 1,
          "items": {
            "anyOf": [
              {
                "$ref": "#/$defs/port"
              },
              {
                "$ref": "#/$defs/portRange"
              }
            ]
          }
        }
      ],
      "examples": [
        7183,
        "7183-7190",
        [
          7183,
          "8883-8884"
        ]
      ]
    }
  }
}
