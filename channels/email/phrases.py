"""Words by which mail programs introduce what is not new in a mail, by language.

English, Portuguese, Spanish, French, German, Italian and Dutch are meant to be whole;
the Nordic languages, Polish, Russian, Vietnamese and Chinese hold what is common.
All names of headers are lower-case.
"""

import re
from typing import Final

# Names of the header lines that a program writes above the mail it quotes.
_FROM = (
    "from, de, von, da, van, fra, från, od, от, 发件人, 寄件者, 差出人, message de, remitente,"
    " expéditeur, absender, mittente, afzender, remetente, lähettäjä"
)
_SENT = (
    "sent, enviado, enviada, enviado em, enviada em, enviado el, envoyé, envoyé le, gesendet,"
    " gesendet am, inviato, verzonden, verzonden op, sendt, skickat, wysłano, отправлено, 发送时间,"
    " 寄件日期, 送信日時, lähetetty, message du, sent at, enviado a las"
)
_DATE = "date, data, fecha, datum, dato, дата, 日期, data invio, data de envio"
_TO = "to, para, an, à, a, aan, til, till, do, кому, 收件人, 宛先, destinatario, destinataire, vastaanottaja"
_COPY = (
    "cc, cópia, com cópia, copia, kopie, copie à, copie, kopi, kopia, dw, копия, 抄送, bcc, cci,"
    " cco, in copia"
)
_SUBJECT = (
    "subject, assunto, asunto, objet, sujet, betreff, oggetto, onderwerp, emne, ämne, temat,"
    " тема, 主题, 主旨, 件名, aihe"
)
_OTHER = (
    "reply-to, reply to, responder para, responder a, répondre à, antwort an, rispondi a,"
    " antwoord aan, importance, importância, importancia, wichtigkeit, priorità, attachments,"
    " anexos, adjuntos, pièces jointes, anlagen, allegati, bijlagen, organization"
)


def _by_name(**kinds: str) -> dict[str, str]:
    return {name.strip(): kind for kind, names in kinds.items() for name in names.split(",")}


HEADER_KINDS: Final = _by_name(
    sender=_FROM, sent=_SENT, date=_DATE, to=_TO, copy=_COPY, subject=_SUBJECT, other=_OTHER
)

# The words between the dashes of "-----Original Message-----".
_RULED = (
    r"original\s+message|reply\s+message|forwarded\s+(?:message|by\b.*)"
    r"|mensagem\s+(?:original|encaminhada)|mensaje\s+(?:original|reenviado)"
    r"|message\s+(?:d['’]origine|d['’]origine|original|transféré|initial)"
    r"|(?:ursprüngliche|original|weitergeleitete|originale)[\s-]*nachricht"
    r"|messaggio\s+(?:originale|inoltrato)"
    r"|(?:oorspronkelijk|origineel|doorgestuurd)\s+bericht"
    r"|(?:oprindelig|opprinnelig|original|videresendt)\s+(?:meddelelse|melding|besked)"
    r"|(?:ursprungligt|originalt|vidarebefordrat)\s+meddelande"
    r"|(?:wiadomość\s+oryginalna|oryginalna\s+wiadomość|treść\s+przekazanej\s+wiadomości)"
    r"|(?:исходное|пересылаемое)\s+сообщение|原始邮件|轉寄郵件|转发邮件"
)
RULED: Final = re.compile(_RULED, re.IGNORECASE)
# Apple Mail writes a sentence in place of the dashes.
FORWARD_BEGINS: Final = re.compile(
    r"(?:begin forwarded message|início da mensagem (?:encaminhada|reenviada)"
    r"|inicio del mensaje reenviado|début du message (?:transféré|réexpédié)"
    r"|anfang der weitergeleiteten (?:nachricht|e-mail)|inizio messaggio inoltrato"
    r"|begin doorgestuurd bericht|vidarebefordrat brev)\s{0,2}:",
    re.IGNORECASE,
)

# What other help desks write above the mail they send.
REPLY_ABOVE: Final = re.compile(
    r"(?:please )?(?:type|write|enter) your reply above this line|(?:please )?reply above this line"
    r"|(?:por favor,? )?(?:digite|escreva) sua resposta acima desta linha|responda acima desta linha"
    r"|(?:por favor,? )?escriba su respuesta (?:por encima|arriba) de esta línea"
    r"|répondre au-dessus de cette ligne|bitte (?:antworten sie )?oberhalb dieser (?:zeile|linie).{0,40}"
    r"|rispondi(?:re)? sopra (?:a )?questa (?:riga|linea)|antwoord boven deze (?:regel|lijn)",
    re.IGNORECASE,
)
# What it begins with, as far as it is ASCII.
ABOVE_BEGINS: Final = frozenset("pl ty wr en re po di es bi ri an".split())
# Programs that name no date.
QUOTING: Final = re.compile(
    r"(?:quoting|citando|zitat von|citat de|citation de|citerar)\b", re.IGNORECASE
)

VERB: Final = re.compile(
    r"\b(?:wrote|writes|said|escreveu|escribi[óo]|[ée]crit|schrieb|geschrieben|ha scritto"
    r"|scrive|schreef|geschreven|skrev|napisał(?:\(a\)|a)?|kirjoitti|написал(?:\(а\)|а)?|пишет"
    r"|đã viết|a scris|yazdı|írta|napsal(?:\(a\)|a)?)(?!\w)|写道|寫道",
    re.IGNORECASE,
)
# What an attribution begins with, where it begins with a word.
OPENING: Final = re.compile(
    r"(?:on|at|em|no dia|aos?|às|el|le|il|in data|am|op|den|på|w dniu|dnia|dne|vào|pada|kl)\b|[在于於]",
    re.IGNORECASE,
)

_CLOSING = (
    r"(?:(?:best|kind|kindest|warm|warmest|many)\s+)?(?:regards|wishes)|sincerely(?:\s+yours)?"
    r"|yours\s+(?:sincerely|truly|faithfully)|cheers|best|(?:many\s+)?thanks(?:\s+again)?"
    r"|thank\s+you|respectfully"
    r"|atenciosamente|att|cordialmente|(?:um\s+)?(?:forte\s+)?abra[çc]os?|grat[ao]|obrigad[ao]"
    r"|(?:muito\s+)?obrigad[ao]|cumprimentos|com\s+os\s+melhores\s+cumprimentos"
    r"|(?:un\s+)?(?:cordial\s+)?saludos?(?:\s+cordiales)?|atentamente|gracias|muchas\s+gracias"
    r"|(?:bien\s+)?cordialement|salutations(?:\s+distinguées)?|bien\s+à\s+vous|merci"
    r"|(?:mit\s+)?(?:freundlichen?|besten?|viele|liebe|schöne)\s+grü(?:ß|ss)en?|mfg|vg|lg"
    r"|(?:cordiali|distinti)\s+saluti|saluti|grazie"
    r"|(?:met\s+)?(?:vriendelijke|hartelijke)\s+groet(?:en)?|groet(?:en|jes)?|mvg"
    r"|(?:med\s+)?(?:venlig|vennlig|vänlig|kærlig)(?:a)?\s+h(?:ilsen|älsning(?:ar)?)|mvh|hilsen"
    r"|pozdrawiam|z\s+poważaniem"
)
CLOSING: Final = re.compile(_CLOSING, re.IGNORECASE)
CLOSING_WORDS: Final = 4  # at the most

_THING = (
    r"my\b|an?\b|mobile|phone|tablet|mail\b|mailbox|e-?mail|outlook|yahoo|gmail|android|iphone"
    r"|ipad|ipod|ios\b|samsung|galaxy|blackberry|windows|thunderbird|proton|airmail|typeapp|hey\b"
    r"|bluemail|spark\b|xiaomi|huawei|motorola|nokia|htc\b|sony|lg\b|zoho|yandex|aol\b|k-9"
    r"|sparrow|postbox|mac\b|meu\b|minha\b|mi\b|mon\b|ma\b|meine[mr]?\b|mio\b|mia\b|mijn\b|min\b"
    r"|mitt\b|telefone|celular|móvil|portable|handy|cellulare|telefoon|mobil"
)
_FROM_MY = (
    r"(?:sent|from)\s+(?:(?:from|via|with|using|by|on)\s+)?"
    r"|enviad[oa]\s+(?:(?:do|da|de|pelo|desde|a\s+partir\s+d[oea]|por|via|com)\s+)?(?:el\s+)?"
    r"|envoyé\s+(?:de(?:puis)?|à\s+partir\s+d[e']|avec|via)\s*"
    r"|gesendet\s+(?:von|mit|aus|über)\s+"
    r"|inviato\s+d(?:a|al|alla|all['’])\s*"
    r"|(?:verzonden|verstuurd)\s+(?:vanaf|vanuit|met|via)\s+"
    r"|sendt\s+(?:fra|via|med)\s+|skickat\s+från\s+|wysłane\s+z\s+|отправлено\s+(?:с|из)\s+"
)
_GET = (
    r"(?:get|obter|obtenha|baixe|baixar|obtener|obtén|descargar?|obtenir|téléchargez?|holen\s+sie"
    r"(?:\s+sich)?|laden\s+sie|scarica|ottieni|download|hent|hämta|pobierz)(?:\s+(?:o|el))?"
)
# How a line begins that a program adds below what was written, links already taken out.
DEVICE: Final = re.compile(
    rf"(?:(?:{_FROM_MY})(?:{_THING})|{_GET}\s+outlook\b"
    r"|(?:livre\s+de\s+vírus|libre\s+de\s+virus|virus-free|sans\s+virus|virenfrei"
    r"|privo\s+di\s+virus|virusvrij)\b)",
    re.IGNORECASE,
)
# The same where the telling words stand at its end.
DEVICE_WHOLE: Final = re.compile(
    r"(?:diese nachricht wurde )?von meine[mr] .{1,60} gesendet|outlook voor \w{1,20} downloaden"
    r"|\w{1,20} from mobile|[從从發发](?:自)?我的.{1,40}",
    re.IGNORECASE,
)
# What both begin with, as far as it is ASCII; only "... from mobile" begins with anything.
DEVICE_BEGINS: Final = (
    "sent", "send", "from", "enviad", "envoy", "gesendet", "inviato", "verzonden", "verstuurd",
    "skickat", "wys", "get", "obt", "baix", "descarg", "holen", "laden", "scarica", "ottieni",
    "download", "hent", "pobierz", "livre", "libre", "virus", "viren", "sans", "privo", "diese",
    "von", "outlook",
)  # fmt: skip
EXCUSE: Final = re.compile(
    r"\b(?:excuse|pardon|forgive|sorry|apolog|typ[oe]|descul|perd[oã]|discul|entschuld|scus)",
    re.IGNORECASE,
)
