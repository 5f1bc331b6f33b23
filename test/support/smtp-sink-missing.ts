import { hasSmtpSink } from './smtp-sink.ts'

/** Vitest calls it before the tests, and what it gives after the summary: among the last lines that are read. */
export default function setup() {
  return () => {
    if (hasSmtpSink) return
    console.error(
      "\n!! smtp-sink is not installed: the smtp transport was NOT tested with a server that is not this project's own.\n" +
        '!! It is part of Postfix (apt-get install postfix); SMTP_SINK names one that is only unpacked (dpkg -x).\n',
    )
  }
}
