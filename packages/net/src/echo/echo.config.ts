// Generated from echo.schema.json: do not edit; npm run generate
import type { JsonSchema } from '@zilla-ts/engine'

/**
 * What `type: echo` entries hold.
 */
export interface EchoConfig {}

/** JSON Schema of a whole `type: echo` entry. */
export const schema: JsonSchema = {
  "title": "echo",
  "description": "Sends back every byte it receives.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "type",
    "kind"
  ],
  "properties": {
    "type": {
      "const": "echo"
    },
    "kind": {
      "enum": [
        "server"
      ]
    }
  }
}
