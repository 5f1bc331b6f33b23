import { NotificationError } from '../../../src/errors.ts'

export type Nodemailer = Awaited<ReturnType<typeof loadNodemailer>>

/** @throws NotificationError `dependency_missing` when nodemailer is not installed. */
export async function loadNodemailer() {
  try {
    const [{ createTransport }, { default: MimeNode }, qp] = await Promise.all([
      import('nodemailer'),
      import('nodemailer/lib/mime-node'),
      import('nodemailer/lib/qp'),
    ])
    return { createTransport, MimeNode, qp }
  } catch (cause) {
    throw new NotificationError('dependency_missing', 'The smtp transport needs a package: npm install nodemailer', {
      cause,
    })
  }
}
