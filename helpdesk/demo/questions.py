"""What simulated customers ask while somebody watches."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    channel: str
    language: str
    text: str
    subject: str = ""  # of a mail
    patience: int = 2  # how often this customer writes at most


QUESTIONS = (
    Question(
        "email",
        "pt_BR",
        "Oi, tudo bem?\n\nMinha fatura deste mês veio com um valor que não reconheço. "
        "Podem me explicar linha por linha?\n\nObrigado",
        "Valor que não reconheço na fatura",
    ),
    Question(
        "email",
        "pt_BR",
        "Boa tarde,\n\npreciso da nota fiscal dos últimos três meses para o contador.\n\n"
        "Atenciosamente",
        "Notas fiscais dos últimos meses",
    ),
    Question(
        "email",
        "pt_BR",
        "Olá! Troquei de cartão ontem e a cobrança foi no antigo. Como resolvo?",
        "Cobrança no cartão antigo",
    ),
    Question("whatsapp", "pt_BR", "Oi! Paguei o Pix e ainda aparece em aberto 🙁"),
    Question("whatsapp", "pt_BR", "Bom dia, dá para mudar o vencimento para o dia 10?"),
    Question("whatsapp", "pt_BR", "Quero dividir o plano Família com minha irmã, como faço?"),
    Question("sms", "pt_BR", "O boleto venceu ontem, podem mandar outro?"),
    Question("sms", "pt_BR", "Recebi cobranca em duplicidade este mes?"),
    Question("chat", "pt_BR", "Oi, o app pede para eu assinar de novo, mas já sou assinante"),
    Question("chat", "pt_BR", "Se eu mudar para o Plus hoje, quanto pago agora?"),
    Question("chat", "pt_BR", "Consigo pausar a assinatura por um mês?"),
    Question(
        "voice",
        "pt_BR",
        "Boa tarde, eu cancelei a assinatura na semana passada e fui cobrado de novo hoje. "
        "Queria o dinheiro de volta, podem retornar?",
    ),
    Question("chat", "en", "Hi, can I pay in two parts this month?"),
    Question("email", "en", "Hello,\n\nwhich address do you have on my invoices?", "My invoices"),
)

THANKS = {
    "pt_BR": (
        "Perfeito, muito obrigado!",
        "Entendi. Obrigada pela ajuda 🙂",
        "Ok, vou conferir aqui e aviso se não der certo.",
        "Show, era isso mesmo. Valeu!",
    ),
    "en": ("Thank you, that helps!", "Great, I will check and let you know."),
}
