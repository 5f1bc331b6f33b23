type Defined<T> = { [Field in keyof T]?: Exclude<T[Field], undefined> }

/** Leaves out what is undefined: in a patch or a filter, a key that is there means something. */
export function definedOnly<T extends object>(from: T): Defined<T> {
  const defined: Defined<T> = { ...from }
  for (const key in defined) if (defined[key] === undefined) delete defined[key]
  return defined
}
