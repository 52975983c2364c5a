/** http client: dials for a ws client, which speaks HTTP itself; the address is that of the request's authority. */
import type { Socket } from 'node:net'
import type { Binding, BindingContext, Session } from '@zilla-ts/engine'
import type { Bytes } from '../stream.ts'
import { HttpCondition } from './condition.ts'
import type { HttpConfig } from './http.config.ts'
import { authorityAddress } from './request.ts'
import type { Http, HttpOpen } from './stream.ts'

export class HttpClient implements Binding<Http> {
  readonly #routes

  constructor(context: BindingContext<HttpConfig, Bytes>) {
    this.#routes = context.routes.map((route) => ({
      route,
      when: route.when.map((when) => new HttpCondition(when)),
    }))
  }

  dial({ headers, remote }: HttpOpen, session: Session | null): Socket | null {
    const found = this.#routes.find(
      ({ route, when }) =>
        route.permits(session) && (when.length === 0 || when.some((condition) => condition.matches(headers))),
    )
    const address = remote ?? authorityAddress(headers[':authority'] ?? '', headers[':scheme'] ?? 'http')
    return found?.route.exit?.dial(address === null ? {} : { remote: address }, session) ?? null
  }
}
