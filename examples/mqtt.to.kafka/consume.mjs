// node consume.mjs: prints the records of the topic `devices` as a member of the consumer group `billing`, until it is
// stopped. It knows nothing of MQTT. The broker is KAFKA_BOOTSTRAP_SERVER, localhost:9092 when absent.
import { Kafka, logLevel } from 'kafkajs'

const brokers = [process.env.KAFKA_BOOTSTRAP_SERVER ?? 'localhost:9092']
const consumer = new Kafka({ clientId: 'billing', brokers, logLevel: logLevel.ERROR }).consumer({ groupId: 'billing' })
await consumer.connect()
await consumer.subscribe({ topic: 'devices', fromBeginning: true })
await consumer.run({
  eachMessage: async ({ message: { key, value, headers } }) => {
    console.log(`device ${key}: ${headers?.kind} is ${value}, says ${headers?.client}`)
  },
})
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => consumer.disconnect())
