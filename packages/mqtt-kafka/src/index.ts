export { mqttKafka } from './binding.ts'
