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
    /**
     * Bounds on what a server takes.
     */
    limits?: {
      /**
       * Connections at a time, over all ports; one more is closed at once. When absent, and never more than, what the limit of open files of the process allows, with a tenth of it (32 to 1,000) kept for everything else.
       */
      connections?: number
    }
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
 * TLS: `server` ends it for its clients, `client` speaks it to servers, `proxy` looks at who is asked for and passes it on as it is.
 */
export interface TlsServerBinding {
  type: 'tls'
  kind: 'server'
  /**
   * Vault that holds the keys and certificates named here.
   */
  vault: string
  /**
   * What is shown, and what is trusted.
   */
  options?: {
    /**
     * `TLS`: 1.2 and 1.3. Else only the one that is named.
     */
    version?: 'TLS' | 'TLSv1.2' | 'TLSv1.3'
    /**
     * Server: keys of the vault, of which a client gets the first whose certificate has the name it asks for, and the first of all when none has; every key of the vault when neither `keys` nor `signers` is there. Client: the key that is shown to servers who ask for one.
     *
     * @minItems 1
     *
     * Items: Name of an entry of the vault's `keys`.
     */
    keys?: string[]
    /**
     * In place of `keys`: those keys of the vault whose certificate was issued by one of these.
     *
     * @minItems 1
     *
     * Items: Name of an entry of the vault's `signers`.
     */
    signers?: string[]
    /**
     * Whose certificates are accepted, with those issued by them. Server: everybody in the vault's `trust` when neither `trust` nor `trustcacerts` is there and clients are asked for certificates.
     *
     * @minItems 1
     *
     * Items: Name of an entry of the vault's `trust`.
     */
    trust?: string[]
    /**
     * Accept also what the well-known authorities have issued. Client: `true` when there is no `trust`. Server: `false`.
     */
    trustcacerts?: boolean
    /**
     * Server: names that clients may ask for, `*` stands for any run of characters; who asks for another is refused, who asks for none is not. Client: the one name that the server is asked for and must have in its certificate, in place of the host that is dialled.
     *
     * @minItems 1
     *
     * Items: A host name.
     */
    sni?: string[]
    /**
     * Application protocols (RFC 7301), best first. Server: who offers only others is refused, who offers none is not.
     *
     * @minItems 1
     *
     * Items: Name of a protocol.
     */
    alpn?: (string | null)[]
    /**
     * Whether clients show certificates. `required`: who has none is refused. `requested`: who has one must show a good one. When absent: `required` if there is `trust` or `trustcacerts`, else `requested` if a route asks for a certificate, else `none`.
     */
    mutual?: 'required' | 'requested' | 'none'
    /**
     * Guard that is shown the certificate of the client.
     */
    authorization?: {
      [k: string]: {
        /**
         * What the guard is shown.
         */
        credentials: {
          /**
           * The client's certificate and those of its issuers, as PEM.
           */
          certificates: 'pem'
        }
      }
    }
    /**
     * Bounds on handshakes.
     */
    limits?: {
      /**
       * How long a connection may take from its first byte to the end of the handshake, the guard's answer included; on a client: from dialling on.
       */
      handshakeSeconds?: number
      /**
       * Handshakes that may be under way at a time; connections beyond are closed. Each takes about 60 KB of memory.
       */
      handshakes?: number
    }
  }
  /**
   * Tried in order; the first whose `when` matches and whose `guarded` permits takes the connection.
   */
  routes?: {
    /**
     * Any item is enough; inside an item everything must hold.
     */
    when?: {
      /**
       * Name that the server is asked for, `*` stands for any run of characters; upper and lower case make no difference.
       */
      authority?: string
      /**
       * Application protocol: that both sides speak; on a proxy, one of those that the client offers.
       */
      alpn?: string
      /**
       * Port that the connection came in on, on a client: that it goes to; a port, a range such as `7183-7190`, or a list of them.
       */
      port?: number | string | (number | string)[]
      /**
       * The client has a certificate that is one of these, or was issued by one, directly or through others.
       *
       * @minItems 1
       *
       * Items: Name of an entry of the vault's `trust`.
       */
      trust?: string[]
      /**
       * `required`: the client has shown a certificate. `none`: it has not.
       */
      mutual?: 'required' | 'none'
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
 * TLS: `server` ends it for its clients, `client` speaks it to servers, `proxy` looks at who is asked for and passes it on as it is.
 */
export interface TlsClientBinding {
  type: 'tls'
  kind: 'client'
  /**
   * Vault that holds the keys and certificates named here.
   */
  vault?: string
  /**
   * What is shown, and what is trusted.
   */
  options?: {
    /**
     * `TLS`: 1.2 and 1.3. Else only the one that is named.
     */
    version?: 'TLS' | 'TLSv1.2' | 'TLSv1.3'
    /**
     * Server: keys of the vault, of which a client gets the first whose certificate has the name it asks for, and the first of all when none has; every key of the vault when neither `keys` nor `signers` is there. Client: the key that is shown to servers who ask for one.
     *
     * @minItems 1
     *
     * Items: Name of an entry of the vault's `keys`.
     */
    keys?: string[]
    /**
     * In place of `keys`: those keys of the vault whose certificate was issued by one of these.
     *
     * @minItems 1
     *
     * Items: Name of an entry of the vault's `signers`.
     */
    signers?: string[]
    /**
     * Whose certificates are accepted, with those issued by them. Server: everybody in the vault's `trust` when neither `trust` nor `trustcacerts` is there and clients are asked for certificates.
     *
     * @minItems 1
     *
     * Items: Name of an entry of the vault's `trust`.
     */
    trust?: string[]
    /**
     * Accept also what the well-known authorities have issued. Client: `true` when there is no `trust`. Server: `false`.
     */
    trustcacerts?: boolean
    /**
     * Server: names that clients may ask for, `*` stands for any run of characters; who asks for another is refused, who asks for none is not. Client: the one name that the server is asked for and must have in its certificate, in place of the host that is dialled.
     *
     * @minItems 1
     *
     * Items: A host name.
     */
    sni?: string[]
    /**
     * Application protocols (RFC 7301), best first. Server: who offers only others is refused, who offers none is not.
     *
     * @minItems 1
     *
     * Items: Name of a protocol.
     */
    alpn?: (string | null)[]
    /**
     * Bounds on handshakes.
     */
    limits?: {
      /**
       * How long a connection may take from its first byte to the end of the handshake, the guard's answer included; on a client: from dialling on.
       */
      handshakeSeconds?: number
    }
  }
  /**
   * Tried in order; the first whose `when` matches and whose `guarded` permits takes the connection.
   */
  routes?: {
    /**
     * Any item is enough; inside an item everything must hold.
     */
    when?: {
      /**
       * Name that the server is asked for, `*` stands for any run of characters; upper and lower case make no difference.
       */
      authority?: string
      /**
       * Application protocol: that both sides speak; on a proxy, one of those that the client offers.
       */
      alpn?: string
      /**
       * Port that the connection came in on, on a client: that it goes to; a port, a range such as `7183-7190`, or a list of them.
       */
      port?: number | string | (number | string)[]
    }[]
    /**
     * What is different for these connections.
     */
    with?: {
      /**
       * Which of `keys` is shown to the server.
       */
      certificate?: {
        /**
         * The subject of its certificate, by exactly one of these.
         */
        subject: {
          /**
           * Its common name.
           */
          cn?: string
          /**
           * The whole of it, the most special part first (RFC 4514).
           */
          dn?: string
        }
      }
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
 * TLS: `server` ends it for its clients, `client` speaks it to servers, `proxy` looks at who is asked for and passes it on as it is.
 */
export interface TlsProxyBinding {
  type: 'tls'
  kind: 'proxy'
  /**
   * What is shown, and what is trusted.
   */
  options?: {
    /**
     * Bounds on handshakes.
     */
    limits?: {
      /**
       * How long a connection may take from its first byte to the end of the handshake, the guard's answer included; on a client: from dialling on.
       */
      handshakeSeconds?: number
      /**
       * Handshakes that may be under way at a time; connections beyond are closed. Each takes about 60 KB of memory.
       */
      handshakes?: number
    }
  }
  /**
   * Tried in order; the first whose `when` matches and whose `guarded` permits takes the connection.
   */
  routes?: {
    /**
     * Any item is enough; inside an item everything must hold.
     */
    when?: {
      /**
       * Name that the server is asked for, `*` stands for any run of characters; upper and lower case make no difference.
       */
      authority?: string
      /**
       * Application protocol: that both sides speak; on a proxy, one of those that the client offers.
       */
      alpn?: string
      /**
       * Port that the connection came in on, on a client: that it goes to; a port, a range such as `7183-7190`, or a list of them.
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
 * The PROXY protocol: `server` takes the addresses of a client from the header that a load balancer writes in front of a connection (version 1 or 2), `client` writes such a header (version 2). Whoever can reach a server can claim any address, so only load balancers may be able to.
 */
export interface ProxyServerBinding {
  type: 'proxy'
  kind: 'server'
  /**
   * How much a connection may take before its header is there.
   */
  options?: {
    /**
     * Bounds on the header.
     */
    limits?: {
      /**
       * Largest header.
       */
      headerBytes?: number
      /**
       * How long a connection may take to send it.
       */
      headerSeconds?: number
    }
  }
  /**
   * Tried in order; the first whose `when` matches takes the connection.
   */
  routes?: {
    /**
     * Any item is enough; inside an item everything must hold. `*` stands for any run of characters. A connection of the load balancer itself has its own addresses.
     */
    when?: {
      /**
       * What the client speaks.
       */
      transport?: 'stream' | 'datagram'
      /**
       * Family of the addresses; `inet` is `inet4` or `inet6`.
       */
      family?: 'inet' | 'inet4' | 'inet6' | 'unix'
      /**
       * Where the client is.
       */
      source?: {
        /**
         * Address or path, or a block of addresses such as `10.0.0.0/8`.
         */
        host?: string
        /**
         * Port.
         */
        port?: number
      }
      /**
       * Where it connected to.
       */
      destination?: {
        /**
         * Address or path, or a block of addresses such as `10.0.0.0/8`.
         */
        host?: string
        /**
         * Port.
         */
        port?: number
      }
      /**
       * What the load balancer tells beside the addresses.
       */
      info?: {
        /**
         * Protocol negotiated by TLS.
         */
        alpn?: string
        /**
         * Host name that the client asked for.
         */
        authority?: string
        /**
         * Identifier of the connection, in hex digits.
         */
        identity?: string
        /**
         * Network namespace.
         */
        namespace?: string
        /**
         * What the load balancer tells of TLS. A client that did not use it matches none of these.
         */
        secure?: {
          /**
           * Version.
           */
          version?: string
          /**
           * Cipher.
           */
          cipher?: string
          /**
           * Algorithm of the certificate's key.
           */
          key?: string
          /**
           * Common name of the client's certificate.
           */
          name?: string
          /**
           * Algorithm that signed it.
           */
          signature?: string
        }
      }
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
 * The PROXY protocol: `server` takes the addresses of a client from the header that a load balancer writes in front of a connection (version 1 or 2), `client` writes such a header (version 2). Whoever can reach a server can claim any address, so only load balancers may be able to.
 */
export interface ProxyClientBinding {
  type: 'proxy'
  kind: 'client'
  /**
   * How much a connection may take before its header is there.
   */
  options?: {}
  /**
   * Tried in order; the first whose `when` matches takes the connection.
   */
  routes?: {
    /**
     * Any item is enough; inside an item everything must hold. `*` stands for any run of characters. A connection of the load balancer itself has its own addresses.
     */
    when?: {
      /**
       * What the client speaks.
       */
      transport?: 'stream' | 'datagram'
      /**
       * Family of the addresses; `inet` is `inet4` or `inet6`.
       */
      family?: 'inet' | 'inet4' | 'inet6' | 'unix'
      /**
       * Where the client is.
       */
      source?: {
        /**
         * Address or path, or a block of addresses such as `10.0.0.0/8`.
         */
        host?: string
        /**
         * Port.
         */
        port?: number
      }
      /**
       * Where it connected to.
       */
      destination?: {
        /**
         * Address or path, or a block of addresses such as `10.0.0.0/8`.
         */
        host?: string
        /**
         * Port.
         */
        port?: number
      }
      /**
       * What the load balancer tells beside the addresses.
       */
      info?: {
        /**
         * Protocol negotiated by TLS.
         */
        alpn?: string
        /**
         * Host name that the client asked for.
         */
        authority?: string
        /**
         * Identifier of the connection, in hex digits.
         */
        identity?: string
        /**
         * Network namespace.
         */
        namespace?: string
        /**
         * What the load balancer tells of TLS. A client that did not use it matches none of these.
         */
        secure?: {
          /**
           * Version.
           */
          version?: string
          /**
           * Cipher.
           */
          cipher?: string
          /**
           * Algorithm of the certificate's key.
           */
          key?: string
          /**
           * Common name of the client's certificate.
           */
          name?: string
          /**
           * Algorithm that signed it.
           */
          signature?: string
        }
      }
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
 * HTTP/1.1 as the way to a WebSocket: `server` reads requests from the sockets it is handed and hands those that ask for an upgrade to its exit; `client` dials for a ws client. Requests that ask for no upgrade are answered with 426 or 404.
 */
export interface HttpServerBinding {
  type: 'http'
  kind: 'server'
  /**
   * What is spoken, who is let in, and how much one connection may take.
   */
  options?: {
    /**
     * Versions of the protocol. HTTP/1.1 is spoken and must be among them; `h2` may be named and is not offered.
     *
     * @minItems 1
     */
    versions?: ('http/1.1' | 'h2')[]
    /**
     * Pages that may connect, by the `Origin` that their browser sends. Clients that send none are no browsers and are not concerned.
     */
    'access-control'?: {
      /**
       * `same-origin`: pages of the host that they connect to. `cross-origin`: those that `allow` names as well.
       */
      policy?: 'same-origin' | 'cross-origin'
      /**
       * Only with `cross-origin`: what pages of other hosts may do.
       */
      allow?: {
        /**
         * Origins let in; `*` stands for any run of characters. Absent: all.
         *
         * @minItems 1
         *
         * Items: Scheme, host and port.
         */
        origins?: string[]
        /**
         * Methods told to a browser that asks. Absent: the one it asks for.
         *
         * @minItems 1
         *
         * Items: A method.
         */
        methods?: string[]
        /**
         * Header fields told to a browser that asks. Absent: those it asks for.
         *
         * @minItems 1
         *
         * Items: Name of a header field.
         */
        headers?: string[]
        /**
         * Whether a browser may send cookies. It always sends them with a WebSocket.
         */
        credentials?: boolean
      }
      /**
       * Seconds for which a browser may keep the answer to its question.
       */
      'max-age'?: number
      /**
       * What pages may see of an answer.
       */
      expose?: {
        /**
         * Header fields of answers that a page may read.
         *
         * @minItems 1
         *
         * Items: Name of a header field.
         */
        headers?: string[]
      }
    }
    /**
     * Guard that decides who is let in, and where in a request the credentials are. Credentials that it does not accept count as none: routes without `guarded` stay open.
     */
    authorization?: {
      /**
       * What the guard is shown.
       */
      [k: string]: {
        /**
         * Places looked at, in this order; the first that fits is taken.
         */
        credentials: {
          /**
           * Header fields by name. `Basic {username}:{password}` stands for what RFC 7617 encodes.
           */
          headers?: {
            /**
             * What the field looks like.
             */
            [k: string]: string
          }
          /**
           * Cookies by name.
           */
          cookies?: {
            /**
             * What the value looks like.
             */
            [k: string]: string
          }
          /**
           * Parameters of the query by name.
           */
          query?: {
            /**
             * What the value looks like.
             */
            [k: string]: string
          }
        }
      }
    }
    /**
     * Bounds on what one connection may take before it is a WebSocket.
     */
    limits?: {
      /**
       * Largest request line and header together; more is answered with 431.
       */
      headerBytes?: number
      /**
       * Most header fields; more are answered with 431.
       */
      headerCount?: number
      /**
       * How long a new connection may take to send the header of its first request, and a request to be authorized and answered.
       */
      headerSeconds?: number
      /**
       * How long the whole header of another request may take to come on a connection whose last one has been answered.
       */
      keepAliveSeconds?: number
      /**
       * Requests answered on one connection before it is closed.
       */
      requests?: number
    }
  }
  /**
   * Tried in order; the first whose `when` matches and that lets the client in takes the request.
   */
  routes?: {
    /**
     * Any item is enough; inside an item everything must hold.
     */
    when?: {
      /**
       * Header fields, and the pseudo fields `:scheme`, `:authority`, `:path` and `:method`; `*` stands for any run of characters. `:path` may hold `{name}` for one segment, and leaves the query out unless it ends in `*`.
       */
      headers: {
        /**
         * Value of the field.
         */
        [k: string]: string
      }
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
 * HTTP/1.1 as the way to a WebSocket: `server` reads requests from the sockets it is handed and hands those that ask for an upgrade to its exit; `client` dials for a ws client. Requests that ask for no upgrade are answered with 426 or 404.
 */
export interface HttpClientBinding {
  type: 'http'
  kind: 'client'
  /**
   * What is spoken, who is let in, and how much one connection may take.
   */
  options?: {
    /**
     * Versions of the protocol. HTTP/1.1 is spoken and must be among them; `h2` may be named and is not offered.
     *
     * @minItems 1
     */
    versions?: ('http/1.1' | 'h2')[]
  }
  /**
   * Tried in order; the first whose `when` matches and that lets the client in takes the request.
   */
  routes?: {
    /**
     * Any item is enough; inside an item everything must hold.
     */
    when?: {
      /**
       * Header fields, and the pseudo fields `:scheme`, `:authority`, `:path` and `:method`; `*` stands for any run of characters. `:path` may hold `{name}` for one segment, and leaves the query out unless it ends in `*`.
       */
      headers: {
        /**
         * Value of the field.
         */
        [k: string]: string
      }
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
 * WebSocket as a stream of bytes, in binary frames: `server` takes the upgrades of an http server, `client` opens a WebSocket through an http client. MQTT over WebSocket is `protocol: mqtt`.
 */
export interface WsServerBinding {
  type: 'ws'
  kind: 'server'
  /**
   * What a client asks for, and how much one connection may take.
   */
  options?: {
    /**
     * Bounds on what one connection may take of memory and time.
     */
    limits?: {
      /**
       * Largest message, all its frames together, which is held until it is complete; a larger one closes the connection with 1009. What is carried may span messages, so that this bounds no MQTT packet by itself, but many clients send each packet as one message.
       */
      messageBytes?: number
      /**
       * A peer that has sent nothing for so long is asked whether it is there, with a ping.
       */
      pingSeconds?: number
      /**
       * How long it may take to answer.
       */
      pongSeconds?: number
      /**
       * How long a peer may take to close after one side has said that it will.
       */
      closeSeconds?: number
    }
  }
  /**
   * Tried in order; the first whose `when` matches takes the WebSocket. Of the subprotocols that a client offers, the one whose route comes first is taken; none of them: the request is answered with 404.
   */
  routes?: {
    /**
     * Any item is enough; inside an item everything must hold. `*` stands for any run of characters.
     */
    when?: {
      /**
       * Subprotocol.
       */
      protocol?: string
      /**
       * `http` or `https`.
       */
      scheme?: string
      /**
       * Host and port that were asked for.
       */
      authority?: string
      /**
       * Path that was asked for; the query is left out unless it ends in `*`.
       */
      path?: string
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
 * WebSocket as a stream of bytes, in binary frames: `server` takes the upgrades of an http server, `client` opens a WebSocket through an http client. MQTT over WebSocket is `protocol: mqtt`.
 */
export interface WsClientBinding {
  type: 'ws'
  kind: 'client'
  /**
   * What a client asks for, and how much one connection may take.
   */
  options?: {
    /**
     * Client only: what is asked for.
     */
    defaults?: {
      /**
       * Subprotocol that the server must answer with. Absent: none is asked for.
       */
      protocol?: string
      /**
       * Decides the port when `authority` names none: 80 or 443. Whether the connection is encrypted is decided by the exit.
       */
      scheme?: 'http' | 'https' | 'ws' | 'wss'
      /**
       * Host, and port if need be, of the server. Absent: the address that the neighbour asks for.
       */
      authority?: string
      /**
       * Path of the request, with its query if there is one.
       */
      path?: string
    }
    /**
     * Bounds on what one connection may take of memory and time.
     */
    limits?: {
      /**
       * Largest message, all its frames together, which is held until it is complete; a larger one closes the connection with 1009. What is carried may span messages, so that this bounds no MQTT packet by itself, but many clients send each packet as one message.
       */
      messageBytes?: number
      /**
       * Client only: how long the server may take to be reached and to accept.
       */
      connectSeconds?: number
      /**
       * A peer that has sent nothing for so long is asked whether it is there, with a ping.
       */
      pingSeconds?: number
      /**
       * How long it may take to answer.
       */
      pongSeconds?: number
      /**
       * How long a peer may take to close after one side has said that it will.
       */
      closeSeconds?: number
    }
  }
  /**
   * Tried in order; the first whose `when` matches takes the WebSocket. Of the subprotocols that a client offers, the one whose route comes first is taken; none of them: the request is answered with 404.
   */
  routes?: {
    /**
     * Any item is enough; inside an item everything must hold. `*` stands for any run of characters.
     */
    when?: {
      /**
       * Subprotocol.
       */
      protocol?: string
      /**
       * `http` or `https`.
       */
      scheme?: string
      /**
       * Host and port that were asked for.
       */
      authority?: string
      /**
       * Path that was asked for; the query is left out unless it ends in `*`.
       */
      path?: string
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
     * The guard that says who a client is, and where a client shows what the guard asks for. Clients that show nothing of the sort are anonymous: only routes without `guarded` are for them. On a client: the guard whose credentials are filled in, those of the session or else what the guard has to show for everybody; with neither the session is refused.
     */
    authorization?: {
      [k: string]: {
        /**
         * Where credentials are: in CONNECT, in the authentication data of MQTT 5, or in either.
         */
        credentials: {
          /**
           * User name and password of CONNECT: each that is named must match as a whole. `{credentials}` and `{identity}` are runs without blanks, each in one of the two; all else is meant as written. Without `{identity}` the guard is shown the user name, unless the credentials are in it.
           */
          connect?: {
            /**
             * Pattern of the user name. Absent: a client passes on the user name of the client it speaks for.
             */
            username?: string
            /**
             * Pattern of the password. Absent: a client sends none.
             */
            password?: string
          }
          /**
           * Authentication with a method (MQTT 5.0 §4.12), by which a client may show fresh credentials of the same identity while it is connected. Other methods are refused; without `auth` all are. Where a client names the method, its user name and password are not looked at.
           */
          auth?: {
            /**
             * Authentication Method.
             */
            method?: string
            /**
             * Pattern of the Authentication Data.
             */
            data?: string
          }
        }
      }
    }
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
     * What is offered to clients, as far as the exit can do it. CONNACK announces what is not offered; who uses it all the same is refused with the reason code of the standard.
     */
    features?: {
      /**
       * Highest QoS of publishes and wills, and of what subscriptions are granted (Maximum QoS).
       */
      qosMax?: 'at_most_once' | 'at_least_once' | 'exactly_once'
      /**
       * Retained publishes and wills (Retain Available).
       */
      retain?: boolean
      /**
       * Filters with `+` and `#` (Wildcard Subscription Available).
       */
      wildcardSubscriptions?: boolean
      /**
       * Subscription identifiers (Subscription Identifiers Available).
       */
      subscriptionIds?: boolean
      /**
       * Filters that begin with `$share/` (Shared Subscription Available).
       */
      sharedSubscriptions?: boolean
      /**
       * Subscriptions that leave out the client's own messages. The standard has no announcement for it: a filter with No Local is refused with Implementation specific error.
       */
      noLocal?: boolean
      /**
       * Will messages. The standard has no announcement for it: a CONNECT with a will is refused with Implementation specific error (3.1.1: server unavailable).
       */
      wills?: boolean
    }
    /**
     * Bounds on what clients may take of memory and time, one and all together.
     */
    limits?: {
      /**
       * Clients connected at a time; one more is refused with Quota exceeded (3.1.1: server unavailable), unless it takes over a session that is connected.
       */
      connections?: number
      /**
       * The same for one address: that of the socket, or the one that a PROXY header names. IPv6 addresses are counted by their /64. No limit when absent, since all clients behind a load balancer or NAT share an address.
       */
      addressConnections?: number
      /**
       * The same for one identity, as the guard has found it. No limit when absent.
       */
      identityConnections?: number
      /**
       * Connections that have not sent CONNECT, were refused, or are over while the client keeps its socket open; where there are more, the oldest of them is closed.
       */
      unconnected?: number
      /**
       * Bytes that such connections may have sent together; where there are more, the oldest of them that has sent any is closed. At least `connectBytes`.
       */
      unconnectedBytes?: number
      /**
       * CONNECTs a second, and at once; more are refused with Connection rate exceeded (3.1.1: server unavailable).
       */
      connectsPerSecond?: number
      /**
       * The same for one address, counted as for `addressConnections`.
       */
      addressConnectsPerSecond?: number
      /**
       * The same for one client identifier, by the minute: each CONNECT takes its session over from the one before.
       */
      clientConnectsPerMinute?: number
      /**
       * PUBLISHes of one client a second, and at once. Whoever sends more is read later: nothing is refused or lost. No limit when absent: the exit holds back what it cannot store.
       */
      publishesPerSecond?: number
      /**
       * Bytes from one client a second, and at once, of whatever packets. Whoever sends more is read later. No limit when absent.
       */
      bytesPerSecond?: number
      /**
       * Topic filters in SUBSCRIBEs and UNSUBSCRIBEs of one client a second, ten seconds' worth at once. Whoever sends more is read later.
       */
      subscribesPerSecond?: number
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
       * Bytes of a topic name or filter. A longer name ends the connection (Topic name invalid), a longer filter is refused (Topic filter invalid).
       */
      topicBytes?: number
      /**
       * User properties of one packet; a packet with more ends the connection with Quota exceeded.
       */
      userProperties?: number
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
         * Client identifier: `*` stands for any run of characters, `{name}` for a value of `params`, or for any that is not empty.
         */
        'client-id': string
        /**
         * What `{name}` must be, by name: a text, or what a guard of the route's `guarded` knows of the client. A client of which it is not known, or for which it is no text that one level of a topic can be, is not meant.
         */
        params?: {
          /**
           * A text, `${guarded['guard'].identity}` or `${guarded['guard'].attributes.name}`.
           */
          [k: string]: string
        }
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
        /**
         * What `{name}` must be, by name: a text, or what a guard of the route's `guarded` knows of the client. A client of which it is not known, or for which it is no text that one level of a topic can be, is not meant.
         */
        params?: {
          /**
           * A text, `${guarded['guard'].identity}` or `${guarded['guard'].attributes.name}`.
           */
          [k: string]: string
        }
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
        /**
         * What `{name}` must be, by name: a text, or what a guard of the route's `guarded` knows of the client. A client of which it is not known, or for which it is no text that one level of a topic can be, is not meant.
         */
        params?: {
          /**
           * A text, `${guarded['guard'].identity}` or `${guarded['guard'].attributes.name}`.
           */
          [k: string]: string
        }
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
     * The guard that says who a client is, and where a client shows what the guard asks for. Clients that show nothing of the sort are anonymous: only routes without `guarded` are for them. On a client: the guard whose credentials are filled in, those of the session or else what the guard has to show for everybody; with neither the session is refused.
     */
    authorization?: {
      [k: string]: {
        /**
         * Where credentials are: in CONNECT, in the authentication data of MQTT 5, or in either.
         */
        credentials: {
          /**
           * User name and password of CONNECT: each that is named must match as a whole. `{credentials}` and `{identity}` are runs without blanks, each in one of the two; all else is meant as written. Without `{identity}` the guard is shown the user name, unless the credentials are in it.
           */
          connect: {
            /**
             * Pattern of the user name. Absent: a client passes on the user name of the client it speaks for.
             */
            username?: string
            /**
             * Pattern of the password. Absent: a client sends none.
             */
            password?: string
          }
        }
      }
    }
    /**
     * Bounds on what clients may take of memory and time, one and all together.
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
     * Records of other Kafka programs, which have no `zilla:` headers. Their MQTT topic is the key, unless an entry of `topics` says otherwise; other headers become user properties.
     */
    foreign?: {
      /**
       * QoS they count as published with.
       */
      qos?: 'at_most_once' | 'at_least_once'
      /**
       * What they are in MQTT, by Kafka topic; the first entry that matches counts. Routes must read the topic.
       */
      topics?: {
        /**
         * Kafka topic, or with `*` at its end all that begin so.
         */
        name: string
        /**
         * MQTT topic of its records instead of their keys: `${key}`, `${partition}` and `${headers.x}` are of the record, the last header of that name. A record that has no such text is skipped and counted (`mqtt.kafka.skipped`).
         */
        topic?: string
        /**
         * QoS its records count as published with, unless their `zilla:qos` says otherwise; `foreign.qos` when absent.
         */
        qos?: 'at_most_once' | 'at_least_once'
        /**
         * Model of the values, looked at before a record is delivered.
         */
        value?:
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
         * What becomes of a record that does not fit its model; counted in any case (`mqtt.kafka.unfit`). `reject`: skipped, and told in the log; `drop`: skipped; `pass`: delivered.
         */
        unfit?: 'reject' | 'drop' | 'pass'
      }[]
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
       * Retained messages; a publish that would add one more is refused with Quota exceeded. Those that are on the topic already are served however many there are.
       */
      retained?: number
      /**
       * Memory for retained messages, outside the heap; a publish that would need more is refused with Quota exceeded.
       */
      retainedBytes?: number
      /**
       * Client ids that may be known, over all processes on the sessions topic: connected, with a session, or whose session ended within an hour. A CONNECT of another one is refused with Quota exceeded (3.1.1: server unavailable).
       */
      sessions?: number
      /**
       * Topic filters of one client in the record of its session, in bytes, each counted with 128 more; further ones are refused with Quota exceeded. In flight it holds no more than `inFlight` and the mqtt server's Receive Maximum.
       */
      sessionBytes?: number
      /**
       * Subscriptions of all clients connected to this process; further ones are refused with Quota exceeded. Sessions that go on keep theirs.
       */
      subscriptions?: number
      /**
       * Groups of shared subscriptions with members connected to this process; further ones are refused with Quota exceeded.
       */
      sharedGroups?: number
      /**
       * Kafka topics named by placeholders that may be written, and read, at the same time.
       */
      paramTopics?: number
      /**
       * Subscriptions of all clients that read the past (user property `zilla:from`) and have not come to the live end; further ones are refused with Quota exceeded.
       */
      replays?: number
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
       * Kafka topic instead of `options.topics.messages`; `${params.x}` is what `{x}` of the pattern matched, `${identity}` who the client is to a guard, `${client-id}` and `${topic}` are those of the publish. Clients read the topics that have their own identity and client id in the name; nothing is retained there.
       */
      messages?: string
      /**
       * Key of the records instead of the MQTT topic, which a header `zilla:topic` holds then. Placeholders as in `headers`.
       */
      key?: string
      /**
       * Headers that records get beside those of the mapping: `${params.x}` is what `{x}` of the pattern matched, `${identity}` who the client is to a guard, `${client-id}` and `${topic}` are those of the publish. A header whose placeholder has no value is left out. MQTT subscribers receive them as user properties.
       */
      headers?: {
        [k: string]: string
      }
      /**
       * Records with the same text here go to the same partition, instead of that of the key or of `options.clients`. Placeholders as in `headers`.
       */
      partition?: string
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
     * Shows the brokers who we are (SASL). One guard, whose credentials fill `{identity}` and `{credentials}`; text without these is sent as it is written.
     */
    authorization?: {
      /**
       * Name of the guard.
       */
      [k: string]: {
        /**
         * What is sent to the brokers.
         */
        credentials: {
          /**
           * SASL mechanism; the listener must have it in `sasl.enabled.mechanisms`. `plain` and `oauthbearer` send a secret as it is: exit to a tls client.
           */
          mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512' | 'oauthbearer'
          /**
           * User name; for every mechanism but `oauthbearer`.
           */
          username?: string
          /**
           * Password; for every mechanism but `oauthbearer`.
           */
          password?: string
          /**
           * Token; for `oauthbearer`.
           */
          token?: string
        }
      }
    }
    /**
     * @deprecated
     * Write `authorization: { <guard>: { credentials: { mechanism, username, password } } }`.
     */
    sasl?: {
      /**
       * SASL mechanism.
       */
      mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
      /**
       * User name.
       */
      username: string
      /**
       * Password.
       */
      password: string
    }
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
 * Lets in who shows a signed JSON Web Token (RFC 7519, RFC 8725) of one issuer. Which algorithms are taken follows from the keys alone; tokens that are encrypted, unsigned or signed with a shared secret are refused.
 */
export interface JwtGuard {
  type: 'jwt'
  /**
   * Taken from documents written for Zilla.
   */
  store?: string
  /**
   * Whose tokens, for whom, and what they say about their bearer.
   */
  options: {
    /**
     * The `iss` of every token, compared as text. Without `keys` its keys are read from `<issuer>/.well-known/jwks.json`.
     */
    issuer: string
    /**
     * Whom tokens must be made for: their `aud` must hold this, or one of these.
     */
    audience: string | string[]
    /**
     * Public keys of the issuer, as JSON Web Keys, or the address of a JSON Web Key Set. A set is read again in the background, and when a token names a key that is not in it; the last one is used while it cannot be read. Who is connected with a token of a key that is not in the set any more is disconnected.
     */
    keys?:
      | string
      | {
          /**
           * Family of the key.
           */
          kty: 'RSA' | 'EC' | 'OKP'
          /**
           * Name that tokens call the key by.
           */
          kid: string
          /**
           * The algorithm that tokens must be signed with. Absent: what the curve allows; RS256 for RSA.
           */
          alg?:
            | 'RS256'
            | 'RS384'
            | 'RS512'
            | 'PS256'
            | 'PS384'
            | 'PS512'
            | 'ES256'
            | 'ES384'
            | 'ES512'
            | 'EdDSA'
            | 'Ed25519'
          /**
           * `sig`; keys for anything else verify nothing.
           */
          use?: string
          /**
           * RSA: the modulus, base64url or base64, 2048 bits or more.
           */
          n?: string
          /**
           * RSA: the exponent, base64url or base64.
           */
          e?: string
          /**
           * EC and OKP: the curve.
           */
          crv?: 'P-256' | 'P-384' | 'P-521' | 'Ed25519'
          /**
           * EC and OKP: the coordinate x, base64url or base64.
           */
          x?: string
          /**
           * EC: the coordinate y, base64url or base64.
           */
          y?: string
        }[]
    /**
     * Claim with the roles: a list, or a text with blanks between them. Dots lead into objects, unless a claim is called so with its dots.
     */
    roles?: string
    /**
     * Claim with the name of the bearer, a text or a whole number. Tokens without it are refused.
     */
    identity?: string
    /**
     * Further claims, texts, numbers or booleans, by the name they get. A token need not have them.
     */
    attributes?: {
      [k: string]: string
    }
    /**
     * Seconds before a token ends at which to ask for another. MQTT has no packet with which a server could ask: MQTT 5 clients re-authenticate by themselves.
     */
    challenge?: number
    /**
     * How far the clocks of the issuer and of this process may be apart: tokens are taken so much before their `nbf` and `iat` and after their `exp`.
     */
    clockSkewSeconds?: number
    /**
     * Refuse tokens that never end.
     */
    expiryRequired?: boolean
    /**
     * Largest token that is looked at.
     */
    tokenBytes?: number
    /**
     * How often a key set is read again.
     */
    refreshSeconds?: number
    /**
     * How long a key set is used that cannot be read again.
     */
    staleSeconds?: number
  }
}
/**
 * One name and one secret that stand in the document. Mostly to be shown to servers behind this one: brokers of `kafka` and `mqtt` clients. Where it guards who comes in, it lets in who shows the same secret, and without `credentials` nobody.
 */
export interface InlineGuard {
  type: 'inline'
  /**
   * What is shown to others, and what others must show.
   */
  options?: {
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
/**
 * Names the bearer of a certificate that TLS has verified (`authorization` of a `tls` server with `mutual`), and gives it roles by what stands in the certificate. Certificates are public: only `tls` may hand them to this guard.
 */
export interface X509Guard {
  type: 'x509'
  /**
   * Taken from documents written for Zilla.
   */
  store?: string
  /**
   * What of a certificate says who its bearer is, and what it may do.
   */
  options?: {
    /**
     * Field with the name of the bearer; the first value if there are several. Certificates without it are refused.
     */
    identity?: string
    /**
     * Further fields, by the name they get; the first value of each. A certificate need not have them.
     */
    attributes?: {
      [k: string]: string
    }
    /**
     * Roles, each with the certificates that have it: one item must fit, and of an item every field.
     */
    roles?: {
      /**
       * @minItems 1
       */
      [k: string]: {
        /**
         * What one of the field's values must be; `*` stands for any run of characters.
         */
        [k: string]: string
      }[]
    }
  }
}
/**
 * Lets in who shows a user name and the password that goes with it. Users, hashes of their passwords and their roles are lines of a file; `zilla-ts password` writes them.
 */
export interface PasswordGuard {
  type: 'password'
  /**
   * Where the users are.
   */
  options: {
    /**
     * File with one `name:hash` or `name:hash:role,role` a line; a relative path starts at the folder of the document. Looked at every 5 seconds: a change counts at once, and who is connected is disconnected when the line is gone or another; one with a fault is reported and left alone.
     */
    file: string
  }
}
/**
 * Keys and certificates in files, read at start and again when they change.
 */
export interface FilesystemVault {
  type: 'filesystem'
  /**
   * Which files hold what.
   */
  options: {
    /**
     * Private keys with their certificates.
     */
    keys?: {
      /**
       * The file; a relative path starts at the folder of the document. `pem` takes a list as well, so that key and certificates may lie apart.
       */
      store: string | string[]
      /**
       * What is in the file. Entries of `pkcs12` are called by their friendly names, those without one by their number. Entries of `pem` are called by the comment above them (`# name`, or `friendlyName: name`), those without one by the name of the file without its extension; later ones get `-2`, `-3`, … appended.
       */
      type?: 'pkcs12' | 'pem'
      /**
       * What the file, or an encrypted key in it, is protected by. Take it from the environment.
       */
      password?: string
      /**
       * Entries that are used; all when absent. Upper and lower case make no difference.
       *
       * @minItems 1
       *
       * Items: Name of an entry.
       */
      entries?: string[]
    }
    /**
     * Certificates of those who are trusted: certificate authorities, mostly.
     */
    trust?: {
      /**
       * The file; a relative path starts at the folder of the document. `pem` takes a list as well, so that key and certificates may lie apart.
       */
      store: string | string[]
      /**
       * What is in the file. Entries of `pkcs12` are called by their friendly names, those without one by their number. Entries of `pem` are called by the comment above them (`# name`, or `friendlyName: name`), those without one by the name of the file without its extension; later ones get `-2`, `-3`, … appended.
       */
      type?: 'pkcs12' | 'pem'
      /**
       * What the file, or an encrypted key in it, is protected by. Take it from the environment.
       */
      password?: string
      /**
       * Entries that are used; all when absent. Upper and lower case make no difference.
       *
       * @minItems 1
       *
       * Items: Name of an entry.
       */
      entries?: string[]
    }
    /**
     * Certificates of issuers, by which `signers` of a tls binding chooses among the keys.
     */
    signers?: {
      /**
       * The file; a relative path starts at the folder of the document. `pem` takes a list as well, so that key and certificates may lie apart.
       */
      store: string | string[]
      /**
       * What is in the file. Entries of `pkcs12` are called by their friendly names, those without one by their number. Entries of `pem` are called by the comment above them (`# name`, or `friendlyName: name`), those without one by the name of the file without its extension; later ones get `-2`, `-3`, … appended.
       */
      type?: 'pkcs12' | 'pem'
      /**
       * What the file, or an encrypted key in it, is protected by. Take it from the environment.
       */
      password?: string
      /**
       * Entries that are used; all when absent. Upper and lower case make no difference.
       *
       * @minItems 1
       *
       * Items: Name of an entry.
       */
      entries?: string[]
    }
    /**
     * How certificates of peers are looked up for having been revoked. `crl`: in the lists of `crl`; every authority of a chain must have one there that is still valid, or the peer is refused.
     */
    revocation?: 'none' | 'crl'
    /**
     * Revocation lists, for `revocation: crl`.
     */
    crl?: {
      /**
       * File, or files, with lists in PEM or DER; a relative path starts at the folder of the document.
       */
      store: string | string[]
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
  'tls': TlsServerBinding | TlsClientBinding | TlsProxyBinding
  'proxy': ProxyServerBinding | ProxyClientBinding
  'http': HttpServerBinding | HttpClientBinding
  'ws': WsServerBinding | WsClientBinding
  'echo': EchoServerBinding
  'mqtt': MqttServerBinding | MqttClientBinding
  'mqtt-kafka': MqttKafkaProxyBinding
  'kafka': KafkaCacheClientBinding | KafkaCacheServerBinding | KafkaClientBinding
  'kafka-embedded': KafkaEmbeddedServerBinding
}

export interface StandardGuards {
  'jwt': JwtGuard
  'inline': InlineGuard
  'x509': X509Guard
  'password': PasswordGuard
}

export interface StandardVaults {
  'filesystem': FilesystemVault
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
