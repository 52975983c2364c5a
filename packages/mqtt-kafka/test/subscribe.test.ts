import { describe, expect, it } from 'vitest'
import { Rig } from './rig.ts'

describe('subscribe', () => {
  it('delivers what is published after SUBACK, with the smaller QoS', async () => {
    const rig = await Rig.started()
    const a = rig.client('a')
    const b = rig.client('b')
    a.subscribe('x/+', { filter: 'y/#', qos: 0 })
    rig.clock.turn()
    expect(a.answers).toEqual([{ kind: 'subscribed', reasonCodes: [1, 0] }])
    b.publish('x/1', 'one', 1)
    b.publish('y', 'two', 1)
    b.publish('z', 'no', 1)
    expect(a.received).toEqual([
      { topic: 'x/1', payload: 'one', qos: 1, retain: false, ids: [] },
      { topic: 'y', payload: 'two', qos: 0, retain: false, ids: [] },
    ])
    expect(rig.faults()).toEqual([])
  })
})
