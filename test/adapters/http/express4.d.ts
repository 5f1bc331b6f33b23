/** Express 4 under its alias: the slice used by the tests is typed as in Express 5. */
declare module 'express4' {
  export { default } from 'express'
}
