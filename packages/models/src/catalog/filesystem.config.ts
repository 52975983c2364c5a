// Generated from filesystem.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: filesystem` entries hold.
 */
export interface FilesystemConfig {
  /**
   * Where the files are.
   */
  options?: {
    /**
     * Files by the name that models call the schema.
     */
    subjects: {
      [k: string]: {
        /**
         * File with the text of a JSON Schema; a relative path starts at the folder of the document.
         */
        path: string
      }
    }
  }
}

/** JSON Schema of a whole `type: filesystem` entry. */
export const schema: JsonSchema = {
  "title": "filesystem",
  "description": "Schemas in files, read once at start.",
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
      "description": "Where the files are.",
      "type": "object",
      "additionalProperties": false,
      "required": [
        "subjects"
      ],
      "properties": {
        "subjects": {
          "description": "Files by the name that models call the schema.",
          "type": "object",
          "additionalProperties": {
            "type": "object",
            "additionalProperties": false,
            "required": [
              "path"
            ],
            "properties": {
              "path": {
                "description": "File with the text of a JSON Schema; a relative path starts at the folder of the document.",
                "type": "string",
                "minLength": 1,
                "examples": [
                  "schemas/sensor.json"
                ]
              }
            }
          }
        }
      }
    }
  }
}
