import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Coalescer } from '../../src/services/delivery/wake-ups.ts'
import { ManualClock } from '../support/manual-clock.ts'

function opened() {
  const clock = new ManualClock('2026-03-01T09:00:00Z')
  let acted = 0
  const gathering = new Coalescer(clock, () => {
    acted += 1
  })
  return { clock, gathering, acted: () => acted }
}

describe('sends that end shortly after each other', () => {
  it('are followed up at once where nothing else is under way', async () => {
    const { gathering, acted } = opened()
    for (let count = 1; count <= 3; count += 1) {
      gathering.add(0)
      await turn()
      expect(acted()).toBe(count)
    }
  })

  it('are followed up together when as many have ended as are under way', async () => {
    const { gathering, acted } = opened()
    for (let underWay = 19; underWay > 10; underWay -= 1) gathering.add(underWay)
    await turn()
    expect(acted()).toBe(0)
    gathering.add(10)
    await turn()
    expect(acted()).toBe(1)
  })

  it('are followed up together when they end in one turn of the event loop', async () => {
    const { gathering, acted } = opened()
    for (let count = 1; count <= 3; count += 1) gathering.add(0)
    await turn()
    expect(acted()).toBe(1)
  })

  it('wait for those that never end no longer than a moment, each anew', async () => {
    const { clock, gathering, acted } = opened()
    for (const count of [1, 2]) {
      gathering.add(20)
      gathering.add(20)
      await clock.advance(9)
      expect(acted()).toBe(count - 1)
      await clock.advance(1)
      expect(acted()).toBe(count)
      await clock.advance(1000)
      expect(acted()).toBe(count)
    }
  })

  it('are forgotten by a stop', async () => {
    const { clock, gathering, acted } = opened()
    gathering.add(20)
    gathering.stop()
    await clock.advance(1000)
    expect(acted()).toBe(0)
  })
})
