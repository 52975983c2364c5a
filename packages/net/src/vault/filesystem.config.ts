// Generated from filesystem.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: filesystem` entries hold.
 */
export interface FilesystemConfig {
  /**
   * Which files hold what.
   */
  options?: {
    /**
     * Private keys with their certificates.
     */
    keys?: {
      /**
       * The file; a relative path starts at the folder of the document. `pem` takes a list as well, so that key and certificates may lie apart.
       */
      store: string | [string, ...string[]]
      /**
       * What is in the file. Entries of `pkcs12` are called by their friendly names, those without one by their number. Entries of `pem` are called by the comment above them (`# name`, or `friendlyName: name`), those without one by the name of the file without its extension; later ones get `-2`, `-3`, … appended.
       */
      type: 'pkcs12' | 'pem'
      /**
       * What the file, or an encrypted key in it, is protected by. Take it from the environment.
       */
      password?: string
      /**
       * Entries that are used; all when absent. Upper and lower case make no difference.
       *
       * @minItems 1
       *
       * Items: Name of an entry.
       */
      entries?: [string, ...string[]]
    }
    /**
     * Certificates of those who are trusted: certificate authorities, mostly.
     */
    trust?: {
      /**
       * The file; a relative path starts at the folder of the document. `pem` takes a list as well, so that key and certificates may lie apart.
       */
      store: string | [string, ...string[]]
      /**
       * What is in the file. Entries of `pkcs12` are called by their friendly names, those without one by their number. Entries of `pem` are called by the comment above them (`# name`, or `friendlyName: name`), those without one by the name of the file without its extension; later ones get `-2`, `-3`, … appended.
       */
      type: 'pkcs12' | 'pem'
      /**
       * What the file, or an encrypted key in it, is protected by. Take it from the environment.
       */
      password?: string
      /**
       * Entries that are used; all when absent. Upper and lower case make no difference.
       *
       * @minItems 1
       *
       * Items: Name of an entry.
       */
      entries?: [string, ...string[]]
    }
    /**
     * Certificates of issuers, by which `signers` of a tls binding chooses among the keys.
     */
    signers?: {
      /**
       * The file; a relative path starts at the folder of the document. `pem` takes a list as well, so that key and certificates may lie apart.
       */
      store: string | [string, ...string[]]
      /**
       * What is in the file. Entries of `pkcs12` are called by their friendly names, those without one by their number. Entries of `pem` are called by the comment above them (`# name`, or `friendlyName: name`), those without one by the name of the file without its extension; later ones get `-2`, `-3`, … appended.
       */
      type: 'pkcs12' | 'pem'
      /**
       * What the file, or an encrypted key in it, is protected by. Take it from the environment.
       */
      password?: string
      /**
       * Entries that are used; all when absent. Upper and lower case make no difference.
       *
       * @minItems 1
       *
       * Items: Name of an entry.
       */
      entries?: [string, ...string[]]
    }
    /**
     * How certificates of peers are looked up for having been revoked. `crl`: in the lists of `crl`; every authority of a chain must have one there that is still valid, or the peer is refused.
     */
    revocation: 'none' | 'crl'
    /**
     * Revocation lists, for `revocation: crl`.
     */
    crl?: {
      /**
       * File, or files, with lists in PEM or DER; a relative path starts at the folder of the document.
       */
      store: string | [string, ...string[]]
    }
  }
}

/** JSON Schema of a whole `type: filesystem` entry. */
export const schema: JsonSchema = {
  "title": "filesystem",
  "description": "Keys and certificates in files, read at start and again when they change.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "options"
  ],
  "properties": {
    "type": {
      "const": "filesystem"
    },
    "options": {
      "description": "Which files hold what.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "keys": {
          "description": "Private keys with their certificates.",
          "$ref": "#/$defs/store"
        },
        "trust": {
          "description": "Certificates of those who are trusted: certificate authorities, mostly.",
          "$ref": "#/$defs/store"
        },
        "signers": {
          "description": "Certificates of issuers, by which `signers` of a tls binding chooses among the keys.",
          "$ref": "#/$defs/store"
        },
        "revocation": {
          "description": "How certificates of peers are looked up for having been revoked. `crl`: in the lists of `crl`; every authority of a chain must have one there that is still valid, or the peer is refused.",
          "enum": [
            "none",
            "crl"
          ],
          "default": "none",
          "x-hint": "Lists are read from files, never fetched: name them in `crl`."
        },
        "crl": {
          "description": "Revocation lists, for `revocation: crl`.",
          "type": "object",
          "additionalProperties": false,
          "required": [
            "store"
          ],
          "properties": {
            "store": {
              "description": "File, or files, with lists in PEM or DER; a relative path starts at the folder of the document.",
              "$ref": "#/$defs/files"
            }
          }
        },
        "secrets": {
          "not": {},
          "x-hint": "A vault holds keys and certificates only: remove `secrets`."
        }
      }
    }
  },
  "$defs": {
    "files": {
      "description": "A file or a list of them.",
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
        "tls/localhost.p12",
        [
          "tls/fullchain.pem",
          "tls/privkey.pem"
        ]
      ]
    },
    "store": {
      "type": "object",
      "additionalProperties": false,
      "required": [
        "store"
      ],
      "properties": {
        "store": {
          "description": "The file; a relative path starts at the folder of the document. `pem` takes a list as well, so that key and certificates may lie apart.",
          "$ref": "#/$defs/files"
        },
        "type": {
          "description": "What is in the file. Entries of `pkcs12` are called by their friendly names, those without one by their number. Entries of `pem` are called by the comment above them (`# name`, or `friendlyName: name`), those without one by the name of the file without its extension; later ones get `-2`, `-3`, … appended.",
          "enum": [
            "pkcs12",
            "pem"
          ],
          "default": "pkcs12",
          "x-hint": "Other stores can be converted: keytool -importkeystore -deststoretype pkcs12."
        },
        "password": {
          "description": "What the file, or an encrypted key in it, is protected by. Take it from the environment.",
          "x-secret": true,
          "type": "string",
          "examples": [
            "${{env.KEYS_PASSWORD}}"
          ]
        },
        "entries": {
          "description": "Entries that are used; all when absent. Upper and lower case make no difference.",
          "type": "array",
          "minItems": 1,
          "uniqueItems": true,
          "items": {
            "description": "Name of an entry.",
            "type": "string",
            "minLength": 1
          }
        }
      }
    }
  }
}
