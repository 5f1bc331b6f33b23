export type PoolLimits = {
  /** A pool that sent nothing for this long is closed, in ms. */
  readonly idleMs: number
  /** Pools at a time. The one unused for longest makes room. */
  readonly maxPools: number
  /** A pool older than this is replaced, in ms, so that a host that moves is followed. */
  readonly maxAgeMs: number
}

/** A pool, and whose it is. */
export type PoolOwner = { readonly key: string; readonly organizationId: string }

type Closable = { close(): void }

type Slot<T> = {
  readonly key: string
  readonly opening: Promise<T>
  readonly openedAt: number
  /** Who used it last under this key: when the last of them moves to another key, the credentials are superseded. */
  readonly organizations: Set<string>
  readonly closed: PromiseWithResolvers<void>
  inUse: number
  retired: boolean
  idle: NodeJS.Timeout | undefined
}

/** One pool a key, opened on first use. A pool in use is never closed: it is retired, and closes after its last send. */
export function createPools<T extends Closable>(limits: PoolLimits) {
  /** Least recently used first. */
  const slots = new Map<string, Slot<T>>()
  const slotOf = new Map<string, Slot<T>>()
  /** Also the retired that are still sending. */
  const open = new Set<Slot<T>>()

  function acquire({ key, organizationId }: PoolOwner, opener: () => Promise<T>): Slot<T> {
    let slot = slots.get(key)
    if (slot !== undefined && performance.now() - slot.openedAt > limits.maxAgeMs) {
      retire(slot)
      slot = undefined
    }
    slot ??= add(key, opener)
    clearTimeout(slot.idle)
    slot.inUse += 1
    slots.delete(key)
    slots.set(key, slot)
    const previous = slotOf.get(organizationId)
    if (previous !== slot) {
      slotOf.set(organizationId, slot)
      slot.organizations.add(organizationId)
      previous?.organizations.delete(organizationId)
      if (previous?.organizations.size === 0) retire(previous)
    }
    return slot
  }

  function add(key: string, opener: () => Promise<T>): Slot<T> {
    if (slots.size >= limits.maxPools) {
      const all = [...slots.values()]
      const oldest = all.find((slot) => slot.inUse === 0) ?? all[0]
      if (oldest !== undefined) retire(oldest)
    }
    const slot: Slot<T> = {
      key,
      opening: opener(),
      openedAt: performance.now(),
      organizations: new Set(),
      closed: Promise.withResolvers(),
      inUse: 0,
      retired: false,
      idle: undefined,
    }
    slots.set(key, slot)
    open.add(slot)
    return slot
  }

  function release(slot: Slot<T>): void {
    slot.inUse -= 1
    if (slot.inUse > 0) return
    if (slot.retired) finish(slot)
    // Unreferenced: it closes sockets that keep the process alive, and is not itself a reason to stay.
    else slot.idle = setTimeout(() => retire(slot), limits.idleMs).unref()
  }

  function retire(slot: Slot<T>): void {
    if (slot.retired) return
    slot.retired = true
    clearTimeout(slot.idle)
    slots.delete(slot.key)
    for (const organization of slot.organizations) slotOf.delete(organization)
    if (slot.inUse === 0) finish(slot)
  }

  function finish(slot: Slot<T>): void {
    open.delete(slot)
    slot.opening.then((pool) => pool.close()).then(slot.closed.resolve, () => slot.closed.resolve())
  }

  return {
    /** Runs `work` on the pool. When it fails in a way that `unsound` says, the next call gets a new pool. */
    async use<R>(
      owner: PoolOwner,
      opener: () => Promise<T>,
      work: (pool: T) => Promise<R>,
      unsound: (error: unknown) => boolean,
    ) {
      const slot = acquire(owner, opener)
      try {
        return await work(await slot.opening)
      } catch (error) {
        if (unsound(error)) retire(slot)
        throw error
      } finally {
        release(slot)
      }
    },

    /** Retires all and waits for their sends. */
    async close(): Promise<void> {
      const closing = [...open]
      for (const slot of closing) retire(slot)
      await Promise.all(closing.map((slot) => slot.closed.promise))
    },
  }
}
