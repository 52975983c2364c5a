import { kafkaConformance } from '@zilla-ts/testing/kafka-conformance'
import { Embedded } from './embedded.ts'

kafkaConformance('embedded log, flushed', () => Embedded.open())
kafkaConformance('embedded log, left to the operating system', () => Embedded.open({ sync: 'os' }))
