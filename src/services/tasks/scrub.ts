/** Another program's words, as they may be stored and shown: one line, without contact data. */
export function scrub(error: string | null): string {
  if (error === null || error.trim() === '') return 'Reported as failed, without a reason.'
  return error
    .slice(0, 1000)
    .replace(/[\p{Cc}\u2028\u2029\p{Cs}]+/gu, ' ')
    .replace(/[^\s@<>]{1,64}@[^\s@<>]{1,255}/g, '[address]')
    .replace(/\+?\d[\d\s().-]{5,20}\d/g, '[number]')
    .slice(0, 500)
}
