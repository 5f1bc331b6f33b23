/** Works on due rows, a limited number at a time, and sleeps until the next one is due. */
export type Pump = {
  /** Call it when something may be due earlier than before. */
  wake(): void
  /** Begins nothing new, and resolves when all work in progress has ended. */
  stop(): Promise<void>
}

export type PumpOptions<Row> = {
  readonly concurrency: number
  /** When the next row is due, in ms. */
  nextAt(): number | null
  /** Takes rows that are due; they are then no longer due. */
  take(now: number, limit: number): readonly Row[]
  /** Must not reject. */
  work(row: Row): Promise<void>
}

const dayMs = 86_400_000

export function startPump<Row>({ concurrency, nextAt, take, work }: PumpOptions<Row>): Pump {
  const underWay = new Set<Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  function wake(): void {
    clearTimeout(timer)
    const room = concurrency - underWay.size
    if (isStopped || room <= 0) return
    for (const row of take(Date.now(), room)) {
      const done = work(row).finally(() => {
        underWay.delete(done)
        wake()
      })
      underWay.add(done)
    }
    const at = nextAt()
    // Longer timers overflow in Node. At the concurrency limit, the end of a work item looks again.
    if (at !== null && underWay.size < concurrency) {
      timer = setTimeout(wake, Math.min(dayMs, Math.max(0, at - Date.now())))
    }
  }

  wake()
  return {
    wake,
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await Promise.all(underWay)
    },
  }
}

/** Doubles with every attempt, up to sixty times `baseMs`; half of it is random. */
export function backoffMs(attempts: number, baseMs: number): number {
  const whole = Math.min(baseMs * 2 ** (attempts - 1), baseMs * 60)
  return Math.round((whole / 2) * (1 + Math.random()))
}
