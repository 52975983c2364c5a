/**
 * The modules that come with the product; the only list of them. A new binding is one folder in a package and one line
 * here.
 */
import { createRegistry, type Registry } from '@zilla-ts/engine'
import { inline as inlineGuard, jwt, password, x509 } from '@zilla-ts/guards'
import { kafka } from '@zilla-ts/kafka'
import { kafkaEmbedded } from '@zilla-ts/kafka-embedded'
import { filesystem, inline } from '@zilla-ts/models'
import { mqtt } from '@zilla-ts/mqtt'
import { mqttKafka } from '@zilla-ts/mqtt-kafka'
import { echo, filesystemVault, tcp, tls } from '@zilla-ts/net'

/** What every command works with. */
export const standard: Registry = createRegistry({
  bindings: [tcp, tls, echo, mqtt, mqttKafka, kafka, kafkaEmbedded],
  guards: [jwt, inlineGuard, x509, password],
  vaults: [filesystemVault],
  catalogs: [inline, filesystem],
})
