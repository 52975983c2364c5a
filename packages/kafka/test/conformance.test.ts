import { kafkaConformance } from '@zilla-ts/testing/kafka-conformance'
import { describe } from 'vitest'
import { kafkaBootstrap } from '../../../scripts/test-environment.mjs'
import { Chain } from './chain.ts'

const bootstrap = (await kafkaBootstrap()) ?? ''
// A topic that grows is noticed with the next refresh, after 5 minutes by default.
const properties = { 'zilla.binding.kafka.client.metadata.max.age.ms': '500' }

describe.skipIf(bootstrap === '')('on a real broker', () => {
  kafkaConformance('client', () => Chain.open({ bootstrap, properties }))
  kafkaConformance('cache_client, cache_server, client', () => Chain.open({ bootstrap, properties, cached: true }))
})
