// node produce.mjs LINE MACHINE JSON: writes one record to the topic `telemetry`, as any Kafka program would: it knows
// nothing of MQTT. The broker is KAFKA_BOOTSTRAP_SERVER, localhost:9092 when absent.
import { CompressionTypes, Kafka, logLevel } from 'kafkajs'

const [line, machine, value] = process.argv.slice(2)
if (value === undefined) {
  process.stderr.write('usage: node produce.mjs LINE MACHINE JSON\n')
  process.exit(1)
}
const brokers = [process.env.KAFKA_BOOTSTRAP_SERVER ?? 'localhost:9092']
const producer = new Kafka({ clientId: 'press-shop', brokers, logLevel: logLevel.ERROR }).producer()
await producer.connect()
await producer.send({
  topic: 'telemetry',
  compression: CompressionTypes.GZIP,
  messages: [{ key: machine, value, headers: { line } }],
})
await producer.disconnect()
