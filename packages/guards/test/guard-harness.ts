/** One guard alone, with options as a document has them: defaults are filled in, faults of the schema fail the test. */
import { createRegistry, type Finding, type Guard, type GuardModule } from '@zilla-ts/engine'
import { FakeClock, TestReporter } from '@zilla-ts/testing'

export interface GuardUnderTest {
  readonly guard: Guard
  readonly clock: FakeClock
  readonly report: TestReporter
}

export function attach<O>(module: GuardModule<O>, options: unknown, directory = '.'): GuardUnderTest {
  const { faults, entry } = validated(module, options)
  if (faults.length > 0) throw new Error(JSON.stringify(faults))
  const clock = new FakeClock()
  const report = new TestReporter()
  const context = { namespace: 'test', name: 'g', options: entry.options as O, directory, clock, report }
  return { guard: module.attach(context), clock, report }
}

/** What `validate` says about the options: `level code path message`, the schema first. */
export function findings<O>(module: GuardModule<O>, options: unknown): string[] {
  const { faults, entry } = validated(module, options)
  if (faults.length > 0)
    return faults.map(({ code, path, hint }) => `error ${code} ${path.join('.')} ${hint ?? ''}`.trim())
  return (module.check?.(entry as { type: string; options?: O }) ?? []).map(line)
}

const line = ({ level, code, path, message }: Finding): string => `${level} ${code} ${path.join('.')} ${message}`

function validated(module: GuardModule<never> | GuardModule<unknown> | object, options: unknown) {
  const guard = module as GuardModule
  const entry = structuredClone({ type: guard.type, options })
  const { faults } = createRegistry({ bindings: [], guards: [guard] })
    .validator(guard)
    .validate(entry)
  return { faults: faults.filter(({ level }) => level !== 'warning'), entry }
}

/** The reasons that were reported for refusals, in order. */
export function reasons({ report }: GuardUnderTest): string[] {
  return report.events.filter(({ event }) => event === 'GUARD_REFUSED').map(({ message }) => message)
}
