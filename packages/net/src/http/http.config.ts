// Generated from http.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: http` entries hold.
 */
export interface HttpConfig {
  /**
   * What is spoken, who is let in, and how much one connection may take.
   */
  options: {
    /**
     * Versions of the protocol. HTTP/1.1 is spoken and must be among them; `h2` may be named and is not offered.
     *
     * @minItems 1
     */
    versions: ['http/1.1' | 'h2', ...('http/1.1' | 'h2')[]]
    'access-control'?: AccessControlOptions
    /**
     * Guard that decides who is let in, and where in a request the credentials are. Credentials that it does not accept count as none: routes without `guarded` stay open.
     */
    authorization?: {
      [k: string]: HttpAuthorization
    }
    limits: HttpLimits
  }
  when?: {
    /**
     * Header fields, and the pseudo fields `:scheme`, `:authority`, `:path` and `:method`; `*` stands for any run of characters. `:path` may hold `{name}` for one segment, and leaves the query out unless it ends in `*`.
     */
    headers: {
      /**
       * Value of the field.
       */
      [k: string]: string
    }
  }
}
/**
 * Pages that may connect, by the `Origin` that their browser sends. Clients that send none are no browsers and are not concerned.
 */
export interface AccessControlOptions {
  /**
   * `same-origin`: pages of the host that they connect to. `cross-origin`: those that `allow` names as well.
   */
  policy: 'same-origin' | 'cross-origin'
  /**
   * Only with `cross-origin`: what pages of other hosts may do.
   */
  allow?: {
    /**
     * Origins let in; `*` stands for any run of characters. Absent: all.
     *
     * @minItems 1
     *
     * Items: Scheme, host and port.
     */
    origins?: [string, ...string[]]
    /**
     * Methods told to a browser that asks. Absent: the one it asks for.
     *
     * @minItems 1
     *
     * Items: A method.
     */
    methods?: [string, ...string[]]
    /**
     * Header fields told to a browser that asks. Absent: those it asks for.
     *
     * @minItems 1
     *
     * Items: Name of a header field.
     */
    headers?: [string, ...string[]]
    /**
     * Whether a browser may send cookies. It always sends them with a WebSocket.
     */
    credentials: boolean
  }
  /**
   * Seconds for which a browser may keep the answer to its question.
   */
  'max-age'?: number
  /**
   * What pages may see of an answer.
   */
  expose?: {
    /**
     * Header fields of answers that a page may read.
     *
     * @minItems 1
     *
     * Items: Name of a header field.
     */
    headers?: [string, ...string[]]
  }
}
/**
 * What the guard is shown.
 */
export interface HttpAuthorization {
  /**
   * Places looked at, in this order; the first that fits is taken.
   */
  credentials: {
    /**
     * Header fields by name. `Basic {username}:{password}` stands for what RFC 7617 encodes.
     */
    headers?: {
      /**
       * What the field looks like.
       */
      [k: string]: string
    }
    /**
     * Cookies by name.
     */
    cookies?: {
      /**
       * What the value looks like.
       */
      [k: string]: string
    }
    /**
     * Parameters of the query by name.
     */
    query?: {
      /**
       * What the value looks like.
       */
      [k: string]: string
    }
  }
}
/**
 * Bounds on what one connection may take before it is a WebSocket.
 */
export interface HttpLimits {
  /**
   * Largest request line and header together; more is answered with 431.
   */
  headerBytes: number
  /**
   * Most header fields; more are answered with 431.
   */
  headerCount: number
  /**
   * How long a new connection may take to send the header of its first request, and a request to be authorized and answered.
   */
  headerSeconds: number
  /**
   * How long the whole header of another request may take to come on a connection whose last one has been answered.
   */
  keepAliveSeconds: number
  /**
   * Requests answered on one connection before it is closed.
   */
  requests: number
}

/** JSON Schema of a whole `type: http` entry. */
export const schema: JsonSchema = {
  "title": "http",
  "description": "HTTP/1.1 as the way to a WebSocket: `server` reads requests from the sockets it is handed and hands those that ask for an upgrade to its exit; `client` dials for a ws client. Requests that ask for no upgrade are answered with 426 or 404.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "kind"
  ],
  "properties": {
    "type": {
      "const": "http"
    },
    "kind": {
      "enum": [
        "server",
        "client"
      ]
    },
    "options": {
      "description": "What is spoken, who is let in, and how much one connection may take.",
      "type": "object",
      "additionalProperties": false,
      "default": {},
      "properties": {
        "versions": {
          "description": "Versions of the protocol. HTTP/1.1 is spoken and must be among them; `h2` may be named and is not offered.",
          "type": "array",
          "minItems": 1,
          "uniqueItems": true,
          "items": {
            "enum": [
              "http/1.1",
              "h2"
            ]
          },
          "default": [
            "http/1.1",
            "h2"
          ]
        },
        "access-control": {
          "title": "AccessControlOptions",
          "description": "Pages that may connect, by the `Origin` that their browser sends. Clients that send none are no browsers and are not concerned.",
          "type": "object",
          "additionalProperties": false,
          "properties": {
            "policy": {
              "description": "`same-origin`: pages of the host that they connect to. `cross-origin`: those that `allow` names as well.",
              "enum": [
                "same-origin",
                "cross-origin"
              ],
              "default": "same-origin"
            },
            "allow": {
              "description": "Only with `cross-origin`: what pages of other hosts may do.",
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "origins": {
                  "description": "Origins let in; `*` stands for any run of characters. Absent: all.",
                  "type": "array",
                  "minItems": 1,
                  "items": {
                    "description": "Scheme, host and port.",
                    "type": "string",
                    "minLength": 1
                  },
                  "examples": [
                    [
                      "https://app.example.com",
                      "http://localhost:*"
                    ]
                  ]
                },
                "methods": {
                  "description": "Methods told to a browser that asks. Absent: the one it asks for.",
                  "type": "array",
                  "minItems": 1,
                  "items": {
                    "description": "A method.",
                    "type": "string",
                    "pattern": "^[A-Z]+$"
                  }
                },
                "headers": {
                  "description": "Header fields told to a browser that asks. Absent: those it asks for.",
                  "type": "array",
                  "minItems": 1,
                  "items": {
                    "$ref": "#/$defs/fieldName"
                  }
                },
                "credentials": {
                  "description": "Whether a browser may send cookies. It always sends them with a WebSocket.",
                  "type": "boolean",
                  "default": false
                }
              }
            },
            "max-age": {
              "description": "Seconds for which a browser may keep the answer to its question.",
              "type": "integer",
              "minimum": 0
            },
            "expose": {
              "description": "What pages may see of an answer.",
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "headers": {
                  "description": "Header fields of answers that a page may read.",
                  "type": "array",
                  "minItems": 1,
                  "items": {
                    "$ref": "#/$defs/fieldName"
                  }
                }
              }
            }
          },
          "if": {
            "properties": {
              "policy": {
                "const": "same-origin"
              }
            }
          },
          "then": {
            "properties": {
              "allow": {
                "not": {},
                "x-hint": "`allow` needs `policy: cross-origin`."
              },
              "max-age": {
                "not": {},
                "x-hint": "`max-age` needs `policy: cross-origin`."
              },
              "expose": {
                "not": {},
                "x-hint": "`expose` needs `policy: cross-origin`."
              }
            }
          }
        },
        "authorization": {
          "description": "Guard that decides who is let in, and where in a request the credentials are. Credentials that it does not accept count as none: routes without `guarded` stay open.",
          "type": "object",
          "x-keys-reference": "guard",
          "minProperties": 1,
          "maxProperties": 1,
          "additionalProperties": {
            "title": "HttpAuthorization",
            "type": "object",
            "description": "What the guard is shown.",
            "additionalProperties": false,
            "required": [
              "credentials"
            ],
            "properties": {
              "credentials": {
                "description": "Places looked at, in this order; the first that fits is taken.",
                "type": "object",
                "additionalProperties": false,
                "minProperties": 1,
                "properties": {
                  "headers": {
                    "description": "Header fields by name. `Basic {username}:{password}` stands for what RFC 7617 encodes.",
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {
                      "description": "What the field looks like.",
                      "type": "string",
                      "pattern": "\\{credentials\\}|\\{username\\}.+\\{password\\}",
                      "x-hint": "The text must hold {credentials}, or {username} and {password} with something between them."
                    },
                    "examples": [
                      {
                        "authorization": "Bearer {credentials}"
                      }
                    ]
                  },
                  "cookies": {
                    "description": "Cookies by name.",
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {
                      "$ref": "#/$defs/credentials"
                    },
                    "examples": [
                      {
                        "access_token": "{credentials}"
                      }
                    ]
                  },
                  "query": {
                    "description": "Parameters of the query by name.",
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {
                      "$ref": "#/$defs/credentials"
                    },
                    "examples": [
                      {
                        "access_token": "{credentials}"
                      }
                    ]
                  }
                }
              }
            }
          },
          "examples": [
            {
              "authn_jwt": {
                "credentials": {
                  "headers": {
                    "authorization": "Bearer {credentials}"
                  }
                }
              }
            }
          ]
        },
        "limits": {
          "title": "HttpLimits",
          "description": "Bounds on what one connection may take before it is a WebSocket.",
          "type": "object",
          "additionalProperties": false,
          "default": {},
          "properties": {
            "headerBytes": {
              "description": "Largest request line and header together; more is answered with 431.",
              "type": "integer",
              "minimum": 1024,
              "maximum": 1048576,
              "default": 16384
            },
            "headerCount": {
              "description": "Most header fields; more are answered with 431.",
              "type": "integer",
              "minimum": 8,
              "maximum": 10000,
              "default": 100
            },
            "headerSeconds": {
              "description": "How long a new connection may take to send the header of its first request, and a request to be authorized and answered.",
              "type": "integer",
              "minimum": 1,
              "maximum": 3600,
              "default": 10
            },
            "keepAliveSeconds": {
              "description": "How long the whole header of another request may take to come on a connection whose last one has been answered.",
              "type": "integer",
              "minimum": 1,
              "maximum": 3600,
              "default": 10
            },
            "requests": {
              "description": "Requests answered on one connection before it is closed.",
              "type": "integer",
              "minimum": 1,
              "default": 100
            }
          }
        },
        "overrides": {
          "not": {},
          "x-hint": "Header fields cannot be replaced in this version: remove `overrides`."
        },
        "requests": {
          "not": {},
          "x-hint": "The content of requests is not checked in this version, for only WebSockets go on to an exit: remove `requests`."
        }
      }
    },
    "routes": {
      "description": "Tried in order; the first whose `when` matches and that lets the client in takes the request.",
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
              "required": [
                "headers"
              ],
              "properties": {
                "headers": {
                  "description": "Header fields, and the pseudo fields `:scheme`, `:authority`, `:path` and `:method`; `*` stands for any run of characters. `:path` may hold `{name}` for one segment, and leaves the query out unless it ends in `*`.",
                  "type": "object",
                  "additionalProperties": {
                    "description": "Value of the field.",
                    "type": "string"
                  },
                  "examples": [
                    {
                      ":path": "/mqtt",
                      "upgrade": "websocket"
                    }
                  ]
                }
              }
            }
          },
          "with": {
            "not": {},
            "x-hint": "Header fields cannot be replaced in this version: remove `with`."
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
          "access-control": false,
          "authorization": false,
          "limits": false
        }
      }
    }
  },
  "$defs": {
    "fieldName": {
      "description": "Name of a header field.",
      "type": "string",
      "pattern": "^[!#$%&'*+.^_`|~0-9a-zA-Z-]+$",
      "x-hint": "A header field has a name such as x-request-id."
    },
    "credentials": {
      "description": "What the value looks like.",
      "type": "string",
      "pattern": "\\{credentials\\}",
      "x-hint": "The text must hold {credentials}."
    }
  }
}
