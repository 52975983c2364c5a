// Generated from proxy.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: proxy` entries hold.
 */
export interface ProxyConfig {
  /**
   * How much a connection may take before its header is there.
   */
  options: {
    limits: ProxyLimits
  }
  when?: {
    /**
     * What the client speaks.
     */
    transport?: 'stream' | 'datagram'
    /**
     * Family of the addresses; `inet` is `inet4` or `inet6`.
     */
    family?: 'inet' | 'inet4' | 'inet6' | 'unix'
    /**
     * Where the client is.
     */
    source?: {
      /**
       * Address or path, or a block of addresses such as `10.0.0.0/8`.
       */
      host?: string
      /**
       * Port.
       */
      port?: number
    }
    /**
     * Where it connected to.
     */
    destination?: {
      /**
       * Address or path, or a block of addresses such as `10.0.0.0/8`.
       */
      host?: string
      /**
       * Port.
       */
      port?: number
    }
    /**
     * What the load balancer tells beside the addresses.
     */
    info?: {
      /**
       * Protocol negotiated by TLS.
       */
      alpn?: string
      /**
       * Host name that the client asked for.
       */
      authority?: string
      /**
       * Identifier of the connection, in hex digits.
       */
      identity?: string
      /**
       * Network namespace.
       */
      namespace?: string
      /**
       * What the load balancer tells of TLS. A client that did not use it matches none of these.
       */
      secure?: {
        /**
         * Version.
         */
        version?: string
        /**
         * Cipher.
         */
        cipher?: string
        /**
         * Algorithm of the certificate's key.
         */
        key?: string
        /**
         * Common name of the client's certificate.
         */
        name?: string
        /**
         * Algorithm that signed it.
         */
        signature?: string
      }
    }
  }
}
/**
 * Bounds on the header.
 */
export interface ProxyLimits {
  /**
   * Largest header.
   */
  headerBytes: number
  /**
   * How long a connection may take to send it.
   */
  headerSeconds: number
}

/** JSON Schema of a whole `type: proxy` entry. */
export const schema: JsonSchema = {
  "title": "proxy",
  "description": "The PROXY protocol: `server` takes the addresses of a client from the header that a load balancer writes in front of a connection (version 1 or 2), `client` writes such a header (version 2). Whoever can reach a server can claim any address, so only load balancers may be able to.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "kind"
  ],
  "properties": {
    "type": {
      "const": "proxy"
    },
    "kind": {
      "enum": [
        "server",
        "client"
      ]
    },
    "options": {
      "description": "How much a connection may take before its header is there.",
      "type": "object",
      "additionalProperties": false,
      "default": {},
      "properties": {
        "limits": {
          "title": "ProxyLimits",
          "description": "Bounds on the header.",
          "type": "object",
          "additionalProperties": false,
          "default": {},
          "properties": {
            "headerBytes": {
              "description": "Largest header.",
              "type": "integer",
              "minimum": 536,
              "maximum": 65551,
              "default": 4096
            },
            "headerSeconds": {
              "description": "How long a connection may take to send it.",
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
      "description": "Tried in order; the first whose `when` matches takes the connection.",
      "type": "array",
      "items": {
        "type": "object",
        "additionalProperties": false,
        "properties": {
          "when": {
            "description": "Any item is enough; inside an item everything must hold. `*` stands for any run of characters. A connection of the load balancer itself has its own addresses.",
            "type": "array",
            "items": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "transport": {
                  "description": "What the client speaks.",
                  "enum": [
                    "stream",
                    "datagram"
                  ]
                },
                "family": {
                  "description": "Family of the addresses; `inet` is `inet4` or `inet6`.",
                  "enum": [
                    "inet",
                    "inet4",
                    "inet6",
                    "unix"
                  ]
                },
                "source": {
                  "description": "Where the client is.",
                  "$ref": "#/$defs/endpoint"
                },
                "destination": {
                  "description": "Where it connected to.",
                  "$ref": "#/$defs/endpoint"
                },
                "info": {
                  "description": "What the load balancer tells beside the addresses.",
                  "type": "object",
                  "additionalProperties": false,
                  "properties": {
                    "alpn": {
                      "description": "Protocol negotiated by TLS.",
                      "type": "string",
                      "examples": [
                        "mqtt"
                      ]
                    },
                    "authority": {
                      "description": "Host name that the client asked for.",
                      "type": "string",
                      "examples": [
                        "*.example.com"
                      ]
                    },
                    "identity": {
                      "description": "Identifier of the connection, in hex digits.",
                      "type": "string",
                      "pattern": "^(0x)?([0-9a-fA-F]{2})+$",
                      "x-hint": "An identifier is written in hex digits, two for each byte."
                    },
                    "namespace": {
                      "description": "Network namespace.",
                      "type": "string"
                    },
                    "secure": {
                      "description": "What the load balancer tells of TLS. A client that did not use it matches none of these.",
                      "type": "object",
                      "additionalProperties": false,
                      "properties": {
                        "version": {
                          "description": "Version.",
                          "type": "string",
                          "examples": [
                            "TLSv1.3"
                          ]
                        },
                        "cipher": {
                          "description": "Cipher.",
                          "type": "string",
                          "examples": [
                            "*AES256*"
                          ]
                        },
                        "key": {
                          "description": "Algorithm of the certificate's key.",
                          "type": "string",
                          "examples": [
                            "RSA2048"
                          ]
                        },
                        "name": {
                          "description": "Common name of the client's certificate.",
                          "type": "string"
                        },
                        "signature": {
                          "description": "Algorithm that signed it.",
                          "type": "string",
                          "examples": [
                            "SHA256"
                          ]
                        }
                      }
                    }
                  }
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
        "const": "client"
      }
    }
  },
  "then": {
    "properties": {
      "options": {
        "properties": {
          "limits": false
        }
      }
    }
  },
  "$defs": {
    "endpoint": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "host": {
          "description": "Address or path, or a block of addresses such as `10.0.0.0/8`.",
          "type": "string",
          "minLength": 1,
          "examples": [
            "10.0.0.0/8",
            "192.168.*"
          ]
        },
        "port": {
          "description": "Port.",
          "type": "integer",
          "minimum": 0,
          "maximum": 65535
        }
      }
    }
  }
}
