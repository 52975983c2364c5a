// Generated from inline.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: inline` entries hold.
 */
export interface InlineConfig {
  /**
   * The schemas.
   */
  options?: {
    /**
     * Schemas by the name that models call them.
     */
    subjects: {
      [k: string]: {
        /**
         * Text of a JSON Schema (draft-06, draft-07, 2019-09, or 2020-12, which is meant when there is no `$schema`). `format` is a note, as 2020-12 has it, and not checked.
         */
        schema: string
        /**
         * The version that this schema is.
         */
        version: string
      }
    }
  }
}

/** JSON Schema of a whole `type: inline` entry. */
export const schema: JsonSchema = {
  "title": "inline",
  "description": "Schemas that stand in the document itself.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "options"
  ],
  "properties": {
    "type": {
      "const": "inline"
    },
    "options": {
      "description": "The schemas.",
      "type": "object",
      "additionalProperties": false,
      "required": [
        "subjects"
      ],
      "properties": {
        "subjects": {
          "description": "Schemas by the name that models call them.",
          "type": "object",
          "additionalProperties": {
            "type": "object",
            "additionalProperties": false,
            "required": [
              "schema"
            ],
            "properties": {
              "schema": {
                "description": "Text of a JSON Schema (draft-06, draft-07, 2019-09, or 2020-12, which is meant when there is no `$schema`). `format` is a note, as 2020-12 has it, and not checked.",
                "type": "string",
                "minLength": 1,
                "examples": [
                  "{\"type\":\"object\",\"required\":[\"id\"]}"
                ]
              },
              "version": {
                "description": "The version that this schema is.",
                "type": "string",
                "minLength": 1,
                "default": "latest"
              }
            }
          }
        }
      }
    }
  }
}
