"""Prints the values of `golden_scores.json` with the reference packages, in an environment that has them:

    pip install pycocoevalcap==1.2 rouge-score==0.1.2 nltk==3.10.4 sacrebleu==2.6.0
    PYTHONPATH=. python tests/evaluation/report_card/reference_scores.py > tests/evaluation/report_card/golden_scores.json

pycocoevalcap prints two lines before the JSON, which are to be deleted. The packages are no dependency of the project. METEOR: nltk without a stemmer and with a WordNet that knows no word.
"""

import json
import sys

import sacrebleu
from nltk.translate.meteor_score import single_meteor_score
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from rouge_score.rouge_scorer import RougeScorer

from tests.evaluation.report_card.generated_texts import pairs


class NoStems:
    def stem(self, word):
        return word


class NoWordNet:
    def synsets(self, word):
        return []


def main() -> None:
    found = pairs()
    references = {i: [r] for i, (r, _) in enumerate(found)}
    candidates = {i: [c] for i, (_, c) in enumerate(found)}
    bleu, bleu_each = Bleu(4).compute_score(references, candidates, verbose=0)
    cider, cider_each = Cider().compute_score(references, candidates)
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    rouge = [[s[k].fmeasure for k in ("rouge1", "rouge2", "rougeL")] for s in (scorer.score(r, c) for r, c in found)]
    meteor = [single_meteor_score(r.split(), c.split(), stemmer=NoStems(), wordnet=NoWordNet()) for r, c in found]
    golden = {
        "bleu": bleu,
        "bleu_4_sacrebleu": sacrebleu.corpus_bleu([c for _, c in found], [[r for r, _ in found]], tokenize="none").score
        / 100,
        "bleu_each": [list(b) for b in zip(*bleu_each, strict=True)],
        "cider": float(cider),
        "cider_each": [float(c) for c in cider_each],
        "rouge_each": rouge,
        "meteor_each": meteor,
    }
    json.dump(_rounded(golden), sys.stdout)


def _rounded(value):
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return [_rounded(v) for v in value] if isinstance(value, list) else round(value, 7)


if __name__ == "__main__":
    main()
