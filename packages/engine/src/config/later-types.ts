/**
 * Types that documents written for Zilla may have and this version has not, so that they are not called misspelt. Used
 * by entries.ts for types that no module claims; a type that gets a module is found there first.
 */

const LATER: Readonly<Record<string, readonly string[]>> = {
  binding: [
    ...['ws', 'http', 'proxy', 'fan', 'sse', 'grpc', 'amqp', 'filesystem', 'risingwave', 'pgsql', 'mcp'],
    ...['http-kafka', 'sse-kafka', 'grpc-kafka', 'kafka-grpc', 'http-filesystem', 'openapi', 'asyncapi'],
  ],
  vault: ['aws'],
  catalog: ['schema-registry', 'apicurio', 'apicurio-registry', 'karapace', 'karapace-schema-registry'],
}

export const isLater = (what: string, type: string): boolean => LATER[what]?.includes(type) === true
