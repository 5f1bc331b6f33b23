/** What a browser asks for at most; a longer list is no person's. */
const mostTags = 20

/** The languages of `Accept-Language` (RFC 9110), the most wanted first; none: whatever there is. */
export function acceptedLanguages(header: string | undefined): readonly string[] {
  const wanted = (header ?? '')
    .slice(0, 1000)
    .split(',', mostTags)
    .flatMap((part) => {
      const [tag = '', ...parameters] = part.split(';').map((text) => text.trim())
      const given = parameters.find((text) => text.startsWith('q='))
      const weight = given === undefined ? 1 : Number(given.slice(2))
      return /^[0-9a-z-]+$/i.test(tag) && weight > 0 ? [{ tag, weight }] : []
    })
  return wanted.toSorted((one, other) => other.weight - one.weight).map(({ tag }) => tag)
}
