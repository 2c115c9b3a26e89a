"""Sentences that compare with another exam; every sentence here was written for the test."""

import csv

import pytest

from mammoscribe.data.texts.comparisons import Comparisons, comparisons_in, is_negative, with_comparisons
from mammoscribe.data.texts.report_text import Edit, ReportText, Section
from mammoscribe.data.texts.rewriting import rewritten
from mammoscribe.support.errors import InputError

COMPARING = [
    "The mass is unchanged.", "Stable benign calcifications.", "Compared to the prior mammogram of 2019, nothing is new.",
    "There is no significant interval change.", "No change.", "No significant changes.", "A new cluster in the left breast.",
    "Again seen is a cyst.", "The effusion has resolved.", "Redemonstrated surgical clips.", "Persistent asymmetry.",
    "The nodule has increased in size.", "The heart remains enlarged.", "This was previously biopsied.", "No new mass.",
    "Similar to the prior study.", "Worsening opacity.", "The line has been removed.", "Smaller since 2020.",
    "It is larger than on the previous exam.", "A developing asymmetry.", "The nodule is no longer seen.",
    "The calcifications are now coarse.", "Interval removal of the catheter.", "Decreased right effusion.", "Increase in left effusion.",
    "Stable position of the device.", "There is a new line in the right chest.", "No previous study for comparison.",
    "Seen on the CT of the chest.", "Similar mild cardiomegaly.", "Resolution of the edema.", "Comparison with old films would help.",
]  # fmt: skip
NOT_COMPARING = [
    "There is a mass.", "Prior granulomatous disease.", "Degenerative changes of the spine.", "Status post prior sternotomy.",
    "Postsurgical changes.", "Old rib fracture.", "Chronic lung disease.", "History of breast cancer.", "Known goiter.",
    "Clips from prior surgery.", "Densities from prior gunshot wound.", "Compatible with prior lumpectomy.", "Prior chest surgery.",
    "Increased density of the breast.", "Decreased lung volumes with atelectasis.", "No acute bony changes.", "A newborn chest.",
    "Short interval follow-up in six months.", "Follow-up to document resolution.", "Continued annual screening is recommended.",
    "The remaining lungs are clear.", "Hemodynamically stable patient.", "Biopsy is recommended prior to surgery.", "No effusion.",
    "Right base opacity, worse on the right.", "Larger compared to the left breast.", "Similar in size to the left side.",
    "Evidence against malignancy.", "The asymmetry persists on spot compression views.", "Persistent enhancement kinetics.",
    "Persistent left superior vena cava.", "If symptoms persist, ultrasound is recommended.", "High-resolution CT is recommended.",
    "A baseline mammogram.", "The age of the fracture is unknown.",
]  # fmt: skip
SPANISH = [
    "Sin cambios significativos.", "Nódulo estable respecto al estudio previo.", "Masa de nueva aparición.", "Nueva masa.",
    "Persiste la asimetría.", "El derrame ha disminuido.", "sin cambi radiolog desd rx previ", "No se observan cambios.",
    "Ya no se visualiza el nódulo.", "SIN CAMBIOS RESPECTO A RADIOGRAFIA PREVIA.", "aparicion de un nodulo",
    "No se dispone de estudios previos para comparar.", "Se observa de nuevo un quiste.", "Lesión mayor que en el control anterior.",
]  # fmt: skip
NOT_SPANISH = [
    "Masa en mama derecha.", "Arco anterior de la costilla.", "Tercio anterior de la mama.", "Sin derrame.", "Cirugía previa.",
    "Fractura antigua.", "Sin cambios degenerativos.", "Dolor de tres días de evolución.", "Persiste en compresión focalizada.",
    "Aumento de tamaño de la silueta cardíaca.", "Control en seis meses para valorar estabilidad.",
    "Asimetría comparada con la mama contralateral.", "TC de alta resolución.",
]  # fmt: skip

PORTUGUESE = [
    "Nódulo estável em relação ao exame anterior.", "Sem alterações evolutivas.", "Sem mudanças significativas.",
    "Calcificações inalteradas desde 2019.", "Persiste o nódulo.", "Permanecem as calcificações.", "Mantém-se a assimetria.",
    "Observa-se novamente um cisto.", "Novo nódulo na mama direita.", "Surgimento de microcalcificações.", "Houve redução do nódulo.",
    "O nódulo aumentou de tamanho.", "O derrame diminuiu.", "Não se observa mais o nódulo.", "Já não se identifica o cisto.",
    "Comparado com a mamografia de 2018.", "Não há exames anteriores para comparação.", "Em comparação com o estudo prévio.",
    "Nódulo semelhante ao exame de 2019.", "Aumento das dimensões do nódulo.", "SEM ALTERACOES SIGNIFICATIVAS EM RELACAO AO EXAME ANTERIOR",
    "Sem alterações em relação ao estudo de 2020.", "Lesão já conhecida.", "Nódulo maior que no anterior.",
]  # fmt: skip
NOT_PORTUGUESE = [
    "Pele e mamilos sem alterações.", "Nódulo espiculado na mama direita.", "Não se observam calcificações suspeitas.",
    "Linfonodos axilares de aspecto habitual.", "Recomenda-se nova mamografia em 6 meses.", "Assimetria semelhante à mama contralateral.",
    "Nódulo no terço anterior da mama.", "Não se pode descartar malignidade.", "As mamas são densas.", "Cirurgia prévia.",
    "Dor há três dias de evolução.", "Assimetria em relação à mama esquerda.", "Controle em seis meses para avaliar estabilidade.",
    "Persiste na compressão localizada.", "Sugere-se realizar nova incidência em perfil.", "Parênquima sem alterações focais.",
]  # fmt: skip


@pytest.mark.parametrize("sentence", COMPARING)
def test_a_comparison_is_found(sentence):
    assert comparisons_in(sentence)


@pytest.mark.parametrize("sentence", NOT_COMPARING)
def test_what_only_looks_like_one_is_none(sentence):
    assert comparisons_in(sentence) == ()


def test_spanish_comparisons_are_found_and_others_are_not():
    assert [s for s in SPANISH if not comparisons_in(s, "es")] == []
    assert [s for s in NOT_SPANISH if comparisons_in(s, "es")] == []


def test_portuguese_comparisons_are_found_and_others_are_not():
    assert [s for s in PORTUGUESE if not comparisons_in(s, "pt")] == []
    assert [s for s in NOT_PORTUGUESE if comparisons_in(s, "pt")] == []


@pytest.mark.parametrize(
    ("sentence", "negative"),
    [
        ("Não há massas.", True), ("Sem calcificações.", True), ("Ausência de nódulos.", True), ("Nenhuma massa.", True), ("Massa.", False),
        ("Sem mudanças.", False), ("Não se pode excluir malignidade.", False), ("Sem exames anteriores.", False), ("No entanto, há um nódulo.", False),
        ("Pele sem alterações.", True), ("Exame sem contraste.", False),
    ],
)  # fmt: skip
def test_a_portuguese_denial_is_told_from_a_statement(sentence, negative):
    assert is_negative(sentence, "pt") is negative


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Nódulo estável na mama esquerda.", "Nódulo na mama esquerda."), ("Calcificações benignas inalteradas desde 2019.", "Calcificações benignas."),
        ("Novo nódulo espiculado.", "Nódulo espiculado."), ("Observa-se um novo nódulo oval.", "Observa-se um nódulo oval."),
        ("Observa-se novamente um cisto simples.", "Observa-se um cisto simples."), ("Persiste a assimetria esquerda.", "Observa-se a assimetria esquerda."),
        ("Persistem os cistos à direita.", "Observam-se os cistos à direita."), ("Massa de recente surgimento na axila.", "Massa na axila."),
        ("Novamente observa-se um cisto.", "Observa-se um cisto."), ("Silhueta cardíaca estável.", ""), ("O nódulo permanece estável.", ""),
        ("Não há novas massas.", ""), ("Possível novo nódulo.", ""), ("Nódulo estável e nova massa.", ""), ("Persiste.", ""),
        ("O derrame desapareceu.", ""), ("Sem mudanças.", ""), ("Houve redução do nódulo.", ""),
    ],
)  # fmt: skip
def test_portuguese_sentences_are_rewritten_or_dropped_too(before, after):
    assert rewritten(before, is_negative(before, "pt"), "pt") == after


@pytest.mark.parametrize(
    ("sentence", "language", "phrases"),
    [
        ("The mass is unchanged since the prior study, and a cyst is new.", "en", ("unchanged since the prior study", "new")),
        ("Compared to the prior study of 2019 it is stable.", "en", ("Compared to the prior study", "stable")),
        ("Stable mass, status post old fracture.", "en", ("Stable",)),
        ("Quiste ya conocido, sin cambios.", "es", ("ya conocido, sin cambios",)),
    ],
)  # fmt: skip
def test_the_phrases_are_those_of_the_sentence(sentence, language, phrases):
    assert comparisons_in(sentence, language) == phrases


def test_a_language_without_words_is_told():
    with pytest.raises(InputError, match="no language with words of comparison is called 'fr'"):
        comparisons_in("Stable.", "fr")


@pytest.mark.parametrize(
    ("sentence", "language", "negative"),
    [
        ("No mass.", "en", True), ("Without calcifications.", "en", True), ("The axilla is free of nodes.", "en", True),
        ("A mass, not a cyst.", "en", True), ("Lungs are clear of infiltrate.", "en", True), ("Fracture is excluded.", "en", True),
        ("No new mass.", "en", True), ("It is no longer seen.", "en", True), ("Negative mammogram.", "en", True),
        ("There is no mammographic evidence of malignancy.", "en", True), ("The heart isn't enlarged.", "en", True),
        ("A mass.", "en", False), ("No change.", "en", False), ("No significant interval change.", "en", False),
        ("Not only a mass.", "en", False), ("It is no longer as dense.", "en", False), ("Notable mass.", "en", False),
        ("A mass cannot be excluded.", "en", False), ("The base is not well seen.", "en", False), ("Rule out mass.", "en", False),
        ("No prior mammograms are available for comparison.", "en", False), ("No previous study for comparison.", "en", False),
        ("CT without contrast.", "en", False), ("HER2-negative cancer.", "en", False), ("No. 2 is a clip.", "en", False),
        ("Sin masas.", "es", True), ("No se observan masas.", "es", True), ("Se descarta fractura.", "es", True),
        ("Sin cambios degenerativos.", "es", True), ("Ya no se observa la masa.", "es", True), ("Ausencia de derrame.", "es", True),
        ("Masa.", "es", False), ("Sin cambios.", "es", False), ("Sin embargo, hay una masa.", "es", False),
        ("No se puede descartar masa.", "es", False), ("Nodular.", "es", False), ("Sin estudios previos.", "es", False),
    ],
)  # fmt: skip
def test_a_denial_is_told_from_a_statement(sentence, language, negative):
    assert is_negative(sentence, language) is negative


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Stable mild cardiomegaly.", "Mild cardiomegaly."),
        ("2. Stable, mild cardiomegaly", "2. Mild cardiomegaly."),
        ("Mild stable cardiomegaly.", "Mild cardiomegaly."),
        ("Stable cardiomegaly and persistent left effusion.", "Cardiomegaly and left effusion."),
        ("Stable cardiomegaly without edema.", "Cardiomegaly without edema."),
        ("Stable postsurgical changes in the left breast.", "Postsurgical changes in the left breast."),
        ("Stable normal heart size.", "Normal heart size."),
        ("Stable appearance of a left effusion.", "Left effusion."),
        ("There is a new asymmetry.", "There is an asymmetry."),
        ("There is an unchanged mass in the left breast.", "There is a mass in the left breast."),
        ("There are stable benign calcifications.", "There are benign calcifications."),
        ("A stable mass is seen in the left breast.", "A mass is seen in the left breast."),
        ("There is a nodule in the left lung, unchanged since 2012.", "There is a nodule in the left lung."),
        ("A nodule in the left lung is unchanged since 2012.", "A nodule in the left lung."),
        ("Global asymmetry, stable compared with the prior study.", "Global asymmetry."),
        ("Left lower lobe scar, stable", "Left lower lobe scar."),
        ("No significant change in the left effusion.", "Left effusion."),
        ("Redemonstration of a calcified granuloma.", "Calcified granuloma."),
        ("Surgical clips are again seen.", "Surgical clips are seen."),
        ("Surgical clips again noted.", "Surgical clips noted."),
        ("Again noted are coarse calcifications.", "There are coarse calcifications."),
        ("There is again a small effusion.", "There is a small effusion."),
        ("Vascular congestion is redemonstrated.", "Vascular congestion is seen."),
        ("The heart remains mildly enlarged.", "The heart is mildly enlarged."),
        ("The lungs remain clear.", "The lungs are clear."),
        ("The heart is now enlarged.", "The heart is enlarged."),
        ("The heart is stable and within normal limits.", "The heart is within normal limits."),
        ("The heart is enlarged but unchanged.", "The heart is enlarged."),
        ("A left opacity persists in the base.", "A left opacity is present in the base."),
        # what must be dropped
        ("The mass is unchanged.", ""),
        ("The nodule is unchanged since 2009.", ""),
        ("No new infiltrate.", ""),
        ("There is no new mass.", ""),
        ("The lungs are clear with no new nodule.", ""),
        ("No mass, unchanged.", ""),
        ("The effusion has resolved.", ""),
        ("Effusion has resolved.", ""),
        ("Resolved left effusion.", ""),
        ("Worsening left opacity.", ""),
        ("Interval increase in the left effusion.", ""),
        ("Stable appearance of the chest.", ""),
        ("Stable cardiac silhouette.", ""),
        ("Stable breast density.", ""),
        ("Stable cardiomegaly and mediastinal contours.", ""),
        ("The heart is normal with stable appearance of the contours.", ""),
        ("Scar stable and nodule smaller, without effusion, since the prior study.", ""),
        ("The nodule is smaller than in 2019, unchanged otherwise.", ""),
        ("Nodule, unchanged from the prior study, without effusion.", ""),
        ("The catheter is unchanged with its tip in the heart.", ""),
        ("A pacemaker is present the leads are unchanged.", ""),
        ("No change in left effusion or consolidation.", ""),
        ("Mass or new scar.", ""),
        ("Mild and stable cardiomegaly.", ""),
        ("Stable granuloma Bilateral effusions.", ""),
        ("Both lesions are both stable.", ""),
        ("Masses are stable.", ""),
        ("Unchanged.", ""),
        ("They remain.", ""),
        ("Joint radiographically stable.", ""),
        ("If it persists, biopsy the mass.", ""),
    ],
)  # fmt: skip
def test_a_rewritten_sentence_says_what_is_seen_now_or_is_dropped(before, after):
    assert rewritten(before, is_negative(before)) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Nódulo estable en mama izquierda.", "Nódulo en mama izquierda."),
        ("Cardiomegalia leve, sin cambios respecto al estudio previo.", "Cardiomegalia leve."),
        ("Masa de nueva aparición en la axila.", "Masa en la axila."),
        ("Nueva masa espiculada.", "Masa espiculada."),
        ("Se observan nuevas microcalcificaciones agrupadas.", "Se observan microcalcificaciones agrupadas."),
        ("De nuevo se observa un quiste.", "Se observa un quiste."),
        ("Persiste la asimetría izquierda.", "Se observa la asimetría izquierda."),
        ("Silueta cardíaca estable.", ""),
        ("El nódulo permanece estable.", ""),
        ("No hay nuevas masas.", ""),
        ("Posible nuevo nódulo.", ""),
        ("Nódulo estable y nueva masa.", ""),
        ("Persiste.", ""),
        ("El derrame ha desaparecido.", ""),
        ("Sin cambios.", ""),
    ],
)  # fmt: skip
def test_spanish_sentences_are_rewritten_or_dropped_too(before, after):
    assert rewritten(before, is_negative(before, "es"), "es") == after


def report(findings, language="en", **sections):
    said = {Section.FINDINGS: findings} | {Section(k): v for k, v in sections.items()}
    return ReportText("raw", said, language)


def test_kept_reports_are_the_same():
    text = report("Stable mass.")
    assert with_comparisons(text, Comparisons.KEEP) is text


def test_dropped_sentences_and_the_comparison_section_are_noted_and_the_others_stay_as_they_are():
    text = report(
        "There is a mass. The scar is unchanged. No cyst.",
        comparison="2019.",
        indication="New mass.",
        technique="As before.",
        impression="Stable.",
    )
    done = with_comparisons(text, Comparisons.DROP)
    assert done.sections == {
        Section.FINDINGS: "There is a mass. No cyst.",
        Section.INDICATION: "New mass.",
        Section.TECHNIQUE: "As before.",
    }
    assert done.edits == (
        Edit(Section.FINDINGS, "The scar is unchanged.", ""), Edit(Section.COMPARISON, "2019.", ""),
        Edit(Section.IMPRESSION, "Stable.", ""),
    )  # fmt: skip
    assert done.raw == "raw"


def test_a_line_break_beside_a_dropped_sentence_stays():
    done = with_comparisons(report("A mass\nStable cyst. No scar"), Comparisons.DROP)
    assert done.sections == {Section.FINDINGS: "A mass\nNo scar"}


def test_a_sentence_that_speaks_of_a_dropped_one_goes_with_it_and_one_that_speaks_of_a_kept_one_stays():
    text = "There is a mass. It is oval. A new nodule is seen. It measures 5 mm. This may be a cyst. This study is limited."
    done = with_comparisons(report(text), Comparisons.DROP)
    assert done.sections == {Section.FINDINGS: "There is a mass. It is oval. This study is limited."}
    assert [e.before for e in done.edits] == ["A new nodule is seen.", "It measures 5 mm.", "This may be a cyst."]


def test_a_sentence_that_speaks_of_a_rewritten_one_stays():
    done = with_comparisons(report("Stable left nodule. It measures 5 mm."), Comparisons.REWRITE)
    assert done.sections == {Section.FINDINGS: "Left nodule. It measures 5 mm."}


def test_rewritten_sentences_are_noted_with_what_they_became():
    done = with_comparisons(report("Stable left scar. Unchanged."), Comparisons.REWRITE)
    assert done.sections == {Section.FINDINGS: "Left scar."}
    assert done.edits == (
        Edit(Section.FINDINGS, "Stable left scar.", "Left scar."),
        Edit(Section.FINDINGS, "Unchanged.", ""),
    )


def test_a_report_of_another_language_is_edited_by_its_own_words():
    done = with_comparisons(report("Nódulo estable en la mama. Sin cambios. Sin derrame.", "es"), Comparisons.REWRITE)
    assert done.sections == {Section.FINDINGS: "Nódulo en la mama. Sin derrame."}


@pytest.mark.real
def test_after_dropping_or_rewriting_no_real_report_compares(data_root):
    with (data_root / "iu_xray_text" / "indiana_reports.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["findings"].strip()][:800]
    for how in (Comparisons.DROP, Comparisons.REWRITE):
        edited = [with_comparisons(report(row["findings"]), how) for row in rows]
        assert sum(bool(r.edits) for r in edited) > 100
        assert not [r for r in edited for e in r.edits if e.after and comparisons_in(e.after)]
        assert not [r for r in edited if with_comparisons(r, how).edits != r.edits]
