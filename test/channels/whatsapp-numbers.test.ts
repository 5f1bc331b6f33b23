import { expect, it } from 'vitest'
import { whatsapp } from '../../src/channels/whatsapp.ts'

const { key } = whatsapp.address

/** The same numbers in each run. */
let seed = 7
const roll = (from: number, to: number): number => {
  seed = (seed * 48_271) % 2_147_483_647
  return from + (seed % (to - from + 1))
}
const digits = (count: number): string => Array.from({ length: count }, () => roll(0, 9)).join('')

const pairs: Readonly<Record<string, () => readonly [string, string]>> = {
  'of Brazil, with and without the ninth digit': () => {
    const [area, rest] = [roll(11, 99), `${roll(6, 9)}${digits(7)}`]
    return [`+55${area}9${rest}`, `+55${area}${rest}`]
  },
  'of Mexico, with and without the 1': () => {
    const rest = `${roll(2, 9)}${digits(9)}`
    return [`+52${rest}`, `+521${rest}`]
  },
  'of Argentina, with and without the 9': () => {
    const rest = `${roll(1, 8)}${digits(9)}`
    return [`+549${rest}`, `+54${rest}`]
  },
}

it.each(Object.keys(pairs))('a number %s is one address, and no two people have the same', (name) => {
  const people = new Map<string, string>()
  for (let run = 0; run < 2000; run += 1) {
    const [usual = '', other = ''] = pairs[name]?.() ?? []
    expect(key(other)).toBe(key(usual))
    expect(key(key(other))).toBe(key(other))
    // As people and directories write it, so that rows keep their address.
    expect(key(usual)).toBe(usual)
    expect(people.get(key(usual)) ?? usual).toBe(usual)
    people.set(key(usual), usual)
  }
})

it('anything else is as it is written: landlines of Brazil, other countries, user ids', () => {
  const others = ['+551133334444', '+14155550123', '+4915112345678', '+34612345678', 'US.13491208655302741918']
  for (const address of [...others, '+55119876543210', '+5255123456', '+540112345678']) {
    expect(key(address)).toBe(address)
  }
})
