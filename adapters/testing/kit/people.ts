import type {
  Directory,
  DirectoryAppointment,
  DirectoryRecipient,
  DirectoryWaitlistEntry,
  EntityId,
  HostId,
  RecipientRef,
} from '../../../src/index.ts'

export const organizationId = 'test-clinic'

/** A person of the test. Default: a `PATIENT` with the name given in the test, and the e-mail address `<name>@example.org`. */
export type TestPerson = Partial<DirectoryRecipient>

/** An appointment of the test, with its recipients by name. Default: in the zone of the test, with everybody. */
export type TestAppointment = Partial<Omit<DirectoryAppointment, 'id' | 'startsAt' | 'recipients'>> & {
  readonly id: HostId
  /** An instant, or a local time of the zone: `2026-03-29T10:00`. */
  readonly startsAt: Date | string
  readonly recipients?: readonly string[]
}

export type TestWaitlistEntry = Partial<Omit<DirectoryWaitlistEntry, 'id' | 'recipients'>> & {
  readonly id: HostId
  readonly recipients?: readonly string[]
}

type Known = Readonly<Record<string, TestPerson>>

const keyOf = ({ type, id }: { readonly type: string; readonly id: HostId }): string => `${type} ${id}`

/** A host's tables in memory. A test changes them as its application would, with or without reporting it. */
export class TestDirectory implements Directory {
  readonly #timeZone: string
  readonly #appointments = new Map<HostId, DirectoryAppointment>()
  readonly #entries = new Map<HostId, DirectoryWaitlistEntry>()
  readonly #people = new Map<string, DirectoryRecipient>()
  #fault: Error | null = null

  constructor(timeZone: string, people: Known) {
    this.#timeZone = timeZone
    for (const [name, person] of Object.entries(people)) this.setPerson(name, person)
  }

  /**
   * A person of the test by name, with the id and addresses that messages go to.
   * @throws Error for a name that the test did not define.
   */
  person(name: string): DirectoryRecipient & RecipientRef {
    const found = this.#people.get(name)
    if (found === undefined) {
      throw new Error(`There is no "${name}" among the people of this test: ${[...this.#people.keys()].join(', ')}.`)
    }
    return { ...found, id: typeof found.id === 'bigint' ? Number(found.id) : found.id }
  }

  /** Adds a person, or changes what is given of one. */
  setPerson(name: string, person: TestPerson): void {
    const known = this.#people.get(name)
    const added = { type: 'PATIENT', id: this.#people.size + 1, name, email: `${name}@example.org` } as const
    const changed = { ...(known ?? added), ...person }
    this.#people.set(name, changed)
    for (const [id, { recipients, ...row }] of this.#appointments) {
      const isMeant = (one: DirectoryRecipient) => known !== undefined && keyOf(one) === keyOf(known)
      this.#appointments.set(id, { ...row, recipients: recipients.map((one) => (isMeant(one) ? changed : one)) })
    }
  }

  /** Adds an appointment, or changes what is given of one. */
  setAppointment({ recipients, ...appointment }: Partial<TestAppointment> & { readonly id: HostId }): void {
    const known = this.#appointments.get(appointment.id)
    const { startsAt } = appointment
    const before = known ?? (startsAt === undefined ? undefined : this.#added({ ...appointment, startsAt }))
    if (before === undefined) throw new Error(`A new appointment needs "startsAt"; ${appointment.id} has none.`)
    const people = recipients === undefined ? {} : { recipients: recipients.map((name) => this.person(name)) }
    this.#appointments.set(appointment.id, { ...before, ...appointment, ...people })
  }

  setWaitlistEntry({ recipients, ...entry }: TestWaitlistEntry): void {
    const people = (recipients ?? [...this.#people.keys()]).map((name) => this.person(name))
    this.#entries.set(entry.id, { organizationId, timeZone: this.#timeZone, ...entry, recipients: people })
  }

  removeAppointment(id: HostId): void {
    this.#appointments.delete(id)
  }

  /** From now on every call throws this error; null: none does. */
  failWith(error: Error | null): void {
    this.#fault = error
  }

  #added(appointment: Omit<TestAppointment, 'recipients'>): DirectoryAppointment {
    const recipients = [...this.#people.keys()].map((name) => this.person(name))
    return { organizationId, timeZone: this.#timeZone, practitionerName: 'Dr. Smith', ...appointment, recipients }
  }

  appointments(ids: readonly EntityId[]) {
    return this.#answer(() => ids.flatMap((id) => this.#appointments.get(id) ?? []))
  }

  organizations(ids: readonly string[]) {
    return this.#answer(() => ids.map((id) => ({ id, name: 'Test Clinic' })))
  }

  recipients(refs: readonly RecipientRef[]) {
    const people = new Map([...this.#people.values()].map((person) => [keyOf(person), { ...person, organizationId }]))
    return this.#answer(() => refs.flatMap((ref) => people.get(keyOf(ref)) ?? []))
  }

  waitlistEntries(ids: readonly EntityId[]) {
    return this.#answer(() => ids.flatMap((id) => this.#entries.get(id) ?? []))
  }

  upcoming() {
    return this.#answer(() => ({ ids: [...this.#appointments.keys()], cursor: null }))
  }

  async #answer<T>(rows: () => T): Promise<T> {
    if (this.#fault !== null) throw this.#fault
    return rows()
  }
}
