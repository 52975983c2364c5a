// Generated from password.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: password` entries hold.
 */
export interface PasswordConfig {
  /**
   * Where the users are.
   */
  options?: {
    /**
     * File with one `name:hash` or `name:hash:role,role` a line; a relative path starts at the folder of the document. Looked at every 5 seconds: a change counts at once, and who is connected is disconnected when the line is gone or another; one with a fault is reported and left alone.
     */
    file: string
  }
}

/** JSON Schema of a whole `type: password` entry. */
export const schema: JsonSchema = {
  "title": "password",
  "description": "Lets in who shows a user name and the password that goes with it. Users, hashes of their passwords and their roles are lines of a file; `zilla-ts password` writes them.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "options"
  ],
  "properties": {
    "type": {
      "const": "password"
    },
    "options": {
      "description": "Where the users are.",
      "type": "object",
      "additionalProperties": false,
      "required": [
        "file"
      ],
      "properties": {
        "file": {
          "description": "File with one `name:hash` or `name:hash:role,role` a line; a relative path starts at the folder of the document. Looked at every 5 seconds: a change counts at once, and who is connected is disconnected when the line is gone or another; one with a fault is reported and left alone.",
          "type": "string",
          "minLength": 1,
          "examples": [
            "passwords"
          ]
        }
      }
    }
  }
}
