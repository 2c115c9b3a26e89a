"""Report texts as hospitals export them: what their carriers did is undone, or the text is refused; nothing is mutilated."""

import contextlib
import html
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.texts.decoding import decoded
from mammoscribe.data.texts.report_sections import report_of, split_sections
from mammoscribe.support.errors import InputError

PLAIN = "FINDINGS: A mass < 5 mm & a cyst.\nIMPRESSION: BI-RADS 2."
CARRIERS = {
    "literal n": PLAIN.replace("\n", r"\n"),
    "literal r n": PLAIN.replace("\n", r"\r\n"),
    "JSON text": json.dumps(PLAIN)[1:-1],
    "twice escaped": PLAIN.replace("\n", r"\\n"),
    "HL7 br": PLAIN.replace("&", r"\T\ ".strip()).replace("\n", r"\.br" + "\\"),
    "HL7 br escaped once more": PLAIN.replace("\n", r"\\.br" + "\\\\"),
    "HL7 BR in capitals": PLAIN.replace("\n", r"\.BR" + "\\"),
    "HL7 hexadecimal": PLAIN.replace("\n", r"\X0D0A" + "\\"),
    "HL7 sp": PLAIN.replace("\n", r"\.sp1" + "\\"),
    "HL7 tilde": PLAIN.replace("\n", "~"),
    "HL7 segments": "\r".join(f"OBX|{n}|TX|||{line}|||F" for n, line in enumerate(PLAIN.split("\n"), 1)),
    "HTML br": html.escape(PLAIN, quote=False).replace("\n", "<br/>"),
    "HTML BR": html.escape(PLAIN, quote=False).replace("\n", "<BR>"),
    "HTML paragraphs": "<html><body><p style='x: y'>" + html.escape(PLAIN).replace("\n", "</p>\n<p>") + "</p></body></html>",
    "HTML div, bold": "<div><b>FINDINGS:</b> A mass &lt; 5 mm &amp; a cyst.</div><div><strong>IMPRESSION:</strong> BI-RADS 2.</div>",
    "HTML with a style": "<style>p {color: red}</style><script>x()</script><!-- a note -->"
    + html.escape(PLAIN, quote=False).replace("\n", "<br>"),
    "HTML escaped": html.escape(html.escape(PLAIN, quote=False).replace("\n", "<br>")),
    "HTML numbers": PLAIN.replace("&", "&#38;").replace("<", "&#x3c;").replace("\n", "&#13;&#10;"),
    "CDATA": f"<text><![CDATA[{PLAIN}]]></text>",
    "OOXML": PLAIN.replace("\n", "_x000D_\n"),
    "CR": PLAIN.replace("\n", "\r"), "CR LF": PLAIN.replace("\n", "\r\n"), "VT": PLAIN.replace("\n", "\v"),
    "NEL": PLAIN.replace("\n", "\x85"), "line separator": PLAIN.replace("\n", "\u2028"),
    "paragraph separator": PLAIN.replace("\n", "\u2029"), "caret M": PLAIN.replace("\n", "^M\n"),
    "no-break spaces": PLAIN.replace(" ", "\u00a0"), "narrow no-break spaces": PLAIN.replace(" ", "\u202f"),
    "zero-width spaces": PLAIN.replace("S:", "S\u200b:").replace("mass", "ma\u200bss"), "soft hyphens": PLAIN.replace("mass", "ma\u00adss"),
    "BOM": "\ufeff" + PLAIN, "BOM inside": PLAIN.replace("\n", "\n\ufeff"), "left-to-right mark": PLAIN.replace("A", "\u200eA"),
    "ligature": PLAIN.replace("FINDINGS", "FINDINGS").replace("cyst", "cyst"),
    "RTF": r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fnil Arial;}}{\colortbl;\red0\green0\blue0;}"
    r"{\*\generator Riched20;}\viewkind4\uc1\pard\b\f0\fs20 FINDINGS:\b0  A mass < 5 mm & a cyst.\par"
    "\nIMPRESSION: BI-RADS 2.\\par\n}\n",
    "RTF with lines": r"{\rtf1 FINDINGS: A mass < 5 mm & a cyst.\line IMPRESSION: BI-RADS 2.}",
}  # fmt: skip


@pytest.mark.parametrize("name", CARRIERS)
def test_the_text_comes_out_as_it_was(name):
    text = decoded(CARRIERS[name])
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    assert lines == PLAIN.split("\n")
    assert split_sections(CARRIERS[name]) == {"findings": "A mass < 5 mm & a cyst.", "impression": "BI-RADS 2."}
    assert report_of(CARRIERS[name]).raw == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("NÃ³dulo. â€œA massâ€\x9d. MicrocalcificaÃ§Ãµes.", "Nódulo. “A mass”. Microcalcificações."),
        ("NÃƒÂ³dulo", "Nódulo"),  # twice
        ("Nódulo".encode().decode("latin-1"), "Nódulo"), ("≤ 5 mm – normal".encode().decode("cp1252"), "≤ 5 mm – normal"),
        ("\x93quoted\x94 it\x92s \x96 a dash", "“quoted” it’s – a dash"),  # Windows-1252 read as Latin-1
        ("BI\u2011RADS\uff1a\uff14", "BI-RADS:4"), ("Impresio\u0301n", "Impresión"), ("ﬁbroadenoma", "fibroadenoma"),
        (r"n\u00f3dulo \u2264 5 mm", "nódulo ≤ 5 mm"), (r"n\xf3dulo", "nódulo"), ("n&oacute;dulo &le; 5", "nódulo ≤ 5"),
        (r"{\rtf1\ansi\ansicpg1252 n\'f3dulo \u8804?5 mm \endash  \{ok\}\tab x}", "nódulo ≤5 mm – {ok}\tx"),
        (r"{\rtf1\ansi\ansicpg1251 \'cc\'e0\'f1\'f1\'e0}", "Масса"),
        (r"{\rtf1 {\field{\*\fldinst HYPERLINK x}{\fldrslt see}} {\pict 0102} end}", "see  end"),
        (r"\par FINDINGS: a.\par IMPRESSION: b", "\nFINDINGS: a.\nIMPRESSION: b"),
        (r"FINDINGS: a.\n\nIMPRESSION: b\n\n", "FINDINGS: a.\n\nIMPRESSION: b\n\n"),
        ("_x005F_x000D_ stays", "_x000D_ stays"), (r"\E\ \F\ \S\ \R\ ".strip(), "\\ | ^ ~"),
        ("IMPRESSION:~1. A mass ~5 mm.~2. A cyst, 3~4 mm.", "IMPRESSION:\n1. A mass ~5 mm.\n2. A cyst, 3~4 mm."),
    ],
)  # fmt: skip
def test_letters_marks_and_codes_are_read(raw, text):
    assert decoded(raw) == text


@pytest.mark.parametrize(
    "text",
    [
        PLAIN, "A mass <5 mm, >3 mm; a<b and c>d; x <y.", "size ~5 mm (~0.5 cm), 3~4 cm", "R&D; AT&T; A & B;", "It’s “oval” – yes…",
        r"see C:\new\reports\test.txt", "SÃO PAULO; INFORMAÇÕES, NÃO; ÃREA", "«é» and Ó» stay", "Grösse 5 µm, naïve, ½, 5°, ±2",
        "Name_x0001 and snake_case_x", "{braces} and \\ alone", "#1 and 50 %", "<FINDINGS> none <IMPRESSION>", "乳房 рак", "^M2 is no end",
        "Breast: |right|left|", "",
    ],
)  # fmt: skip
def test_what_was_never_encoded_stays_as_it_is(text):
    assert decoded(text) == text


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("N\ufffddulo en la mama.", "letters of the text are lost"), ("A\x01mass.", r"holds the character U\+0001"),
        ("F\0I\0N\0", r"U\+0000"), ("caf\udce9", r"U\+DCE9"), ("#NAME?", "the error #NAME. of a spreadsheet"), ("########", "spreadsheet"),
        ("#FORMULA!", "a formula that was never computed"),
        ("x " * 16383 + "x", "32767 characters"), ("QUJD" * 40, "one word of more than 100 letters"), ("%PDF-1.4 ...", "PDF"),
        (r"{\rtf1 FINDINGS: {\b A mass", "breaks off"), (r"{\rtf1 a}}", "closes more groups"), (r"{\rtf1\ansicpg9999 n\'f3}", "code page"),
        ("A mass \\C2842\\.", "character set"),
    ],
)  # fmt: skip
def test_what_cannot_be_undone_is_refused_and_not_cut_up(raw, told):
    with pytest.raises(InputError, match=told):
        decoded(raw)


@given(
    st.text(
        alphabet=st.characters(codec="latin-1", exclude_categories=["Cc"], exclude_characters="\xad¶\xa0\\~&<_#^{"),
        max_size=80,
    )
)
def test_plain_western_text_is_never_changed(text):
    if any(pair in text for pair in ("Ã", "Â", "Å", "Ä")) or len(text) >= 100 or "%PDF" in text:
        return
    mended = decoded(text)
    assert mended == text or any(ord(c) > 0xC1 for c in text)  # two letters that could be bytes of one


@given(st.text(max_size=60))
def test_any_text_is_decoded_or_refused(text):
    with contextlib.suppress(InputError):
        assert "\r" not in decoded(text)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@given(
    st.lists(
        st.sampled_from(
            [
                "nódulo",
                "mamá",
                "“masa”",
                "≤5",
                "–",
                "não",
                "Impressão",
                "MICROCALCIFICAÇÕES",
                "año",
                "ecografía",
                "mamária",
            ]
        ),
        min_size=1,
        max_size=9,
    ).map(" ".join)
)
def test_utf8_that_was_read_as_another_encoding_is_mended(encoding, text):
    try:
        spoiled = text.encode().decode(encoding)
    except UnicodeDecodeError:
        return
    assert decoded(spoiled) == text
