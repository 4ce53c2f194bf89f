"""What the sample company's customers write about, and what was answered."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Speaker = Literal["customer", "agent", "note"]


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody says something, `after` minutes after the turn before."""

    who: Speaker
    channel: str
    text: str
    after: float


@dataclass(frozen=True, slots=True)
class Story:
    """One conversation. `began` is minutes before now."""

    person: str  # a name in people.KNOWN or ABROAD, "" for anybody
    subject: str
    began: float
    turns: tuple[Turn, ...]
    agent: str = "camila.duarte@sabia.exemplo"  # "" while nobody has taken it
    tags: tuple[str, ...] = ()
    ends: Literal["open", "pending", "solved"] = "open"
    cc: str = ""  # whom the customer's mails name in copy


def customer(channel: str, text: str, after: float = 0) -> Turn:
    return Turn("customer", channel, text, after)


def agent(channel: str, text: str, after: float) -> Turn:
    return Turn("agent", channel, text, after)


def note(text: str, after: float) -> Turn:
    return Turn("note", "email", text, after)


OPEN = (
    Story(
        "Mariana Alves Prado",
        "Fui cobrada duas vezes no cartão",
        200,
        (
            customer(
                "email",
                "Oi, olhei a fatura e o plano entrou duas vezes no mesmo dia, com dois minutos "
                "de diferença. Podem estornar uma?\n\nObrigada,\nMariana",
            ),
            agent(
                "email",
                "Oi, Mariana! Vi as duas cobranças aqui ao lado. A segunda foi erro nosso e eu "
                "devolvo o valor dela. Prefere no mesmo cartão ou como crédito na próxima fatura?",
                192,
            ),
            note("O adquirente reenviou a captura depois do timeout. Mesmo caso do INC-391.", 1),
            customer("email", "No cartão, por favor. E cai quando?", 4),
        ),
        tags=("cobrança duplicada",),
    ),
    Story(
        "Bianca Moura",
        "Pix do dia 12 não foi reconhecido",
        19,
        (
            customer(
                "whatsapp", "Oi! Paguei por Pix no dia 12 e o app ainda diz que está pendente."
            ),
        ),
        tags=("Pix",),
    ),
    Story(
        "Rafael Teixeira",
        "Plano bloqueado",
        0.2,
        (customer("chat", "Paguei o Pix e o plano segue bloqueado"),),
        tags=("Pix",),
    ),
    Story(
        "Priya Raman",
        "Switch plan mid-month",
        5,
        (
            customer(
                "chat",
                "Hi! Two of my kids want their own profiles now. Can I switch to Família "
                "mid-month? And what do I pay today?",
            ),
            agent(
                "chat", "Hi Priya! Yes, any day. Let me get you the exact amount, one second.", 1
            ),
            customer("chat", "Great. And do I lose the days I already paid on my plan?", 3),
        ),
        tags=("mudança de plano",),
    ),
    Story(
        "Lúcia Ferraz",
        "Correio de voz",
        38,
        (
            customer(
                "voice",
                "Oi, aqui é a Lúcia Ferraz. Meu cartão foi recusado na renovação e eu queria "
                "saber se dá para pagar de outro jeito. Podem me ligar de volta?",
            ),
        ),
        tags=("cartão recusado",),
    ),
    Story(
        "Emma Clarke",
        "I was charged after cancelling on the 9th",
        47,
        (
            customer(
                "email",
                "Hello,\n\nI cancelled my subscription on the 9th and still see a new charge. "
                "Could you tell me what it is for and refund it if it is a mistake?\n\n"
                "Best,\nEmma",
            ),
        ),
        tags=("cancelamento",),
        agent="bruno.sales@sabia.exemplo",
    ),
    Story(
        "Construtora Ipê Ltda.",
        "Segunda via do boleto de novembro",
        71,
        (
            customer(
                "email",
                "Bom dia,\n\nprecisamos da segunda via do boleto de novembro com vencimento "
                "atualizado.\n\nAtenciosamente,\nFinanceiro",
            ),
        ),
        tags=("boleto",),
        cc="contabilidade@escritoriolima.exemplo",
    ),
    Story(
        "Tiago Nakamura",
        "Plano anual",
        12,
        (customer("sms", "Quero passar para o plano maior, quanto fica?"),),
        tags=("mudança de plano",),
        agent="bruno.sales@sabia.exemplo",
    ),
    Story(
        "João Batista Sena",
        "Nota fiscal saiu com o CPF errado",
        190,
        (
            customer("email", "A nota fiscal de outubro saiu com o CPF errado. Podem corrigir?"),
            agent(
                "email",
                "Oi, João! Já pedimos a correção à prefeitura. Pode confirmar o CPF certo "
                "por este e-mail?",
                35,
            ),
        ),
        tags=("nota fiscal",),
        ends="pending",
    ),
    Story(
        "Padaria Bela Vista",
        "Boleto com valor diferente",
        27,
        (
            customer(
                "email",
                "O boleto deste mês veio com valor diferente do mês passado. Por quê?",
            ),
        ),
        tags=("boleto",),
        agent="",
    ),
    Story(
        "Sofia Menezes",
        "Ficou fora do ar no dia 3",
        34,
        (
            customer("whatsapp", "O serviço ficou fora do ar no dia 3. Vou ter algum desconto?"),
            agent("whatsapp", "Oi, Sofia! Vou pedir um crédito para você e já retorno.", 12),
            customer("whatsapp", "Tá bom, fico no aguardo", 3),
        ),
        tags=("instabilidade",),
    ),
    Story(
        "Otávio Brandão",
        "Quero cancelar",
        3,
        (customer("whatsapp", "Quero cancelar, recebo algo de volta do mês?"),),
        tags=("cancelamento",),
    ),
)

_PAST = (
    (
        "email",
        "Quando vence a próxima fatura?",
        "Oi! Qual é o dia da próxima cobrança?",
        "Olá! A próxima cobrança está marcada para o mesmo dia deste mês, no mesmo valor.",
        "vencimento",
    ),
    (
        "chat",
        "Trocar o cartão",
        "Como troco o cartão da assinatura?",
        "Oi! Em Conta, Forma de pagamento. A próxima cobrança já sai no cartão novo.",
        "forma de pagamento",
    ),
    (
        "whatsapp",
        "Pix expirou",
        "Meu código Pix expirou, pode mandar outro?",
        "Claro! Acabei de gerar outro, vale por 24 horas.",
        "Pix",
    ),
    (
        "sms",
        "Recibo",
        "Preciso do recibo do mês passado",
        "Olá! O recibo foi para o seu e-mail.",
        "nota fiscal",
    ),
    (
        "email",
        "Valor maior neste mês",
        "Bom dia, por que a fatura deste mês veio maior?",
        "Oi! Você mudou de plano no meio do ciclo: a fatura traz os dias do plano novo.",
        "mudança de plano",
    ),
    (
        "email",
        "Cobrança não reconhecida",
        "Não reconheço uma cobrança de vocês no meu cartão.",
        "Oi! É a mensalidade do seu plano, paga todo mês neste dia. Mando o recibo em anexo.",
        "cobrança",
    ),
    (
        "chat",
        "Downloads",
        "Dá para baixar em dois aparelhos no meu plano?",
        "Oi! Dá sim, o Plus deixa dois aparelhos. É só adicionar em Ajustes.",
        "plano",
    ),
)


def past(count: int, *, days: int = 14, seed: int = 11) -> Iterator[Story]:
    """Yield finished conversations of the last `days`, the same for the same `seed`."""
    dice = random.Random(seed)  # noqa: S311 - invented data, not a secret
    agents = ("camila.duarte@sabia.exemplo", "bruno.sales@sabia.exemplo")
    for _ in range(count):
        channel, subject, question, reply, tag = dice.choice(_PAST)
        quick = {"chat": 0.9, "whatsapp": 5, "sms": 10, "email": 70}[channel]
        turns = [
            customer(channel, question),
            agent(channel, reply, max(0.5, dice.lognormvariate(0, 0.7) * quick)),
        ]
        if dice.random() < 0.35:  # most say no more once they have their answer
            turns += [
                customer(channel, "Entendi, obrigada!", dice.uniform(1, 40)),
                agent(
                    channel,
                    "Disponha! Qualquer coisa é só escrever aqui.",
                    max(0.5, dice.lognormvariate(0, 0.6) * 2),
                ),
            ]
        yield Story(
            "",
            subject,
            max(_began(dice, days), 5 + sum(turn.after for turn in turns)),
            tuple(turns),
            agent=dice.choice(agents),
            tags=(tag,),
            ends="solved",
        )


def _began(dice: random.Random, days: int) -> float:
    """Return how many minutes ago, more of them today and on this day a week ago than else."""
    share = dice.random()
    if share < 0.3:
        return dice.uniform(150, 600)
    if share < 0.45:
        return 7 * 24 * 60 + dice.uniform(0, 600)
    return dice.uniform(600, days * 24 * 60)
