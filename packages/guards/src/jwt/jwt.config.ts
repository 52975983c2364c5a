// Generated from jwt.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: jwt` entries hold.
 */
export interface JwtConfig {
  /**
   * Whose tokens, for whom, and what they say about their bearer.
   */
  options?: {
    /**
     * The `iss` of every token, compared as text. Without `keys` its keys are read from `<issuer>/.well-known/jwks.json`.
     */
    issuer: string
    /**
     * Whom tokens must be made for: their `aud` must hold this, or one of these.
     */
    audience: string | [string, ...string[]]
    /**
     * Public keys of the issuer, as JSON Web Keys, or the address of a JSON Web Key Set. A set is read again in the background, and when a token names a key that is not in it; the last one is used while it cannot be read. Who is connected with a token of a key that is not in the set any more is disconnected.
     */
    keys?: string | [JwtKey, ...JwtKey[]]
    /**
     * Claim with the roles: a list, or a text with blanks between them. Dots lead into objects, unless a claim is called so with its dots.
     */
    roles: string
    /**
     * Claim with the name of the bearer, a text or a whole number. Tokens without it are refused.
     */
    identity: string
    /**
     * Further claims, texts, numbers or booleans, by the name they get. A token need not have them.
     */
    attributes: {
      [k: string]: string
    }
    /**
     * Seconds before a token ends at which to ask for another. MQTT has no packet with which a server could ask: MQTT 5 clients re-authenticate by themselves.
     */
    challenge?: number
    /**
     * How far the clocks of the issuer and of this process may be apart: tokens are taken so much before their `nbf` and `iat` and after their `exp`.
     */
    clockSkewSeconds: number
    /**
     * Refuse tokens that never end.
     */
    expiryRequired: boolean
    /**
     * Largest token that is looked at.
     */
    tokenBytes: number
    /**
     * How often a key set is read again.
     */
    refreshSeconds: number
    /**
     * How long a key set is used that cannot be read again.
     */
    staleSeconds: number
  }
}
export interface JwtKey {
  /**
   * Family of the key.
   */
  kty: 'RSA' | 'EC' | 'OKP'
  /**
   * Name that tokens call the key by.
   */
  kid: string
  /**
   * The algorithm that tokens must be signed with. Absent: what the curve allows; RS256 for RSA.
   */
  alg?: 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA' | 'Ed25519'
  /**
   * `sig`; keys for anything else verify nothing.
   */
  use?: string
  /**
   * RSA: the modulus, base64url or base64, 2048 bits or more.
   */
  n?: string
  /**
   * RSA: the exponent, base64url or base64.
   */
  e?: string
  /**
   * EC and OKP: the curve.
   */
  crv?: 'P-256' | 'P-384' | 'P-521' | 'Ed25519'
  /**
   * EC and OKP: the coordinate x, base64url or base64.
   */
  x?: string
  /**
   * EC: the coordinate y, base64url or base64.
   */
  y?: string
}

/** JSON Schema of a whole `type: jwt` entry. */
export const schema: JsonSchema = {
  "title": "jwt",
  "description": "Lets in who shows a signed JSON Web Token (RFC 7519, RFC 8725) of one issuer. Which algorithms are taken follows from the keys alone; tokens that are encrypted, unsigned or signed with a shared secret are refused.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "options"
  ],
  "properties": {
    "type": {
      "const": "jwt"
    },
    "store": {
      "description": "Taken from documents written for Zilla.",
      "x-reference": "store",
      "x-warning": "a jwt guard keeps nothing in a store: `store` has no effect",
      "$ref": "zilla:reference"
    },
    "options": {
      "description": "Whose tokens, for whom, and what they say about their bearer.",
      "type": "object",
      "additionalProperties": false,
      "required": [
        "issuer",
        "audience"
      ],
      "x-hint": "Tokens are taken of one issuer, and only when they were made for this service: name both.",
      "properties": {
        "issuer": {
          "description": "The `iss` of every token, compared as text. Without `keys` its keys are read from `<issuer>/.well-known/jwks.json`.",
          "type": "string",
          "minLength": 1,
          "examples": [
            "https://auth.example.com"
          ]
        },
        "audience": {
          "description": "Whom tokens must be made for: their `aud` must hold this, or one of these.",
          "anyOf": [
            {
              "type": "string",
              "minLength": 1
            },
            {
              "type": "array",
              "minItems": 1,
              "items": {
                "type": "string",
                "minLength": 1
              }
            }
          ],
          "examples": [
            "https://api.example.com"
          ]
        },
        "keys": {
          "description": "Public keys of the issuer, as JSON Web Keys, or the address of a JSON Web Key Set. A set is read again in the background, and when a token names a key that is not in it; the last one is used while it cannot be read. Who is connected with a token of a key that is not in the set any more is disconnected.",
          "x-hint": "List the public keys of the issuer, or name the address of its key set: https://auth.example.com/keys.",
          "anyOf": [
            {
              "type": "string",
              "pattern": "^https?://"
            },
            {
              "type": "array",
              "minItems": 1,
              "items": {
                "title": "JwtKey",
                "type": "object",
                "required": [
                  "kty",
                  "kid"
                ],
                "properties": {
                  "kty": {
                    "description": "Family of the key.",
                    "enum": [
                      "RSA",
                      "EC",
                      "OKP"
                    ],
                    "x-hint": "Shared secrets (oct) are not taken: whoever could check a token could make one."
                  },
                  "kid": {
                    "description": "Name that tokens call the key by.",
                    "type": "string",
                    "minLength": 1,
                    "x-hint": "A number must be in quotes."
                  },
                  "alg": {
                    "description": "The algorithm that tokens must be signed with. Absent: what the curve allows; RS256 for RSA.",
                    "enum": [
                      "RS256",
                      "RS384",
                      "RS512",
                      "PS256",
                      "PS384",
                      "PS512",
                      "ES256",
                      "ES384",
                      "ES512",
                      "EdDSA",
                      "Ed25519"
                    ]
                  },
                  "use": {
                    "description": "`sig`; keys for anything else verify nothing.",
                    "type": "string"
                  },
                  "n": {
                    "description": "RSA: the modulus, base64url or base64, 2048 bits or more.",
                    "type": "string"
                  },
                  "e": {
                    "description": "RSA: the exponent, base64url or base64.",
                    "type": "string"
                  },
                  "crv": {
                    "description": "EC and OKP: the curve.",
                    "enum": [
                      "P-256",
                      "P-384",
                      "P-521",
                      "Ed25519"
                    ]
                  },
                  "x": {
                    "description": "EC and OKP: the coordinate x, base64url or base64.",
                    "type": "string"
                  },
                  "y": {
                    "description": "EC: the coordinate y, base64url or base64.",
                    "type": "string"
                  },
                  "d": {
                    "$ref": "#/$defs/private"
                  },
                  "p": {
                    "$ref": "#/$defs/private"
                  },
                  "q": {
                    "$ref": "#/$defs/private"
                  },
                  "dp": {
                    "$ref": "#/$defs/private"
                  },
                  "dq": {
                    "$ref": "#/$defs/private"
                  },
                  "qi": {
                    "$ref": "#/$defs/private"
                  },
                  "oth": {
                    "$ref": "#/$defs/private"
                  },
                  "k": {
                    "$ref": "#/$defs/private"
                  }
                }
              }
            }
          ]
        },
        "roles": {
          "description": "Claim with the roles: a list, or a text with blanks between them. Dots lead into objects, unless a claim is called so with its dots.",
          "type": "string",
          "minLength": 1,
          "default": "scope",
          "examples": [
            "realm_access.roles"
          ]
        },
        "identity": {
          "description": "Claim with the name of the bearer, a text or a whole number. Tokens without it are refused.",
          "type": "string",
          "minLength": 1,
          "default": "sub"
        },
        "attributes": {
          "description": "Further claims, texts, numbers or booleans, by the name they get. A token need not have them.",
          "type": "object",
          "additionalProperties": {
            "type": "string",
            "minLength": 1
          },
          "default": {},
          "examples": [
            {
              "site": "custom.site"
            }
          ]
        },
        "challenge": {
          "description": "Seconds before a token ends at which to ask for another. MQTT has no packet with which a server could ask: MQTT 5 clients re-authenticate by themselves.",
          "type": "integer",
          "minimum": 0,
          "x-warning": "MQTT servers cannot ask for another token: `challenge` has no effect"
        },
        "clockSkewSeconds": {
          "description": "How far the clocks of the issuer and of this process may be apart: tokens are taken so much before their `nbf` and `iat` and after their `exp`.",
          "type": "integer",
          "minimum": 0,
          "maximum": 600,
          "default": 60
        },
        "expiryRequired": {
          "description": "Refuse tokens that never end.",
          "type": "boolean",
          "default": true
        },
        "tokenBytes": {
          "description": "Largest token that is looked at.",
          "type": "integer",
          "minimum": 256,
          "maximum": 65535,
          "default": 8192
        },
        "refreshSeconds": {
          "description": "How often a key set is read again.",
          "type": "integer",
          "minimum": 30,
          "maximum": 86400,
          "default": 600
        },
        "staleSeconds": {
          "description": "How long a key set is used that cannot be read again.",
          "type": "integer",
          "minimum": 60,
          "maximum": 2592000,
          "default": 86400
        }
      }
    }
  },
  "$defs": {
    "private": {
      "not": {},
      "x-hint": "This belongs to a private key: whoever reads the document could make tokens. Write the public key only."
    }
  }
}
