"""The new words of a reply, without what it quotes and without loss."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.email.page import lay_out
from channels.email.phrases import CLOSING, DEVICE_BEGINS, REPLY_ABOVE
from channels.email.quotes import is_attribution
from channels.email.reply import MOST_LINES, reply_text, split_reply
from channels.email.signatures import _may_end, is_device_line
from tests.unit.channels.mail import mail, read, sample


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("reply-gmail-pt", "Recebi o estorno, obrigada!\n\n- caiu hoje\n- valor certo"),
        ("reply-outlook-pt", "Podem mudar para o plano anual? A partir de dezembro já."),
        ("reply-iphone-es", "¿Y el reembolso?"),
    ],
)
def test_the_samples_give_their_new_words(name: str, reply: str) -> None:
    assert read(sample(name)).reply_text == reply


ATTRIBUTIONS = [
    "On Tue, Nov 17, 2026 at 9:40 AM Sabiá <suporte@sabia.example> wrote:",
    "On 17/11/2026 09:40, Sabiá wrote:",
    "At 11/17/2026 09:40 AM, you wrote:",
    "Em ter., 17 de nov. de 2026 às 09:40, Sabiá <suporte@sabia.example> escreveu:",
    "Em ter., 17 de nov. de 2026 às 09:40, Sabiá <\nsuporte@sabia.example> escreveu:",
    "Em terça-feira, 17 de novembro de 2026 09:40:00 BRT, Sabiá\n<suporte@sabia.example>\nescreveu:",
    "No dia 17/11/2026, às 09:40, Sabiá <suporte@sabia.example> escreveu:",
    "El mar, 17 nov 2026 a las 9:40, Sabiá (<suporte@sabia.example>) escribió:",
    "El 17/11/2026 a las 9:40, Sabiá escribió:",
    "Le mar. 17 nov. 2026 à 09:40, Sabiá <suporte@sabia.example> a écrit\xa0:",
    "Le 17/11/2026 09:40, Sabiá a écrit :",
    "Am Di., 17. Nov. 2026 um 09:40 Uhr schrieb Sabiá <suporte@sabia.example>:",
    "Am 17.11.2026 um 09:40 schrieb Sabiá:",
    "Sabiá <suporte@sabia.example> schrieb am Di., 17. Nov. 2026\num 09:40 Uhr:",
    "Il giorno mar 17 nov 2026 alle ore 09:40 Sabiá <suporte@sabia.example>\nha scritto:",
    "Il 17/11/2026 09:40, Sabiá ha scritto:",
    "Op di 17 nov 2026 om 09:40 schreef Sabiá <suporte@sabia.example>:",
    "Op 17-11-2026 om 09:40 heeft Sabiá <suporte@sabia.example> het volgende geschreven:",
    "Den tis 17 nov. 2026 kl 09:40 skrev Sabiá <suporte@sabia.example>:",
    '17.11.2026, 09:40, "Sabiá" <suporte@sabia.example>:',
    "2026-11-17 9:40 GMT-03:00 Sabiá <suporte@sabia.example>:",
    "---- On Tue, 17 Nov 2026 09:40:00 -0300 Sabiá wrote ----",
    "17 ноября 2026 г., 09:40 пользователь Sabiá <suporte@sabia.example> написал:",
    "在 2026年11月17日，09:40，Sabiá <suporte@sabia.example> 写道：",
    "Sabiá <suporte@sabia.example> escreveu:",
    "Quoting Sabiá <suporte@sabia.example>:",
]
BLOCKS = [
    "-----Mensagem original-----",
    "-------- Mensagem encaminhada --------",
    "-----Original Message-----",
    "*-----Original Message-----*",
    "-----Mensaje original-----",
    "-----Message d'origine-----",
    "-----Ursprüngliche Nachricht-----",
    "-----Messaggio originale-----",
    "-----Oorspronkelijk bericht-----",
    "##- Please type your reply above this line -##",
    "--- Responda acima desta linha ---",
    "De: Sabiá <suporte@sabia.example>\nEnviado em: terça-feira\nPara: Ana\nAssunto: x",
    "________________________________\nDe: Sabiá <suporte@sabia.example>\nEnviado: terça\nPara: Ana",
    "De: Sabiá <suporte@sabia.example>\nEnviado el: martes\nPara: Ana\nAsunto: x",
    "De : Sabiá <suporte@sabia.example>\nEnvoyé : mardi 17\nÀ : Ana\nObjet : x",
    "Von: Sabiá <suporte@sabia.example>\nGesendet: Dienstag\nAn: Ana\nBetreff: x",
    "Da: Sabiá <suporte@sabia.example>\nInviato: martedì\nA: Ana\nOggetto: x",
    "Van: Sabiá <suporte@sabia.example>\nVerzonden: dinsdag\nAan: Ana\nOnderwerp: x",
    "From: Sabiá <suporte@sabia.example>\nSent: Tuesday\nTo: Ana\nSubject: x",
    "*From:* Sabiá\n*Sent:* Tuesday\n*To:* Ana;\n Bia\n*Subject:* x",
    "Date: Tue, 17 Nov 2026 09:40:00 -0300\nTo: ana@cliente.example",
]


@pytest.mark.parametrize("header", ATTRIBUTIONS + BLOCKS)
def test_everything_below_an_attribution_is_quoted(header: str) -> None:
    marked = f"Obrigada!\n\n{header}\n\n> Olá, Ana.\n> Até logo."
    unmarked = f"Obrigada!\n\n{header}\n\nOlá, Ana.\n\nAté logo."
    assert reply_text(marked) == reply_text(unmarked) == "Obrigada!"


@pytest.mark.parametrize("header", ATTRIBUTIONS)
def test_an_answer_below_or_between_the_quotes_is_found(header: str) -> None:
    quoted = f"{header}\n> Qual é o CPF?\n"
    assert reply_text(f"{quoted}\nNão ainda.") == "Não ainda."
    assert (
        reply_text(f"Oi!\n{quoted}Já mando.\n> E o valor?\n\nR$ 10") == "Oi!\n\nJá mando.\n\nR$ 10"
    )


def test_the_line_above_a_marked_quote_goes_with_it() -> None:
    assert reply_text("Pode.\n\nSabiá escreveu:\n> Posso cancelar?") == "Pode."
    assert reply_text("Pode. Aqui está:\n> R$ 10") == "Pode. Aqui está:"


def test_a_reply_below_the_quote_is_found() -> None:
    text = "On Tue, Nov 17, 2026 at 9:40 AM Sabiá <a@x.example> wrote:\n> Tudo certo?\n\nNão ainda."
    assert reply_text(text) == "Não ainda."


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, that worked, but now my card is refused.\nWhat now?",
        "Quero:\n\n- cancelar\n- receber de volta",
        "Em novembro fui cobrada duas vezes.\nO que o sistema escreveu: erro 12.",
        "De: São Paulo\nnão chegou nada",
        "> citado\n> e mais nada",
        "Obrigado, mas o valor está errado:\nR$ 10",
        "> Qual é o valor?\n\nSão R$ 10.",
        "De: São Paulo\nPara: Rio\nQuero trocar a passagem de 17/11 às 09:40.",
        "Em 17/11/2026 às 09:40 eu escrevi para ana@x.example pedindo:\n\num reembolso",
        "On average this wrote 25 lines:\n\none\ntwo",
        "Service   Date\n--------------\nplan A    17/11/2026",
        "O pacote:\n-- primeiro ponto\n-- segundo ponto",
        "Sent from my desk, it is much easier to type than on my phone.",
        "Muito obrigada,\nAna",
        "Kind regards\n\nAna Souza\nplan A or plan B?",
        "código:\n\n    // Sent from my mailer\n    return 1",
    ],
)
def test_words_that_only_look_like_a_quote_stay(text: str) -> None:
    assert reply_text(text) == text


def test_a_signature_after_two_dashes_is_left_out() -> None:
    assert reply_text("Pode cancelar.\n\n-- \nAna Souza\nFinanceiro") == "Pode cancelar."


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Sent from my phone, please excuse any typos.",
        "Get Outlook for iOS<https://aka.example/ios>",
        "Sent from [Mail](https://go.example/?id=1) for Windows",
        "Enviado do meu iPhone",
        "Enviado do meu smartphone Samsung Galaxy.",
        "Obter o Outlook para Android<https://aka.example/android>",
        "Enviado desde mi iPhone",
        "Envoyé de mon iPhone",
        "Envoyé à partir de Outlook pour iOS",
        "Von meinem iPhone gesendet",
        "Gesendet von Outlook für Android",
        "Inviato da iPhone",
        "Verzonden vanaf mijn iPhone",
        "Livre de vírus. www.antivirus.example",
    ],
)
def test_the_line_of_a_device_is_left_out(line: str) -> None:
    assert reply_text(f"Pode cancelar.\n\n{line}\n") == "Pode cancelar."


def test_a_card_below_a_closing_is_left_out_and_a_name_is_not() -> None:
    card = "Ana Souza\nFinanceiro\nTel.: +55 11 5555-0101\nwww.cliente.example"
    assert reply_text(f"Pode cancelar.\n\nAtenciosamente,\n{card}") == "Pode cancelar."
    assert reply_text("Pode cancelar.\n\nAtt.,\nAna").endswith("Ana")


def test_the_footer_of_a_mailing_list_is_left_out() -> None:
    footer = "_______________\nmoradores mailing list\nhttps://listas.example/moradores"
    assert reply_text(f"Alguém sabe?\n\n{footer}\n") == "Alguém sabe?"


@pytest.mark.parametrize("header", [block for block in BLOCKS if "\n" in block or "enc" in block])
def test_a_mail_passed_on_without_a_word_shows_what_was_passed_on(header: str) -> None:
    split = split_reply(f"{header}\n\nOlá, Ana.\n\nAté logo.")
    assert split.reply == "Olá, Ana.\n\nAté logo."
    assert split.rest.split() == header.split()


def test_what_is_left_out_is_handed_over_beside_the_reply() -> None:
    split = split_reply("Sim.\n\n-- \nAna\n\nOn 17/11/2026 09:40, Sabiá wrote:\n> Tudo certo?\n")
    assert split.reply == "Sim."
    assert split.rest == "--\nAna\n\nOn 17/11/2026 09:40, Sabiá wrote:\n> Tudo certo?"


def test_the_quote_of_a_page_is_told_by_its_markup() -> None:
    page = (
        "<p>Sim, pode.</p><blockquote type=cite><div>Em 17/11/2026 09:40, Sabiá escreveu:</div>"
        "<p>Tudo certo?</p></blockquote><p>Ana</p>"
    )
    found = read(mail(page, content_type="text/html"))
    assert found.reply_text.split() == ["Sim,", "pode.", "Ana"]
    assert "Tudo certo?" in found.text
    assert ">" not in found.text


def test_a_page_that_is_a_quote_as_a_whole_is_shown_unmarked() -> None:
    found = read(mail("<blockquote>Um<br>dois</blockquote>", content_type="text/html"))
    assert found.reply_text.split() == ["Um", "dois"]


def test_marks_follow_the_depth_of_quotes() -> None:
    page = lay_out("a<blockquote>b<blockquote>c</blockquote>d</blockquote>e")
    assert page.text.split() == ["a", "b", "c", "d", "e"]
    assert page.marked.split("\n") == ["a", "> b", "> c", "> d", "e"]


def test_a_text_of_very_many_lines_is_not_taken_apart() -> None:
    text = "On 17/11/2026 09:40, Sabiá wrote:\n> x\n" * MOST_LINES
    assert reply_text(text) == text.strip()


@given(text=st.text(max_size=200) | st.text("-–_=*>: \tOn1<@", max_size=200))
@settings(max_examples=300, deadline=None)
def test_nothing_is_lost_and_nothing_is_added(text: str) -> None:
    split = split_reply(text)
    assert sorted((split.reply + split.rest).split()) == sorted(text.split()) or is_shared(text)


def is_shared(text: str) -> bool:
    """A line that holds both new words and an attribution is cut in two."""
    return any(is_attribution(line.rpartition("--")[2]) for line in text.split("\n"))


def test_long_lines_and_long_mails_come_back_whole() -> None:
    text = "\n".join(f"linha {at} " + "palavra " * 60 for at in range(400)).strip()
    assert reply_text(text).split() == text.split()


@given(text=st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_a_reply_is_never_empty_where_something_was_written(text: str) -> None:
    assert bool(reply_text(text)) == bool(text.strip())


@pytest.mark.parametrize(
    "words",
    [
        "Please type your reply above this line", "write your reply above this line",
        "Enter your reply above this line", "type your reply above this line",
        "reply above this line", "Por favor, digite sua resposta acima desta linha",
        "Digite sua resposta acima desta linha", "escreva sua resposta acima desta linha",
        "RESPONDA ACIMA DESTA LINHA", "escriba su respuesta arriba de esta línea",
        "Répondre au-dessus de cette ligne", "Bitte antworten Sie oberhalb dieser Zeile",
        "Bitte oberhalb dieser Linie antworten", "rispondi sopra questa riga",
        "Antwoord boven deze regel", "d\u0131gite sua resposta acima desta linha",
    ],
)  # fmt: skip
def test_what_another_desk_writes_above_its_mail_begins_the_history(words: str) -> None:
    assert REPLY_ABOVE.fullmatch(words)
    assert reply_text(f"Sim\n## {words} ##\nAntes") == reply_text(f"Sim\n{words}\nAntes") == "Sim"


@pytest.mark.parametrize(
    "words",
    [
        "Sent from my iPhone", "From my phone", "Enviado do meu celular", "Envoyé de mon iPhone",
        "Gesendet von meinem Handy", "Inviato da iPhone", "Verzonden vanaf mijn telefoon",
        "Verstuurd vanaf mijn iPad", "Sendt fra min iPhone", "Skickat från min iPhone",
        "Wysłane z iPhone", "Отправлено с iPhone", "Get Outlook for Android", "Obter o Outlook",
        "Baixe o Outlook", "Descargar Outlook", "Téléchargez Outlook", "Holen Sie Outlook",
        "Laden Sie Outlook", "Scarica Outlook", "Ottieni Outlook", "Download Outlook",
        "Hent Outlook", "Hämta Outlook", "Pobierz Outlook", "Livre de vírus.", "Libre de virus.",
        "Virus-free.", "Sans virus.", "Virenfrei.", "Privo di virus.", "Virusvrij.",
        "Diese Nachricht wurde von meinem Handy gesendet", "Von meinem Handy gesendet",
        "Outlook voor Android downloaden", "Ana from Mobile", "从我的手机发送", "發自我的手機",
        "\u017fent from my iPhone", "ver\u017ftuurd vanaf mijn iPad", "\u0130nviato da iPhone", "V\u0131rus-free.",
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "* {}", "[{}](https://x.example)", "<https://x.example/> {}",
                                    "https://x.example {}", "<x> {}", "\x0b\t{}", "\u2003{}", "[www.x.example] {}"])  # fmt: skip
def test_the_line_of_each_device_ends_the_words(words: str, around: str) -> None:
    line = around.format(words)
    assert is_device_line(line)
    assert reply_text(f"Sim\n{line}") == "Sim"


@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    *DEVICE_BEGINS,
                    " ",
                    "\x1c",
                    "\xa0",
                    "<",
                    ">",
                    "[",
                    "]",
                    "https://",
                    "www.",
                    "my",
                ),
                *("é", "mobile", "outlook", "iphone", "ado do", "MOB", "\u0130", "s", "-", "."),
            ]
        ),
        max_size=6,
    ).map("".join)
)
@settings(max_examples=500)
def test_no_line_of_a_device_is_passed_over(line: str) -> None:
    assert _may_end(line) or not is_device_line(line)


@pytest.mark.parametrize(
    "words",
    ["Com os melhores cumprimentos", "um forte abraço", "Un cordial saludos cordiales",
     "Many thanks again", "mit freundlichen Grüßen", "Bien à vous", "Regards"],
)  # fmt: skip
def test_a_closing_with_a_card_below_is_left_out(words: str) -> None:
    assert CLOSING.fullmatch(words)
    assert reply_text(f"Sim\n{words},\nAna Souza\nana@x.example") == "Sim"


@pytest.mark.parametrize(
    "begin",
    [
        "__ Original Message __", "== Original Message ==", "––Original Message––",
        "—— Original Message ——", "2024/1/1 Bob <bob@x.example>", "发件人：Bob\n发送时间：1\n主题：Oi",
    ],
)  # fmt: skip
def test_history_begins_though_one_sign_alone_tells(begin: str) -> None:
    assert reply_text(f"Sim\n{begin}\nAntes") == "Sim"
