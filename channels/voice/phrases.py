"""What a caller hears, in each language we greet in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's sentences. `{company}` is the only field."""

    locale: str  # as the provider's <Say> names it
    voice: str
    open: str
    closed: str
    thanks: str
    silence: str


PHRASES = {
    "pt_BR": Phrases(
        locale="pt-BR",
        voice="Polly.Camila",
        open=(
            "Olá, você ligou para {company}. No momento todos estão em atendimento. "
            "Deixe seu recado depois do sinal e nós retornaremos em breve."
        ),
        closed=(
            "Olá, você ligou para {company}. Estamos fora do horário de atendimento. "
            "Deixe seu recado depois do sinal e nós retornaremos no próximo dia útil."
        ),
        thanks="Obrigado. Recebemos o seu recado.",
        silence="Não ouvimos nenhum recado. Até logo.",
    ),
    "en": Phrases(
        locale="en-US",
        voice="Polly.Joanna",
        open=(
            "Hello, you have reached {company}. Everybody is with a customer right now. "
            "Please leave a message after the tone and we will call you back soon."
        ),
        closed=(
            "Hello, you have reached {company}. We are closed at the moment. "
            "Please leave a message after the tone and we will call you back "
            "on the next working day."
        ),
        thanks="Thank you. We have received your message.",
        silence="We did not hear a message. Goodbye.",
    ),
}
