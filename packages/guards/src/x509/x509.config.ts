// Generated from x509.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: x509` entries hold.
 */
export interface X509Config {
  /**
   * What of a certificate says who its bearer is, and what it may do.
   */
  options: {
    /**
     * Field with the name of the bearer; the first value if there are several. Certificates without it are refused.
     */
    identity: string
    /**
     * Further fields, by the name they get; the first value of each. A certificate need not have them.
     */
    attributes: {
      [k: string]: string
    }
    /**
     * Roles, each with the certificates that have it: one item must fit, and of an item every field.
     */
    roles: {
      /**
       * @minItems 1
       */
      [k: string]: [
        {
          /**
           * What one of the field's values must be; `*` stands for any run of characters.
           */
          [k: string]: string
        },
        ...{
          /**
           * What one of the field's values must be; `*` stands for any run of characters.
           */
          [k: string]: string
        }[]
      ]
    }
  }
}

/** JSON Schema of a whole `type: x509` entry. */
export const schema: JsonSchema = {
  "title": "x509",
  "description": "Names the bearer of a certificate that TLS has verified (`authorization` of a `tls` server with `mutual`), and gives it roles by what stands in the certificate. Certificates are public: only `tls` may hand them to this guard.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type"
  ],
  "properties": {
    "type": {
      "const": "x509"
    },
    "store": {
      "description": "Taken from documents written for Zilla.",
      "x-reference": "store",
      "x-warning": "an x509 guard keeps nothing in a store: `store` has no effect",
      "$ref": "zilla:reference"
    },
    "options": {
      "description": "What of a certificate says who its bearer is, and what it may do.",
      "type": "object",
      "additionalProperties": false,
      "default": {},
      "properties": {
        "identity": {
          "description": "Field with the name of the bearer; the first value if there are several. Certificates without it are refused.",
          "default": "subject.dn",
          "$ref": "#/$defs/field"
        },
        "attributes": {
          "description": "Further fields, by the name they get; the first value of each. A certificate need not have them.",
          "type": "object",
          "additionalProperties": {
            "$ref": "#/$defs/field"
          },
          "default": {},
          "examples": [
            {
              "site": "subject.ou"
            }
          ]
        },
        "roles": {
          "description": "Roles, each with the certificates that have it: one item must fit, and of an item every field.",
          "type": "object",
          "default": {},
          "additionalProperties": {
            "type": "array",
            "minItems": 1,
            "items": {
              "type": "object",
              "minProperties": 1,
              "propertyNames": {
                "$ref": "#/$defs/field"
              },
              "additionalProperties": {
                "description": "What one of the field's values must be; `*` stands for any run of characters.",
                "type": "string",
                "minLength": 1
              }
            }
          },
          "examples": [
            {
              "mqtt:stream": [
                {
                  "subject.o": "Example",
                  "san.dns": "*.sensors.example.com"
                }
              ]
            }
          ]
        }
      }
    }
  },
  "$defs": {
    "field": {
      "type": "string",
      "pattern": "^((subject|issuer)\\.([A-Za-z]+|[0-2](\\.[0-9]+)+)|san\\.(dns|email|uri|ip)|x5t\\.s256)$",
      "x-hint": "Fields are subject.dn, issuer.dn, one attribute of the two such as subject.cn, san.dns, san.email, san.uri, san.ip and x5t.s256."
    }
  }
}
