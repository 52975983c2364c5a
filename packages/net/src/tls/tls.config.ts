// Generated from tls.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: tls` entries hold.
 */
export interface TlsConfig {
  /**
   * What is shown, and what is trusted.
   */
  options: {
    /**
     * `TLS`: 1.2 and 1.3. Else only the one that is named.
     */
    version: 'TLS' | 'TLSv1.2' | 'TLSv1.3'
    /**
     * Server: keys of the vault, of which a client gets the first whose certificate has the name it asks for, and the first of all when none has; every key of the vault when neither `keys` nor `signers` is there. Client: the key that is shown to servers who ask for one.
     *
     * @minItems 1
     *
     * Items: Name of an entry of the vault's `keys`.
     */
    keys?: [string, ...string[]]
    /**
     * In place of `keys`: those keys of the vault whose certificate was issued by one of these.
     *
     * @minItems 1
     *
     * Items: Name of an entry of the vault's `signers`.
     */
    signers?: [string, ...string[]]
    /**
     * Whose certificates are accepted, with those issued by them.
     *
     * @minItems 1
     *
     * Items: Name of an entry of the vault's `trust`.
     */
    trust?: [string, ...string[]]
    /**
     * Accept also what the well-known authorities have issued. Client: `true` when there is no `trust`. Server: `false`.
     */
    trustcacerts?: boolean
    /**
     * Server: names that clients may ask for, `*` stands for any run of characters; who asks for another is refused, who asks for none is not. Client: the one name that the server is asked for and must have in its certificate, in place of the host that is dialled.
     *
     * @minItems 1
     *
     * Items: A host name.
     */
    sni?: [string, ...string[]]
    /**
     * Application protocols (RFC 7301), best first. Server: who offers only others is refused, who offers none is not.
     *
     * @minItems 1
     *
     * Items: Name of a protocol.
     */
    alpn?: [string | null, ...(string | null)[]]
    /**
     * Whether clients show certificates. `required`: who has none is refused. `requested`: who has one must show a good one. When absent: `required` if there is `trust` or `trustcacerts`, else `requested` if a route asks for a certificate, else `none`.
     */
    mutual?: 'required' | 'requested' | 'none'
    /**
     * Guard that is shown the certificate of the client.
     */
    authorization?: {
      [k: string]: {
        /**
         * What the guard is shown.
         */
        credentials: {
          /**
           * The client's certificate and those of its issuers, as PEM.
           */
          certificates: 'pem'
        }
      }
    }
    limits: TlsLimits
  }
  when?: {
    /**
     * Name that the server is asked for, `*` stands for any run of characters; upper and lower case make no difference.
     */
    authority?: string
    /**
     * Application protocol: that both sides speak; on a proxy, one of those that the client offers.
     */
    alpn?: string
    /**
     * Port that the connection came in on, on a client: that it goes to; a port, a range such as `7183-7190`, or a list of them.
     */
    port?: number | string | [number | string, ...(number | string)[]]
    /**
     * The client has a certificate that is one of these, or was issued by one, directly or through others.
     *
     * @minItems 1
     *
     * Items: Name of an entry of the vault's `trust`.
     */
    trust?: [string, ...string[]]
    /**
     * `required`: the client has shown a certificate. `none`: it has not.
     */
    mutual?: 'required' | 'none'
  }
  /**
   * What is different for these connections.
   */
  with?: {
    /**
     * Which of `keys` is shown to the server.
     */
    certificate?: {
      /**
       * The subject of its certificate, by exactly one of these.
       */
      subject: {
        /**
         * Its common name.
         */
        cn?: string
        /**
         * The whole of it, the most special part first (RFC 4514).
         */
        dn?: string
      }
    }
  }
}
/**
 * Bounds on handshakes.
 */
export interface TlsLimits {
  /**
   * How long a connection may take from its first byte to the end of the handshake, the guard's answer included; on a client: from dialling on.
   */
  handshakeSeconds: number
  /**
   * Handshakes that may be under way at a time; connections beyond are closed. Each takes about 50 KB of memory.
   */
  handshakes: number
}

/** JSON Schema of a whole `type: tls` entry. */
export const schema: JsonSchema = {
  "title": "tls",
  "description": "TLS: `server` ends it for its clients, `client` speaks it to servers, `proxy` looks at who is asked for and passes it on as it is.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "kind"
  ],
  "properties": {
    "type": {
      "const": "tls"
    },
    "kind": {
      "enum": [
        "server",
        "client",
        "proxy"
      ]
    },
    "vault": {
      "description": "Vault that holds the keys and certificates named here.",
      "x-reference": "vault",
      "$ref": "zilla:reference"
    },
    "options": {
      "description": "What is shown, and what is trusted.",
      "type": "object",
      "additionalProperties": false,
      "default": {},
      "properties": {
        "version": {
          "description": "`TLS`: 1.2 and 1.3. Else only the one that is named.",
          "enum": [
            "TLS",
            "TLSv1.2",
            "TLSv1.3"
          ],
          "default": "TLS",
          "x-hint": "TLS 1.2 is the oldest version that is still safe (RFC 8996)."
        },
        "keys": {
          "description": "Server: keys of the vault, of which a client gets the first whose certificate has the name it asks for, and the first of all when none has; every key of the vault when neither `keys` nor `signers` is there. Client: the key that is shown to servers who ask for one.",
          "type": "array",
          "minItems": 1,
          "items": {
            "description": "Name of an entry of the vault's `keys`.",
            "type": "string",
            "minLength": 1
          },
          "examples": [
            [
              "localhost"
            ]
          ]
        },
        "signers": {
          "description": "In place of `keys`: those keys of the vault whose certificate was issued by one of these.",
          "type": "array",
          "minItems": 1,
          "items": {
            "description": "Name of an entry of the vault's `signers`.",
            "type": "string",
            "minLength": 1
          }
        },
        "trust": {
          "description": "Whose certificates are accepted, with those issued by them.",
          "type": "array",
          "minItems": 1,
          "items": {
            "description": "Name of an entry of the vault's `trust`.",
            "type": "string",
            "minLength": 1
          },
          "examples": [
            [
              "client-ca"
            ]
          ]
        },
        "trustcacerts": {
          "description": "Accept also what the well-known authorities have issued. Client: `true` when there is no `trust`. Server: `false`.",
          "type": "boolean"
        },
        "sni": {
          "description": "Server: names that clients may ask for, `*` stands for any run of characters; who asks for another is refused, who asks for none is not. Client: the one name that the server is asked for and must have in its certificate, in place of the host that is dialled.",
          "type": "array",
          "minItems": 1,
          "items": {
            "description": "A host name.",
            "type": "string",
            "minLength": 1,
            "maxLength": 255
          },
          "examples": [
            [
              "mqtt.example.com"
            ]
          ]
        },
        "alpn": {
          "description": "Application protocols (RFC 7301), best first. Server: who offers only others is refused, who offers none is not.",
          "type": "array",
          "minItems": 1,
          "items": {
            "description": "Name of a protocol.",
            "type": [
              "string",
              "null"
            ],
            "minLength": 1,
            "maxLength": 255
          },
          "examples": [
            [
              "mqtt"
            ],
            [
              "h2",
              "http/1.1"
            ]
          ]
        },
        "mutual": {
          "description": "Whether clients show certificates. `required`: who has none is refused. `requested`: who has one must show a good one. When absent: `required` if there is `trust` or `trustcacerts`, else `requested` if a route asks for a certificate, else `none`.",
          "enum": [
            "required",
            "requested",
            "none"
          ]
        },
        "authorization": {
          "description": "Guard that is shown the certificate of the client.",
          "type": "object",
          "minProperties": 1,
          "maxProperties": 1,
          "x-keys-reference": "guard",
          "additionalProperties": {
            "type": "object",
            "additionalProperties": false,
            "required": [
              "credentials"
            ],
            "properties": {
              "credentials": {
                "description": "What the guard is shown.",
                "type": "object",
                "additionalProperties": false,
                "required": [
                  "certificates"
                ],
                "properties": {
                  "certificates": {
                    "description": "The client's certificate and those of its issuers, as PEM.",
                    "enum": [
                      "pem"
                    ]
                  }
                }
              }
            }
          },
          "examples": [
            {
              "authn_x509": {
                "credentials": {
                  "certificates": "pem"
                }
              }
            }
          ]
        },
        "limits": {
          "title": "TlsLimits",
          "description": "Bounds on handshakes.",
          "type": "object",
          "additionalProperties": false,
          "default": {},
          "properties": {
            "handshakeSeconds": {
              "description": "How long a connection may take from its first byte to the end of the handshake, the guard's answer included; on a client: from dialling on.",
              "type": "integer",
              "minimum": 1,
              "maximum": 3600,
              "default": 10
            },
            "handshakes": {
              "description": "Handshakes that may be under way at a time; connections beyond are closed. Each takes about 50 KB of memory.",
              "type": "integer",
              "minimum": 1,
              "maximum": 1000000,
              "default": 4096
            }
          }
        }
      }
    },
    "routes": {
      "description": "Tried in order; the first whose `when` matches and whose `guarded` permits takes the connection.",
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
                  "description": "Name that the server is asked for, `*` stands for any run of characters; upper and lower case make no difference.",
                  "type": "string",
                  "minLength": 1,
                  "examples": [
                    "*.example.com"
                  ]
                },
                "alpn": {
                  "description": "Application protocol: that both sides speak; on a proxy, one of those that the client offers.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 255,
                  "examples": [
                    "mqtt"
                  ]
                },
                "port": {
                  "$ref": "#/$defs/ports"
                },
                "trust": {
                  "description": "The client has a certificate that is one of these, or was issued by one, directly or through others.",
                  "type": "array",
                  "minItems": 1,
                  "items": {
                    "description": "Name of an entry of the vault's `trust`.",
                    "type": "string",
                    "minLength": 1
                  }
                },
                "mutual": {
                  "description": "`required`: the client has shown a certificate. `none`: it has not.",
                  "enum": [
                    "required",
                    "none"
                  ]
                }
              }
            }
          },
          "with": {
            "description": "What is different for these connections.",
            "type": "object",
            "additionalProperties": false,
            "properties": {
              "certificate": {
                "description": "Which of `keys` is shown to the server.",
                "type": "object",
                "additionalProperties": false,
                "required": [
                  "subject"
                ],
                "properties": {
                  "subject": {
                    "description": "The subject of its certificate, by exactly one of these.",
                    "type": "object",
                    "additionalProperties": false,
                    "minProperties": 1,
                    "maxProperties": 1,
                    "properties": {
                      "cn": {
                        "description": "Its common name.",
                        "type": "string",
                        "pattern": "^[^$]+$",
                        "x-hint": "Expressions are not in this version: write the name itself."
                      },
                      "dn": {
                        "description": "The whole of it, the most special part first (RFC 4514).",
                        "type": "string",
                        "pattern": "^[^$]+$",
                        "x-hint": "Expressions are not in this version: write the name itself.",
                        "examples": [
                          "CN=gateway,O=Example,C=DE"
                        ]
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
          "vault"
        ],
        "properties": {
          "routes": {
            "items": {
              "properties": {
                "with": false
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
            "const": "client"
          }
        }
      },
      "then": {
        "properties": {
          "options": {
            "properties": {
              "mutual": false,
              "authorization": false,
              "limits": {
                "properties": {
                  "handshakes": false
                }
              }
            }
          },
          "routes": {
            "items": {
              "properties": {
                "when": {
                  "items": {
                    "properties": {
                      "trust": false,
                      "mutual": false
                    }
                  }
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
            "const": "proxy"
          }
        }
      },
      "then": {
        "properties": {
          "vault": false,
          "options": {
            "properties": {
              "version": false,
              "keys": false,
              "signers": false,
              "trust": false,
              "trustcacerts": false,
              "sni": false,
              "alpn": false,
              "mutual": false,
              "authorization": false
            }
          },
          "routes": {
            "items": {
              "properties": {
                "with": false,
                "when": {
                  "items": {
                    "properties": {
                      "trust": false,
                      "mutual": false
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  ],
  "$defs": {
    "port": {
      "description": "A port, 0 to 65535.",
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
      "description": "Port that the connection came in on, on a client: that it goes to; a port, a range such as `7183-7190`, or a list of them.",
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
        8883,
        "8883-8890"
      ]
    }
  }
}
