"""What a caller hears, in each language we greet in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's sentences. `{company}`, `{place}` and `{name}` are the only fields."""

    locale: str  # as the provider's <Say> names it
    voice: str
    hello: str  # open, somebody can answer: the menu follows
    menu: str
    open: str  # open, and nobody can answer
    closed: str
    hold: str
    hold_hidden: str  # the number is hidden: nobody could call it back
    waited_long: str
    callback: str
    leave_message: str
    connecting: str
    still_waiting: str
    bridging: str  # to the colleague, before the customer's telephone rings
    thanks: str
    silence: str


PHRASES = {
    "pt_BR": Phrases(
        locale="pt-BR",
        voice="Polly.Camila",
        hello="Olá, você ligou para {company}.",
        menu="Para falar sobre cobranças, tecle 1. Para outros assuntos, tecle 2.",
        open=(
            "Olá, você ligou para {company}. No momento todos estão em atendimento. "
            "Deixe seu recado depois do sinal e nós retornaremos em breve."
        ),
        closed=(
            "Olá, você ligou para {company}. Estamos fora do horário de atendimento. "
            "Deixe seu recado depois do sinal e nós retornaremos no próximo dia útil."
        ),
        hold=(
            "Você é o número {place} da fila. Para que liguemos de volta, tecle 1. "
            "Para deixar um recado, tecle 2. Ou aguarde na linha."
        ),
        hold_hidden="Você é o número {place} da fila. Para deixar um recado, tecle 2. "
        "Ou aguarde na linha.",
        waited_long="Desculpe a espera. Deixe seu recado depois do sinal e nós retornaremos.",
        callback="Combinado. Ligaremos de volta para este número. Até logo.",
        leave_message="Deixe seu recado depois do sinal e nós retornaremos em breve.",
        connecting="Um momento, por favor. Vamos atender você.",
        still_waiting="Ainda não conseguimos atender. Continue na linha, por favor.",
        bridging="Ligando para {name}.",
        thanks="Obrigado. Recebemos o seu recado.",
        silence="Não ouvimos nenhum recado. Até logo.",
    ),
    "en": Phrases(
        locale="en-US",
        voice="Polly.Joanna",
        hello="Hello, you have reached {company}.",
        menu="For questions about charges, press 1. For anything else, press 2.",
        open=(
            "Hello, you have reached {company}. Everybody is with a customer right now. "
            "Please leave a message after the tone and we will call you back soon."
        ),
        closed=(
            "Hello, you have reached {company}. We are closed at the moment. "
            "Please leave a message after the tone and we will call you back "
            "on the next working day."
        ),
        hold=(
            "You are number {place} in line. To be called back, press 1. "
            "To leave a message, press 2. Or stay on the line."
        ),
        hold_hidden="You are number {place} in line. To leave a message, press 2. "
        "Or stay on the line.",
        waited_long="Sorry for the wait. Please leave a message after the tone.",
        callback="Done. We will call this number back. Goodbye.",
        leave_message="Please leave a message after the tone and we will call you back soon.",
        connecting="One moment, please. Somebody will be with you now.",
        still_waiting="Nobody could answer yet. Please stay on the line.",
        bridging="Calling {name}.",
        thanks="Thank you. We have received your message.",
        silence="We did not hear a message. Goodbye.",
    ),
}
