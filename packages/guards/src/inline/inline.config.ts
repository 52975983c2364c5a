// Generated from inline.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: inline` entries hold.
 */
export interface InlineConfig {
  /**
   * What is shown to others, and what others must show.
   */
  options: {
    /**
     * User name that is shown; the identity of whoever is let in. One that is let in must not have shown another name.
     */
    identity?: string
    /**
     * Password or token that is shown, and that whoever wants to be let in must show. Absent: nothing is shown, and nobody is let in.
     */
    credentials?: string
    /**
     * How `{identity}` and `{credentials}` stand in what others show. Absent: all of it is the credentials, and the identity is the name that was shown with it.
     */
    format?: string
  }
}

/** JSON Schema of a whole `type: inline` entry. */
export const schema: JsonSchema = {
  "title": "inline",
  "description": "One name and one secret that stand in the document. Mostly to be shown to servers behind this one: brokers of `kafka` and `mqtt` clients. Where it guards who comes in, it lets in who shows the same secret, and without `credentials` nobody.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type"
  ],
  "properties": {
    "type": {
      "const": "inline"
    },
    "options": {
      "description": "What is shown to others, and what others must show.",
      "type": "object",
      "additionalProperties": false,
      "default": {},
      "properties": {
        "identity": {
          "description": "User name that is shown; the identity of whoever is let in. One that is let in must not have shown another name.",
          "type": "string",
          "minLength": 1,
          "maxLength": 65535,
          "examples": [
            "bridge"
          ]
        },
        "credentials": {
          "description": "Password or token that is shown, and that whoever wants to be let in must show. Absent: nothing is shown, and nobody is let in.",
          "x-secret": true,
          "type": "string",
          "minLength": 1,
          "maxLength": 65535,
          "x-hint": "Write text, in quotes when it looks like a number; better yet name a variable: ${{env.BRIDGE_PASSWORD}}.",
          "examples": [
            "${{env.BRIDGE_PASSWORD}}"
          ]
        },
        "format": {
          "description": "How `{identity}` and `{credentials}` stand in what others show. Absent: all of it is the credentials, and the identity is the name that was shown with it.",
          "type": "string",
          "minLength": 1,
          "examples": [
            "{identity}:{credentials}"
          ]
        }
      }
    }
  }
}
