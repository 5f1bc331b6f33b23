import type { InboundReply } from '../schemas/vocabulary.ts'

type Sentences = Readonly<Record<InboundReply, (name: string, phone: string) => string>>

const english: Sentences = {
  stopped: (name) => `${name}You will get no more messages from this number. Text START to get them again.`,
  started: (name) => `${name}You will get messages from this number again. Text STOP to end them.`,
  help: (name, phone) => `${name}Appointment messages.${phone === '' ? '' : ` Call ${phone}.`} Text STOP to end them.`,
}

/** By language; every other one gets English. Not yet read by native speakers, as the other texts of these languages. */
const sentences: Readonly<Record<string, Sentences>> = {
  en: english,
  fr: {
    stopped: (name) =>
      `${name}Vous ne recevrez plus de messages de ce numéro. Envoyez START pour en recevoir à nouveau.`,
    started: (name) =>
      `${name}Vous recevrez à nouveau les messages de ce numéro. Envoyez STOP pour ne plus en recevoir.`,
    help: (name, phone) =>
      `${name}Messages de rendez-vous.${phone === '' ? '' : ` Téléphone : ${phone}.`} Envoyez STOP pour ne plus en recevoir.`,
  },
  es: {
    stopped: (name) => `${name}No recibirá más mensajes de este número. Envíe START para volver a recibirlos.`,
    started: (name) => `${name}Volverá a recibir mensajes de este número. Envíe STOP para no recibirlos.`,
    help: (name, phone) =>
      `${name}Mensajes sobre citas.${phone === '' ? '' : ` Teléfono: ${phone}.`} Envíe STOP para no recibirlos.`,
  },
  de: {
    stopped: (name) =>
      `${name}Sie erhalten keine Nachrichten mehr von dieser Nummer. Mit START erhalten Sie wieder welche.`,
    started: (name) => `${name}Sie erhalten wieder Nachrichten von dieser Nummer. Mit STOP beenden Sie das.`,
    help: (name, phone) =>
      `${name}Nachrichten zu Terminen.${phone === '' ? '' : ` Telefon: ${phone}.`} Mit STOP beenden Sie sie.`,
  },
  pt: {
    stopped: (name) => `${name}Não receberá mais mensagens deste número. Envie START para voltar a recebê-las.`,
    started: (name) => `${name}Voltará a receber mensagens deste número. Envie STOP para não as receber.`,
    help: (name, phone) =>
      `${name}Mensagens sobre consultas.${phone === '' ? '' : ` Telefone: ${phone}.`} Envie STOP para não as receber.`,
  },
  it: {
    stopped: (name) => `${name}Non riceverà più messaggi da questo numero. Invii START per riceverli di nuovo.`,
    started: (name) => `${name}Riceverà di nuovo i messaggi da questo numero. Invii STOP per non riceverli più.`,
    help: (name, phone) =>
      `${name}Messaggi sugli appuntamenti.${phone === '' ? '' : ` Telefono: ${phone}.`} Invii STOP per non riceverli più.`,
  },
  nl: {
    stopped: (name) => `${name}U ontvangt geen berichten meer van dit nummer. Stuur START om ze weer te ontvangen.`,
    started: (name) => `${name}U ontvangt weer berichten van dit nummer. Stuur STOP om dat te beëindigen.`,
    help: (name, phone) =>
      `${name}Berichten over afspraken.${phone === '' ? '' : ` Telefoon: ${phone}.`} Stuur STOP om ze te beëindigen.`,
  },
}

/** `organization` and `phone`: null where unknown. */
export function inboundReply(
  kind: InboundReply,
  { language, organization, phone }: { language: string; organization: string | null; phone: string | null },
): string {
  const found = sentences[new Intl.Locale(language).language] ?? english
  return found[kind](organization === null ? '' : `${organization}: `, phone ?? '')
}
