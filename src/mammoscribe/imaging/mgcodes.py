"""Codes of mammographic views and modifiers (DICOM PS3.16 CID 4014, CID 4015), in SNOMED CT and older SRT."""

from mammoscribe.domain.view import Projection

PROJECTIONS = {
    "399162004": Projection.CC,
    "R-10242": Projection.CC,
    "399368009": Projection.MLO,
    "R-10226": Projection.MLO,
}
"""The two views that are read, by code value."""

OTHER_VIEWS = {
    "399260004": "a medio-lateral (ML) view",
    "R-10224": "a medio-lateral (ML) view",
    "399352003": "a latero-medial (LM) view",
    "R-10228": "a latero-medial (LM) view",
    "399099002": "a latero-medial oblique (LMO) view",
    "R-10230": "a latero-medial oblique (LMO) view",
    "399196006": "a caudo-cranial view",
    "R-10244": "a caudo-cranial view",
    "399188001": "a superolateral to inferomedial oblique view",
    "R-102D0": "a superolateral to inferomedial oblique view",
    "441555000": "an inferomedial to superolateral oblique view",
    "R-40AAA": "an inferomedial to superolateral oblique view",
    "399192008": "an exaggerated (XCCL) view",
    "R-1024A": "an exaggerated (XCCL) view",
    "399101009": "an exaggerated (XCCM) view",
    "R-1024B": "an exaggerated (XCCM) view",
    "127457009": "a tissue specimen",
    "G-8310": "a tissue specimen",
}
"""Views that are recognised and not read."""

REFUSED_MODIFIERS = {
    "399055006": "a spot compression view",
    "R-102D7": "a spot compression view",
    "399163009": "a magnification view",
    "R-102D6": "a magnification view",
    "399110001": "a tangential view",
    "R-102C2": "a tangential view",
    "399011000": "an axillary tail view",
    "R-102D1": "an axillary tail view",
    "442580003": "an axillary tissue view",
    "R-40AB2": "an axillary tissue view",
    "399161006": "a cleavage view",
    "R-102D2": "a cleavage view",
    "442593008": "an infra-mammary fold view",
    "R-40ABE": "an infra-mammary fold view",
    "441752004": "an anterior compression view",
    "P2-00161": "an anterior compression view",
    "399197002": "a rolled view",
    "R-102D3": "a rolled view",
    "399226006": "a rolled view",
    "R-102D4": "a rolled view",
    "415670009": "a rolled view",
    "R-102C9": "a rolled view",
    "414493004": "a rolled view",
    "R-102CA": "a rolled view",
}
"""View modifiers that make a view another than the standard one."""

IMPLANT_DISPLACED = frozenset({"399209000", "R-102D5"})

OTHER_POSITIONS = {
    "ML": "a medio-lateral (ML) view",
    "LM": "a latero-medial (LM) view",
    "LMO": "a latero-medial oblique (LMO) view",
    "XCCL": "an exaggerated (XCCL) view",
    "XCCM": "an exaggerated (XCCM) view",
    "XCC": "an exaggerated (XCC) view",
    "FB": "a caudo-cranial view",
    "SIO": "a superolateral to inferomedial oblique view",
    "ISO": "an inferomedial to superolateral oblique view",
    "AT": "an axillary tail view",
    "CV": "a cleavage view",
    "TAN": "a tangential view",
}
"""Values of View Position (0018,5101) that are recognised and not read."""
