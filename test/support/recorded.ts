/** Records the names of the methods that are called of an object and of the objects in it, in their order: `plans.find`. */
export function recorded<T extends object>(target: T, calls: string[], path = ''): T {
  return new Proxy(target, {
    get(object, key) {
      const value: unknown = Reflect.get(object, key, object)
      if (typeof key === 'symbol') return value
      const name = path === '' ? key : `${path}.${key}`
      if (typeof value === 'function') {
        return (...args: unknown[]) => {
          calls.push(name)
          return Reflect.apply(value, object, args)
        }
      }
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? recorded(value, calls, name) : value
    },
  })
}
