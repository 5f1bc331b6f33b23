/** What people answer, by meaning and language; one a line. */
export const corpus: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  stop: {
    en: `STOP
stop
Stop.
STOP!!!
Stop. Thank you
stop please
Please stop
ｓｔｏｐ
S T O P
stop stop stop
STOPALL
stop all
Unsubscribe
UNSUBSCRIBE please
opt out
Opt-Out
OPTOUT
revoke
"STOP"
Stop 🙏
Please stop texting me
stop sending me texts
don't text me
Remove me
Take me off your list
no more texts please
Hi, stop. Thanks`,
    fr: `ARRÊT
Arret
arrêtez
Arrêtez svp
Stop merci
STOP s'il vous plaît
désabonner
me désabonner
Bonjour, stop. Merci beaucoup
plus de SMS`,
    es: `ALTO
Parar
Baja
BAJA por favor
Stop, gracias
Darme de baja
No más mensajes
¡Basta!`,
    de: `STOPP
Stopp bitte
Abmelden
Abbestellen
Stop. Danke
Bitte keine Nachrichten mehr
Keine SMS mehr!
abmeldung, vielen Dank`,
    pt: `SAIR
Parar
pare
Sair, obrigado
Stop por favor
Chega!
Não quero mais mensagens`,
    it: `Basta
Stop grazie
Disiscrivimi
Rimuovimi per favore
Niente messaggi
FERMA`,
    nl: `Afmelden
Uitschrijven
Stop aub
Geen berichten meer
Stoppen, bedankt`,
    pl: `Wypisz
Wypisz mnie proszę
Przestań
Stop, dziękuję
Rezygnuję`,
    vi: `Dừng
DỪNG LẠI, cảm ơn
hủy đăng ký
Huỷ đăng ký
tu choi`,
    hi: `बंद
बंद करें
कृपया रोकें`,
    bn: `বন্ধ করুন`,
    ru: `Прекратите, пожалуйста`,
    ar: `إيقاف
إِيقاف`,
  },
  cancel: {
    en: `CANCEL
cancel please
END
Quit
Cancel. Thank you`,
    fr: `Annuler
Annulez svp`,
    es: `CANCELAR
Cancelar por favor
Anular`,
    de: `Absagen
Stornieren bitte
ENDE`,
    pt: `Cancelar, obrigada
Desmarcar`,
    it: `Annulla
Disdire grazie`,
    nl: `Annuleren aub`,
    pl: `Anuluj
Odwołaj proszę`,
    vi: `Hủy
Huỷ, cảm ơn`,
  },
  start: {
    en: `START
start please
UNSTOP
unstop
Opt in
resume`,
    fr: `Démarrer
Réabonner svp`,
    es: `Iniciar
alta por favor`,
    de: `Anmelden
Start bitte`,
    pt: `Começar
Voltar por favor`,
    it: `Inizia
Start, grazie`,
    nl: `Aanmelden`,
    pl: `Wznów
Start proszę`,
  },
  yes: {
    en: `YES
yes please
Y`,
    fr: `Oui
oui merci`,
    es: `Sí
SI gracias`,
    de: `Ja
Ja, danke`,
    pt: `Sim
sim obrigado`,
    it: `sì grazie`,
    nl: `Ja graag`,
    pl: `Tak
tak, dziękuję`,
  },
  help: {
    en: `HELP
help?
Info
Help please`,
    fr: `Aide
AIDE svp`,
    es: `Ayuda
ayuda por favor`,
    de: `Hilfe
Hilfe bitte`,
    pt: `Ajuda`,
    it: `Aiuto`,
    nl: `Hulp`,
    pl: `Pomoc`,
  },
  doubt: {
    en: `I'll stop by at 3
Can I stop by earlier?
please cancel my appointment on Tuesday
Do I have to opt out of the study?
how do I unsubscribe from the other clinic
I stopped taking the pills
when will this stop
STOP the 3 pm one, keep the other
I cancelled it already
please dont text me again
Please don't text me again.
can you do not contact me any more
remove me from your list
could you take me off
take me off this list`,
    fr: `Je dois annuler mon rendez-vous de mardi
l'arrêt de bus est devant chez vous ?
comment se désabonner de l'autre liste`,
    es: `quiero cancelar mi cita del martes
estoy de baja esta semana`,
    de: `Ich muss den Termin am Dienstag leider absagen
Wo ist der Stopp vom Bus?
Kann ich noch stornieren ohne Gebühr?`,
    pt: `preciso cancelar a consulta de terça
vou sair mais cedo do trabalho`,
    it: `devo disdire l'appuntamento di martedì
vorrei annullare la visita`,
    nl: `ik moet mijn afspraak van dinsdag afzeggen
moet ik annuleren als ik ziek ben`,
    pl: `muszę odwołać wizytę we wtorek
czy mogę anulować jutro`,
    vi: `Dung
Huy
tôi muốn hủy lịch hẹn`,
    hi: `मंगलवार की मुलाकात रद्द कर दीजिए`,
    ko: `화요일 예약을 취소하고 싶어요`,
  },
  other: {
    en: `C
1
2
R
Ok
OK thanks
Thank you!
See you tomorrow
I'll be ten minutes late
Can I come at the end of the week?
Who is this?
👍
Fine
confirm
No
What should I bring
My son has a fever
running late, sorry`,
    fr: `Merci
D'accord
Je serai en retard
À demain
Quelle est l'adresse ?
Non`,
    es: `Gracias
Vale
Llegaré tarde
¿Dónde está para aparcar?
No puedo ir, ¿otra hora?`,
    de: `Danke
Bis morgen
Ich komme etwas später
Wie lange dauert es?
Nein
Passt`,
    pt: `Obrigado
Vou me atrasar
Qual é o endereço?
Até amanhã`,
    it: `Grazie mille
Arrivo tardi
Va bene
Dove si trova lo studio?`,
    nl: `Bedankt
Tot morgen
Ik ben wat later
Waar kan ik parkeren?`,
    pl: `Dziękuję
Do jutra
Spóźnię się
Gdzie mam przyjść?`,
    vi: `Đúng
đúng rồi
Cảm ơn, Huy đây
sử dụng`,
    hi: `बाद में
ठीक है, बाद में आता हूँ
बंदर`,
    bn: `বন্ধু`,
  },
}
