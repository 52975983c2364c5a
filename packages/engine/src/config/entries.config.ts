// Generated from the schemas of the standard types: do not edit; npm run generate

/**
 * TCP sockets: `server` listens and opens a byte stream to its exit for each connection; `client` dials for its neighbour.
 */
export interface TcpServerBinding {
  type: 'tcp'
  kind: 'server'
  /**
   * Where to listen, or whom to dial.
   */
  options: {
    /**
     * Server: address or name to listen on. Client: host to dial; `*` means whatever the neighbour asks for.
     */
    host: string
    /**
     * A port, a range such as `7183-7190`, or a list of them.
     */
    port: number | string | (number | string)[]
  }
  /**
   * Tried in order; the first whose `when` matches takes the connection.
   */
  routes?: {
    /**
     * Any item is enough; inside an item everything must hold.
     */
    when?: {
      /**
       * Host name or address, `*` stands for any run of characters. Server: the local address of the connection.
       */
      authority?: string
      /**
       * Block that the address lies in. Server: the local address; client: the address dialled.
       */
      cidr?: string
      /**
       * A port, a range such as `7183-7190`, or a list of them.
       */
      port?: number | string | (number | string)[]
    }[]
    /**
     * Guards that must all have accepted the client, each with the roles asked for (none: any session).
     */
    guarded?: {
      /**
       * Roles that are all required.
       *
       * Items: A role.
       */
      [k: string]: string[]
    }
    /**
     * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
     */
    exit?: string
  }[]
  /**
   * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
   */
  exit?: string
  /**
   * Metrics and labels of this binding. Accepted for compatibility; nothing reads it yet.
   */
  telemetry?: {
    /**
     * Patterns of metric names.
     */
    metrics?: string[]
    /**
     * Labels.
     */
    attributes?: {
      [k: string]: string
    }
  }
}
/**
 * TCP sockets: `server` listens and opens a byte stream to its exit for each connection; `client` dials for its neighbour.
 */
export interface TcpClientBinding {
  type: 'tcp'
  kind: 'client'
  /**
   * Where to listen, or whom to dial.
   */
  options?: {
    /**
     * Server: address or name to listen on. Client: host to dial; `*` means whatever the neighbour asks for.
     */
    host?: string
    /**
     * A port, a range such as `7183-7190`, or a list of them.
     */
    port?: number | string | (number | string)[]
  }
  /**
   * Tried in order; the first whose `when` matches takes the connection.
   */
  routes?: {
    /**
     * Any item is enough; inside an item everything must hold.
     */
    when?: {
      /**
       * Host name or address, `*` stands for any run of characters. Server: the local address of the connection.
       */
      authority?: string
      /**
       * Block that the address lies in. Server: the local address; client: the address dialled.
       */
      cidr?: string
      /**
       * A port, a range such as `7183-7190`, or a list of them.
       */
      port?: number | string | (number | string)[]
    }[]
    /**
     * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
     */
    exit?: string
  }[]
  /**
   * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
   */
  exit?: string
  /**
   * Metrics and labels of this binding. Accepted for compatibility; nothing reads it yet.
   */
  telemetry?: {
    /**
     * Patterns of metric names.
     */
    metrics?: string[]
    /**
     * Labels.
     */
    attributes?: {
      [k: string]: string
    }
  }
}
/**
 * Sends back every byte it receives.
 */
export interface EchoServerBinding {
  type: 'echo'
  kind: 'server'
  /**
   * Metrics and labels of this binding. Accepted for compatibility; nothing reads it yet.
   */
  telemetry?: {
    /**
     * Patterns of metric names.
     */
    metrics?: string[]
    /**
     * Labels.
     */
    attributes?: {
      [k: string]: string
    }
  }
}
/**
 * MQTT 3.1.1 and 5.0: `server` speaks with clients on byte streams and hands their sessions, publishes and subscriptions to its exit; `client` carries them on to another MQTT server, one connection for each session.
 */
export interface MqttServerBinding {
  type: 'mqtt'
  kind: 'server'
  /**
   * Who may connect, and how much one connection may take.
   */
  options?: {
    /**
     * Store that holds session ownership; optional, since ownership is kept on the sessions topic.
     */
    store?: string
    /**
     * Protocol versions that are served; others are answered with a refusal they understand.
     *
     * @minItems 1
     */
    versions?: ('v3.1.1' | 'v5')[]
    /**
     * Sends every client to another server: MQTT 5 clients are told which, 3.1.1 clients that this one is unavailable.
     */
    redirect?: {
      /**
       * Server Reference told to the client: host and port, several separated by blanks.
       */
      server: string
      /**
       * The client should not come back (Server moved) instead of only this time (Use another server).
       */
      permanent?: boolean
    }
    /**
     * Response Information told to MQTT 5 clients that ask for it: usually the topic below which they may expect responses.
     */
    responseInformation?: string
    /**
     * What publishes must be like. The first entry whose name matches the topic is used; topics that none matches are not checked. Deliveries to clients are not checked.
     */
    topics?: {
      /**
       * Topic filter of MQTT: `+` is any level, `#` the rest; the whole topic must match.
       */
      name: string
      /**
       * Model of the payload. Publishes and wills that do not fit are refused with Payload format invalid. An empty retained publish, which clears what is retained, is not checked.
       */
      content?:
        | ('string' | 'int32' | 'int64' | 'float' | 'double' | 'boolean' | 'bytes')
        | {
            /**
             * What the bytes are.
             */
            model?: 'string' | 'int32' | 'int64' | 'float' | 'double' | 'boolean' | 'bytes' | 'json'
            /**
             * @deprecated
             * Write `model`.
             */
            type?: 'string' | 'int32' | 'int64' | 'float' | 'double' | 'boolean' | 'bytes' | 'json'
            /**
             * What is done with content that does not fit: `strict`, which is meant when absent, refuses it, `lenient` counts it, logs it and lets it pass. `decode` is for what comes from a client, `encode` for what goes to one.
             */
            validate?:
              | ('strict' | 'lenient')
              | {
                  /**
                   * For content that comes from a client.
                   */
                  decode?: 'strict' | 'lenient'
                  /**
                   * For content that goes to a client.
                   */
                  encode?: 'strict' | 'lenient'
                }
            /**
             * How a string is encoded. UTF-16 is big-endian unless it begins with a byte order mark.
             */
            encoding?: 'utf_8' | 'utf_16'
            /**
             * Characters (code points) that a string must have.
             */
            minLength?: number
            /**
             * Characters (code points) that a string may have.
             */
            maxLength?: number
            /**
             * Regular expression that must match the whole string. Strings of more than 4,096 characters are refused where there is one, so that matching ends in time; a repetition inside a repetition can still take long.
             */
            pattern?: string
            /**
             * How a number is written: decimal text, or big-endian bytes (4 for int32 and float, 8 for int64 and double).
             */
            format?: 'text' | 'binary'
            /**
             * Least and greatest number, `[` and `]` with the limit itself, `(` and `)` without; either may be left out.
             */
            range?: string
            /**
             * The number must be a multiple of this.
             */
            multiple?: number
            /**
             * Catalog that holds the JSON Schema of the text, and the subject to look for there.
             */
            catalog?: {
              /**
               * The schema; one item.
               *
               * @minItems 1
               * @maxItems 1
               */
              [k: string]: {
                /**
                 * Name of the schema in the catalog.
                 */
                subject?: string
                /**
                 * @deprecated
                 * Write `subject`.
                 */
                schema?: string
                /**
                 * Version of the schema; `latest` when absent.
                 */
                version?: string
              }[]
            }
          }
      /**
       * Models of MQTT 5 user properties, by name. A property need not be there; each time it is, it must fit.
       */
      'user-properties'?: {
        /**
         * A model by its name, or an object with the name as `model`.
         */
        [k: string]:
          | 'string'
          | 'int32'
          | 'int64'
          | 'float'
          | 'double'
          | 'boolean'
          | 'bytes'
          | {
              /**
               * What the bytes are.
               */
              model?: 'string' | 'int32' | 'int64' | 'float' | 'double' | 'boolean' | 'bytes' | 'json'
              /**
               * @deprecated
               * Write `model`.
               */
              type?: 'string' | 'int32' | 'int64' | 'float' | 'double' | 'boolean' | 'bytes' | 'json'
              /**
               * What is done with content that does not fit: `strict`, which is meant when absent, refuses it, `lenient` counts it, logs it and lets it pass. `decode` is for what comes from a client, `encode` for what goes to one.
               */
              validate?:
                | ('strict' | 'lenient')
                | {
                    /**
                     * For content that comes from a client.
                     */
                    decode?: 'strict' | 'lenient'
                    /**
                     * For content that goes to a client.
                     */
                    encode?: 'strict' | 'lenient'
                  }
              /**
               * How a string is encoded. UTF-16 is big-endian unless it begins with a byte order mark.
               */
              encoding?: 'utf_8' | 'utf_16'
              /**
               * Characters (code points) that a string must have.
               */
              minLength?: number
              /**
               * Characters (code points) that a string may have.
               */
              maxLength?: number
              /**
               * Regular expression that must match the whole string. Strings of more than 4,096 characters are refused where there is one, so that matching ends in time; a repetition inside a repetition can still take long.
               */
              pattern?: string
              /**
               * How a number is written: decimal text, or big-endian bytes (4 for int32 and float, 8 for int64 and double).
               */
              format?: 'text' | 'binary'
              /**
               * Least and greatest number, `[` and `]` with the limit itself, `(` and `)` without; either may be left out.
               */
              range?: string
              /**
               * The number must be a multiple of this.
               */
              multiple?: number
              /**
               * Catalog that holds the JSON Schema of the text, and the subject to look for there.
               */
              catalog?: {
                /**
                 * The schema; one item.
                 *
                 * @minItems 1
                 * @maxItems 1
                 */
                [k: string]: {
                  /**
                   * Name of the schema in the catalog.
                   */
                  subject?: string
                  /**
                   * @deprecated
                   * Write `subject`.
                   */
                  schema?: string
                  /**
                   * Version of the schema; `latest` when absent.
                   */
                  version?: string
                }[]
              }
            }
      }
    }[]
    /**
     * Bounds on what one connection may take of memory and time.
     */
    limits?: {
      /**
       * How long a new connection may take to send CONNECT; on a client: until the server has answered it.
       */
      connectSeconds?: number
      /**
       * Largest CONNECT packet, its will included.
       */
      connectBytes?: number
      /**
       * How long the exit may take to answer a CONNECT, SUBSCRIBE or UNSUBSCRIBE before the client is told that the server is unavailable; on a client: the server, which has as long for a PINGREQ.
       */
      answerSeconds?: number
      /**
       * Longest keep-alive; MQTT 5 clients that ask for more, or for none, are told this one. No limit when absent.
       */
      keepAliveSeconds?: number
      /**
       * Shortest keep-alive; MQTT 5 clients that ask for less are told this one. No keep-alive at all is not less. No limit when absent.
       */
      keepAliveSecondsMin?: number
      /**
       * How long a peer may leave what is sent to it unread before it is disconnected.
       */
      stalledSeconds?: number
      /**
       * Largest packet taken from a peer; what the exit can store may be less.
       */
      packetBytes?: number
      /**
       * Publishes of QoS 1 and 2 of one client that may be unanswered; the Receive Maximum told to MQTT 5 clients.
       */
      receiveMaximum?: number
      /**
       * Topic aliases a client may use; 0 forbids them.
       */
      topicAliasMaximum?: number
      /**
       * Topic aliases for what is sent to one MQTT 5 client, as far as it takes them; 0 sends without.
       */
      topicAliasOut?: number
      /**
       * Subscriptions of one client; more are refused with Quota exceeded.
       */
      subscriptions?: number
      /**
       * Levels of a topic name or filter.
       */
      topicLevels?: number
      /**
       * Deliveries of QoS 1 and 2 to one client that may wait for its acknowledgement; its own Receive Maximum may be less.
       */
      inFlight?: number
      /**
       * Messages that may wait for one client, because it reads slowly or acknowledges late; on a client: that may wait for the server, and for the client, each.
       */
      queueBytes?: number
    }
  }
  /**
   * Tried in order, for each session, published topic and subscribed filter; the first that matches takes it.
   */
  routes?: {
    /**
     * Any item is enough; inside an item everything must hold. An item without `publish` admits no publish, one without `subscribe` no subscription.
     */
    when?: {
      /**
       * Clients the item is for; absent: all.
       *
       * @minItems 1
       */
      session?: {
        /**
         * Client identifier, `*` stands for any run of characters.
         */
        'client-id': string
      }[]
      /**
       * Topics that may be published to.
       *
       * @minItems 1
       */
      publish?: {
        /**
         * Topic pattern: `+` is any level, `{name}` any level that is not empty, `#` the rest.
         */
        topic: string
      }[]
      /**
       * Filters that may be subscribed to: all topics a client's filter matches must be matched by one of these.
       *
       * @minItems 1
       */
      subscribe?: {
        /**
         * Topic pattern: `+` is any level, `{name}` any level that is not empty, `#` the rest.
         */
        topic: string
      }[]
    }[]
    /**
     * Guards that must all have accepted the client, each with the roles asked for (none: any session).
     */
    guarded?: {
      /**
       * Roles that are all required.
       *
       * Items: A role.
       */
      [k: string]: string[]
    }
    /**
     * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
     */
    exit?: string
  }[]
  /**
   * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
   */
  exit?: string
  /**
   * Metrics and labels of this binding. Accepted for compatibility; nothing reads it yet.
   */
  telemetry?: {
    /**
     * Patterns of metric names.
     */
    metrics?: string[]
    /**
     * Labels.
     */
    attributes?: {
      [k: string]: string
    }
  }
}
/**
 * MQTT 3.1.1 and 5.0: `server` speaks with clients on byte streams and hands their sessions, publishes and subscriptions to its exit; `client` carries them on to another MQTT server, one connection for each session.
 */
export interface MqttClientBinding {
  type: 'mqtt'
  kind: 'client'
  /**
   * Who may connect, and how much one connection may take.
   */
  options?: {
    /**
     * MQTT server that a client connects to; absent: the exit knows the address. The ports are 1883 and 8883 when none is named. Whether the connection is encrypted is decided by the exit.
     */
    server?: string
    /**
     * Bounds on what one connection may take of memory and time.
     */
    limits?: {
      /**
       * How long a new connection may take to send CONNECT; on a client: until the server has answered it.
       */
      connectSeconds?: number
      /**
       * How long the exit may take to answer a CONNECT, SUBSCRIBE or UNSUBSCRIBE before the client is told that the server is unavailable; on a client: the server, which has as long for a PINGREQ.
       */
      answerSeconds?: number
      /**
       * How long a peer may leave what is sent to it unread before it is disconnected.
       */
      stalledSeconds?: number
      /**
       * Largest packet taken from a peer; what the exit can store may be less.
       */
      packetBytes?: number
      /**
       * Levels of a topic name or filter.
       */
      topicLevels?: number
      /**
       * Deliveries of QoS 1 and 2 to one client that may wait for its acknowledgement; its own Receive Maximum may be less.
       */
      inFlight?: number
      /**
       * Messages that may wait for one client, because it reads slowly or acknowledges late; on a client: that may wait for the server, and for the client, each.
       */
      queueBytes?: number
      /**
       * How long the server of a client may leave what is published unacknowledged, without acknowledging anything else, before the session is ended.
       */
      publishSeconds?: number
    }
  }
  /**
   * Tried in order, for each session, published topic and subscribed filter; the first that matches takes it.
   */
  routes?: {
    /**
     * Guards that must all have accepted the client, each with the roles asked for (none: any session).
     */
    guarded?: {
      /**
       * Roles that are all required.
       *
       * Items: A role.
       */
      [k: string]: string[]
    }
    /**
     * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
     */
    exit?: string
  }[]
  /**
   * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
   */
  exit?: string
  /**
   * Metrics and labels of this binding. Accepted for compatibility; nothing reads it yet.
   */
  telemetry?: {
    /**
     * Patterns of metric names.
     */
    metrics?: string[]
    /**
     * Labels.
     */
    attributes?: {
      [k: string]: string
    }
  }
}
/**
 * Maps MQTT onto three Kafka topics: publishes become records, records become deliveries, connections leave records that people can read.
 */
export interface MqttKafkaProxyBinding {
  type: 'mqtt-kafka'
  kind: 'proxy'
  /**
   * The Kafka topics, and bounds on what one client may take.
   */
  options: {
    /**
     * The Kafka topics that hold sessions, messages and retained messages; three different ones.
     */
    topics: {
      /**
       * Compacted topic (`cleanup.policy=compact`) with a record per connection; not to be shared with other software.
       */
      sessions: string
      /**
       * Topic for messages, keyed by MQTT topic; routes may name others.
       */
      messages: string
      /**
       * Topic with a copy of every retained message, keyed by MQTT topic; should be compacted.
       */
      retained: string
    }
    /**
     * Make topics that are missing, with the configuration this binding wants; without it a missing topic is an error.
     */
    create?: {
      /**
       * Partitions of a topic that is made; the broker's default when absent.
       */
      partitions?: number
      /**
       * Replicas of a topic that is made; the broker's default when absent.
       */
      replicas?: number
    }
    /**
     * Topic patterns with one `{identity}`; messages whose topic matches go to the partition of that identity instead of the topic's own. The first that matches counts.
     */
    clients?: string[]
    /**
     * What clients may publish.
     */
    publish?: {
      /**
       * Highest QoS of a PUBLISH.
       */
      qosMax: 'at_most_once' | 'at_least_once' | 'exactly_once'
    }
    /**
     * Records of other Kafka programs, which have no `zilla:` headers.
     */
    foreign?: {
      /**
       * QoS they count as published with.
       */
      qos?: 'at_most_once' | 'at_least_once'
    }
    /**
     * Bounds on memory and time.
     */
    limits?: {
      /**
       * QoS 1 and 2 messages that may wait in memory for one client, in bytes; what comes beyond that is read from Kafka again when it has room.
       */
      queueBytes?: number
      /**
       * QoS 1 and 2 messages that may be unacknowledged by one client, whatever its Receive Maximum allows.
       */
      inFlight?: number
      /**
       * Topic filters one client may have.
       */
      filters?: number
      /**
       * Kafka topics named by `${params.x}` that may be written, and read, at the same time.
       */
      paramTopics?: number
      /**
       * How long start-up waits for the first answer about the topics before it goes on without; until they are there clients are told that the server is unavailable.
       */
      startSeconds?: number
      /**
       * How long a SUBSCRIBE may wait for Kafka before the client is disconnected (server unavailable).
       */
      subscribeSeconds?: number
    }
    /**
     * @deprecated
     * `server` is not needed any more and has no effect: instances find each other through Kafka.
     */
    server?: string
  }
  /**
   * A publish takes the first route whose `when` matches; a subscription takes every one that can meet its filter.
   */
  routes?: {
    /**
     * Any item is enough; a route whose items have no `publish` takes no publishes, likewise `subscribe`.
     */
    when?: {
      /**
       * Topics that clients publish to.
       *
       * @minItems 1
       */
      publish?: {
        /**
         * Topic pattern: `+` is one level, `#` the rest, `{name}` any run of characters.
         */
        topic: string
      }[]
      /**
       * Topics that clients receive.
       *
       * @minItems 1
       */
      subscribe?: {
        /**
         * Topic pattern: `+` is one level, `#` the rest, `{name}` any run of characters.
         */
        topic: string
      }[]
    }[]
    /**
     * What is done with messages of this route.
     */
    with?: {
      /**
       * Kafka topic instead of `options.topics.messages`; `${params.x}` is what `{x}` of the pattern matched.
       */
      messages?: string
      /**
       * Whether records carry `zilla:expiry`; `false` for topics that Zilla 2.x reads as well, which takes the seconds for milliseconds.
       */
      expiry?: boolean
    }
    /**
     * Guards that must all have accepted the client, each with the roles asked for (none: any session).
     */
    guarded?: {
      /**
       * Roles that are all required.
       *
       * Items: A role.
       */
      [k: string]: string[]
    }
    /**
     * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
     */
    exit?: string
  }[]
  /**
   * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
   */
  exit?: string
  /**
   * Metrics and labels of this binding. Accepted for compatibility; nothing reads it yet.
   */
  telemetry?: {
    /**
     * Patterns of metric names.
     */
    metrics?: string[]
    /**
     * Labels.
     */
    attributes?: {
      [k: string]: string
    }
  }
}
/**
 * Apache Kafka: `client` speaks to brokers, `cache_server` shares one reader per topic among all streams, `cache_client` routes streams by topic.
 */
export interface KafkaCacheClientBinding {
  type: 'kafka'
  kind: 'cache_client'
  /**
   * Where the brokers are, or what is known of topics beforehand.
   */
  options?: {
    /**
     * What is known of single topics.
     */
    topics?: {
      /**
       * Name of the topic.
       */
      name: string
      /**
       * Accepted for documents written for Zilla; streams of mqtt-kafka say themselves where they begin.
       */
      defaultOffset?: 'live' | 'historical'
      /**
       * @deprecated
       * `deltaType` has no effect here and may be removed.
       */
      deltaType?: 'none' | 'json_patch'
    }[]
    /**
     * @deprecated
     * `merged` has no effect since 0.9.79 and may be removed.
     */
    merged?: unknown[]
  }
  /**
   * Tried in order; the first whose `when` matches the topic takes the stream.
   */
  routes?: {
    /**
     * Any item is enough.
     */
    when?: {
      /**
       * Name of the topic; `*` stands for any run of characters.
       */
      topic?: string
    }[]
    /**
     * Guards that must all have accepted the client, each with the roles asked for (none: any session).
     */
    guarded?: {
      /**
       * Roles that are all required.
       *
       * Items: A role.
       */
      [k: string]: string[]
    }
    /**
     * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
     */
    exit?: string
  }[]
  /**
   * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
   */
  exit?: string
  /**
   * Metrics and labels of this binding. Accepted for compatibility; nothing reads it yet.
   */
  telemetry?: {
    /**
     * Patterns of metric names.
     */
    metrics?: string[]
    /**
     * Labels.
     */
    attributes?: {
      [k: string]: string
    }
  }
}
/**
 * Apache Kafka: `client` speaks to brokers, `cache_server` shares one reader per topic among all streams, `cache_client` routes streams by topic.
 */
export interface KafkaCacheServerBinding {
  type: 'kafka'
  kind: 'cache_server'
  /**
   * Where the brokers are, or what is known of topics beforehand.
   */
  options?: {
    /**
     * Topics that are read from the start of the engine on, whether or not anybody wants them yet.
     */
    bootstrap?: string[]
    /**
     * What is known of single topics.
     */
    topics?: {
      /**
       * Name of the topic.
       */
      name: string
      /**
       * Accepted for documents written for Zilla; streams of mqtt-kafka say themselves where they begin.
       */
      defaultOffset?: 'live' | 'historical'
      /**
       * @deprecated
       * `deltaType` has no effect here and may be removed.
       */
      deltaType?: 'none' | 'json_patch'
    }[]
    /**
     * @deprecated
     * `merged` has no effect since 0.9.79 and may be removed.
     */
    merged?: unknown[]
  }
  /**
   * Tried in order; the first whose `when` matches the topic takes the stream.
   */
  routes?: {
    /**
     * Any item is enough.
     */
    when?: {
      /**
       * Name of the topic; `*` stands for any run of characters.
       */
      topic?: string
    }[]
    /**
     * Guards that must all have accepted the client, each with the roles asked for (none: any session).
     */
    guarded?: {
      /**
       * Roles that are all required.
       *
       * Items: A role.
       */
      [k: string]: string[]
    }
    /**
     * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
     */
    exit?: string
  }[]
  /**
   * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
   */
  exit?: string
  /**
   * Metrics and labels of this binding. Accepted for compatibility; nothing reads it yet.
   */
  telemetry?: {
    /**
     * Patterns of metric names.
     */
    metrics?: string[]
    /**
     * Labels.
     */
    attributes?: {
      [k: string]: string
    }
  }
}
/**
 * Apache Kafka: `client` speaks to brokers, `cache_server` shares one reader per topic among all streams, `cache_client` routes streams by topic.
 */
export interface KafkaClientBinding {
  type: 'kafka'
  kind: 'client'
  /**
   * Where the brokers are, or what is known of topics beforehand.
   */
  options?: {
    /**
     * Brokers to begin with, as `host:port`; may be left out when the exit is a tcp client with a host and port.
     *
     * @minItems 1
     */
    servers?: string[]
    /**
     * @deprecated
     * `merged` has no effect since 0.9.79 and may be removed.
     */
    merged?: unknown[]
  }
  /**
   * Tried in order; the first whose `when` matches the topic takes the stream.
   */
  routes?: {
    /**
     * Guards that must all have accepted the client, each with the roles asked for (none: any session).
     */
    guarded?: {
      /**
       * Roles that are all required.
       *
       * Items: A role.
       */
      [k: string]: string[]
    }
    /**
     * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
     */
    exit?: string
  }[]
  /**
   * Binding that takes over from here: `name`, or `namespace:name` of another document of the file.
   */
  exit?: string
  /**
   * Metrics and labels of this binding. Accepted for compatibility; nothing reads it yet.
   */
  telemetry?: {
    /**
     * Patterns of metric names.
     */
    metrics?: string[]
    /**
     * Labels.
     */
    attributes?: {
      [k: string]: string
    }
  }
}
/**
 * Topics on the local disk, for one engine instance without a Kafka cluster: a `server` answers its neighbours as the kafka client does.
 */
export interface KafkaEmbeddedServerBinding {
  type: 'kafka-embedded'
  kind: 'server'
  /**
   * Where the log lies, and its topics.
   */
  options: {
    /**
     * Directory of the log, relative to the document; it is made if it is not there, and belongs to one engine at a time.
     */
    directory: string
    /**
     * When a record counts as stored: `flush` once it is on disk; `os` once the operating system has it, which is faster, survives a crash of the engine, but not of the host: a power failure can damage the log.
     */
    sync?: 'flush' | 'os'
    /**
     * What a topic gets that does not say otherwise.
     */
    defaults?: {
      /**
       * Number of partitions; it can grow at a start, never shrink.
       */
      partitions?: number
      /**
       * Topic settings under Kafka's names. Those of segments, replicas and compression are kept without effect.
       */
      configs?: {
        /**
         * `delete` removes old records (Kafka's default), `compact` keeps the last record of each key.
         */
        'cleanup.policy'?: 'delete' | 'compact' | 'compact,delete' | 'delete,compact'
        /**
         * How long a tombstone outlives the records that it deletes, 86400000 by default.
         */
        'delete.retention.ms'?: number | string
        /**
         * Largest record batch, and so about the largest record, 1048588 by default.
         */
        'max.message.bytes'?: number | string
        /**
         * Whose time records carry.
         */
        'message.timestamp.type'?: 'CreateTime' | 'LogAppendTime'
        /**
         * Share of a compacted partition that must be new before it is compacted again, 0.5 by default.
         */
        'min.cleanable.dirty.ratio'?: number | string
        /**
         * How long a record is safe from compaction, 0 by default.
         */
        'min.compaction.lag.ms'?: number | string
        /**
         * Bytes a partition keeps at most, -1 (no limit) by default.
         */
        'retention.bytes'?: number | string
        /**
         * How long records are kept, 604800000 (a week) by default, -1 for ever.
         */
        'retention.ms'?: number | string
        [k: string]:
          | string
          | number
          | boolean
          | 'delete'
          | 'compact'
          | 'compact,delete'
          | 'delete,compact'
          | 'CreateTime'
          | 'LogAppendTime'
          | undefined
      }
    }
    /**
     * Topics made at start. One that is there gets these settings and, if they are more, these partitions.
     */
    topics?: {
      /**
       * Name of the topic.
       */
      name: string
      /**
       * Number of partitions; it can grow at a start, never shrink.
       */
      partitions?: number
      /**
       * Topic settings under Kafka's names. Those of segments, replicas and compression are kept without effect.
       */
      configs?: {
        /**
         * `delete` removes old records (Kafka's default), `compact` keeps the last record of each key.
         */
        'cleanup.policy'?: 'delete' | 'compact' | 'compact,delete' | 'delete,compact'
        /**
         * How long a tombstone outlives the records that it deletes, 86400000 by default.
         */
        'delete.retention.ms'?: number | string
        /**
         * Largest record batch, and so about the largest record, 1048588 by default.
         */
        'max.message.bytes'?: number | string
        /**
         * Whose time records carry.
         */
        'message.timestamp.type'?: 'CreateTime' | 'LogAppendTime'
        /**
         * Share of a compacted partition that must be new before it is compacted again, 0.5 by default.
         */
        'min.cleanable.dirty.ratio'?: number | string
        /**
         * How long a record is safe from compaction, 0 by default.
         */
        'min.compaction.lag.ms'?: number | string
        /**
         * Bytes a partition keeps at most, -1 (no limit) by default.
         */
        'retention.bytes'?: number | string
        /**
         * How long records are kept, 604800000 (a week) by default, -1 for ever.
         */
        'retention.ms'?: number | string
        [k: string]:
          | string
          | number
          | boolean
          | 'delete'
          | 'compact'
          | 'compact,delete'
          | 'delete,compact'
          | 'CreateTime'
          | 'LogAppendTime'
          | undefined
      }
    }[]
  }
  /**
   * Metrics and labels of this binding. Accepted for compatibility; nothing reads it yet.
   */
  telemetry?: {
    /**
     * Patterns of metric names.
     */
    metrics?: string[]
    /**
     * Labels.
     */
    attributes?: {
      [k: string]: string
    }
  }
}
/**
 * Schemas that stand in the document itself.
 */
export interface InlineCatalog {
  type: 'inline'
  /**
   * The schemas.
   */
  options: {
    /**
     * Schemas by the name that models call them.
     */
    subjects: {
      [k: string]: {
        /**
         * Text of a JSON Schema (draft-06, draft-07, 2019-09, or 2020-12, which is meant when there is no `$schema`). `format` is a note, as 2020-12 has it, and not checked.
         */
        schema: string
        /**
         * The version that this schema is.
         */
        version?: string
      }
    }
  }
}
/**
 * Schemas in files, read once at start.
 */
export interface FilesystemCatalog {
  type: 'filesystem'
  /**
   * Where the files are.
   */
  options: {
    /**
     * Files by the name that models call the schema.
     */
    subjects: {
      [k: string]: {
        /**
         * File with the text of a JSON Schema; a relative path starts at the folder of the document.
         */
        path: string
      }
    }
  }
}
/**
 * A store inside the process.
 */
export interface MemoryStore {
  /**
   * Kept in memory.
   */
  type: 'memory'
}
/**
 * Events on the standard output, where they go with or without it.
 */
export interface StdoutExporter {
  /**
   * Written to the standard output.
   */
  type: 'stdout'
}
/**
 * Accepted for compatibility; not in this version.
 */
export interface PrometheusExporter {
  type: 'prometheus'
  [k: string]: unknown
}
/**
 * Accepted for compatibility; not in this version.
 */
export interface OtlpExporter {
  type: 'otlp'
  [k: string]: unknown
}

export interface StandardBindings {
  'tcp': TcpServerBinding | TcpClientBinding
  'echo': EchoServerBinding
  'mqtt': MqttServerBinding | MqttClientBinding
  'mqtt-kafka': MqttKafkaProxyBinding
  'kafka': KafkaCacheClientBinding | KafkaCacheServerBinding | KafkaClientBinding
  'kafka-embedded': KafkaEmbeddedServerBinding
}

export interface StandardGuards {

}

export interface StandardVaults {

}

export interface StandardCatalogs {
  'inline': InlineCatalog
  'filesystem': FilesystemCatalog
}

export interface StandardStores {
  'memory': MemoryStore
}

export interface StandardExporters {
  'stdout': StdoutExporter
  'prometheus': PrometheusExporter
  'otlp': OtlpExporter
}
