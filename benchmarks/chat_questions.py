"""Whether a chat model sees: how well it tells yes from no in questions that labels answer, with its pictures and with black ones.

Every question is asked by itself, as the first of a conversation, so no earlier answer gives it away. The score is how likely
the model begins with "Yes" rather than "No"; the figure is the AUC over as many questions with either answer of each topic.
From black pictures it has to be 0.5: then the question alone says nothing, and what is above comes from the pictures.

    python benchmarks/chat_questions.py --chat runs/findings --data phantoms-prepared           # about a second a question, one core
    python benchmarks/chat_questions.py --chat runs/findings --data cbis-prepared --split test --most 40
    python benchmarks/chat_questions.py --chat runs/findings --data phantoms-prepared --topics presence recall
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mammoscribe.cli.console import progress_bar
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import MammoExam, Turn
from mammoscribe.domain.lexicon import term
from mammoscribe.evaluation.bootstrap import interval_or_none
from mammoscribe.evaluation.card import Row, markdown, write_rows
from mammoscribe.evaluation.classification import auc, auc_interval
from mammoscribe.models.chat.answer import Question
from mammoscribe.models.chat.batch import batch_of
from mammoscribe.models.chat.chat_model import ChatModel, load_chat_model
from mammoscribe.models.chat.place import chat_folder_at, starter_place
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.training.chat.facts import facts_of
from mammoscribe.training.chat.findings import compared
from mammoscribe.training.chat.questions import Ask, questions_of
from mammoscribe.training.chat.shown import Shown, current, listed, with_prior

SEED = 0


@dataclass(frozen=True)
class Asked:
    """A question with yes or no for an answer.

    Args:
        record: number in the dataset. patient: of the record.
        ask: the question. topic: under which it is counted.
    """

    record: int
    patient: str
    ask: Ask
    topic: str


def shown_of(dataset: PreparedDataset, number: int, most: int) -> tuple[Shown, ...]:
    """The pictures of a record, with those of its prior where they fit."""
    stored = dataset[number]
    return with_prior(current(stored), dataset.prior_of(stored), most)[0]


def questions(dataset: PreparedDataset, most_pictures: int) -> Iterator[Asked]:
    """Every question of the dataset that is answered with yes or no."""
    for number in range(len(dataset)):
        stored = dataset[number]
        if not isinstance(stored.record, MammoExam) or not stored.pictures:
            continue
        shown = shown_of(dataset, number, most_pictures)
        for ask in questions_of(facts_of(stored.record, shown, dataset.supervision), compared(shown)):
            if ask.affirms is not None and ask.topic not in ("count", "kinds"):
                about = term(ask.about).axis.value if ask.topic == "value" else ask.about
                yield Asked(number, stored.record.patient_id, ask, f"{ask.topic} {about}".strip())


def balanced(found: Sequence[Asked], most: int) -> list[Asked]:
    """At most so many of each answer of each topic, as many of either for each thing asked about, spread over the records."""
    rng, groups = (
        np.random.default_rng(SEED),
        defaultdict[tuple[str, str], dict[bool, list[Asked]]](lambda: {True: [], False: []}),
    )
    for asked in found:
        groups[asked.topic, asked.ask.about][bool(asked.ask.affirms)].append(asked)
    parts = defaultdict[str, int](int)
    for topic, _ in groups:
        parts[topic] += 1
    chosen: list[Asked] = []
    for (topic, _), answers in sorted(groups.items()):
        number = min(max(1, most // parts[topic]), *map(len, answers.values()))
        for own in answers.values():
            chosen += [own[n] for n in rng.permutation(len(own))[:number].tolist()]
    return sorted(chosen, key=lambda asked: asked.record)


@torch.no_grad()
def leaning(model: ChatModel, asked: Question) -> float:
    """How much likelier the answer begins with "Yes" than with "No", as a difference of logits."""
    prompter, pixels = model.prompter(), model.adapter.pixels(asked.views)
    batch = batch_of([prompter.asked(asked.turns, pixels.tokens, asked.name)], None, [pixels], prompter)
    dtype = model.network.dtype
    inputs = {name: t.to(dtype) if t.is_floating_point() else t for name, t in batch.inputs().items()}
    hidden = model.network.model(**inputs, use_cache=False).last_hidden_state[:, -1]
    yes, no = (model.tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in ("Yes", "No"))
    logits = model.network.lm_head(hidden)[0].float()
    return float(logits[yes] - logits[no])


def scored(model: ChatModel, dataset: PreparedDataset, chosen: Sequence[Asked]) -> dict[str, np.ndarray]:
    """[N] leanings from the pictures and from black ones."""
    found: dict[str, list[float]] = {"own": [], "black": []}
    unseen: dict[str, float] = {}  # of black pictures by what is asked: they are all alike
    with progress_bar() as progress:
        for number, asked in enumerate(progress.track(chosen, description="asking")):
            shown = shown_of(dataset, asked.record, model.family.most_images)
            views = tuple(s.pixels() for s in shown)
            words, _ = asked.ask.words(np.random.default_rng((SEED, number)), {})
            turns = (Turn("human", f"{listed(shown)}\n{words}"),)
            name = dataset[asked.record].record.id
            found["own"].append(leaning(model, Question(turns, views, name)))
            key = f"{turns[0].text} {[view.shape for view in views]}"
            if key not in unseen:
                unseen[key] = leaning(model, Question(turns, tuple(np.zeros_like(view) for view in views), name))
            found["black"].append(unseen[key])
    return {name: np.array(values) for name, values in found.items()}


def rows_of(chosen: Sequence[Asked], scores: dict[str, np.ndarray]) -> list[Row]:
    """AUC of each topic, from pictures and from black ones."""
    found = []
    for topic in sorted({asked.topic for asked in chosen}):
        rows = [n for n, asked in enumerate(chosen) if asked.topic == topic]
        truth, patients = [bool(chosen[n].ask.affirms) for n in rows], [chosen[n].patient for n in rows]
        for name, words in (("own", ""), ("black", ", from black pictures")):
            values = scores[name][rows]
            found.append(
                Row(
                    f"{topic}{words}: AUC", auc(values, truth), f"{len(rows)} questions, {len(set(patients))} patients",
                    interval_or_none(lambda v=values, t=truth, p=patients: auc_interval(v, t, p)),
                )
            )  # fmt: skip
    return found


def main() -> int:
    """Measure as the command line asks; 2 when nothing could be measured."""
    args = options()
    torch.set_num_threads(args.threads)
    try:
        folder = chat_folder_at(args.chat or starter_place())
        model, dataset = (
            load_chat_model(folder, torch.bfloat16 if args.bf16 else None),
            PreparedDataset(args.data, args.split),
        )
        found = [
            q for q in questions(dataset, model.family.most_images) if not args.topics or q.ask.topic in args.topics
        ]
        chosen = balanced(found, args.most)
        if not chosen:
            raise InputError(
                f"the labels of {args.data}, {args.split} split, answer no question with yes and with no", "both"
            )
        rows = rows_of(chosen, scored(model, dataset, chosen))
    except MammoscribeError as error:
        print(error)
        return 2
    print(f"{folder}, {args.split} split of {args.data}\n\n{markdown(rows)}")
    if args.json:
        write_rows(rows, args.json)
    return 0


def options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--chat", type=Path, help="folder or run of a chat model (default: the starter-chat that is there)"
    )
    parser.add_argument("--data", type=Path, required=True, help="prepared mammograms with labels")
    parser.add_argument("--split", default="val", help="of the data (default: %(default)s)")
    parser.add_argument(
        "--most", type=int, default=50, help="questions of either answer of a topic (default: %(default)s)"
    )
    parser.add_argument("--topics", nargs="*", help="first words of topics, such as presence (default: all)")
    parser.add_argument("--bf16", action="store_true", help="compute in 16 bits, in about half the time")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
