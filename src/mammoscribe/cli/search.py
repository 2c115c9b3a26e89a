"""`mammoscribe search`: builds an index of pictures or texts once, and searches it by text or by picture."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar, warn
from mammoscribe.cli.joint_options import Bfloat16, SpaceMode, SpaceModel, Views, open_space
from mammoscribe.cli.options import folder_for
from mammoscribe.cli.tables import csv_for, show_table
from mammoscribe.support.errors import InputError

if TYPE_CHECKING:
    from mammoscribe.explain.store import VectorStore
    from mammoscribe.models.joint_space import JointSpace

EXAMPLE = 'Example: mammoscribe search index --images exams/ --text "grouped calcifications" --top 10'


class Engine(StrEnum):
    """How to search: exactly, block by block from disk, or with FAISS (an extra), which holds all in memory."""

    EXACT = "exact"
    FAISS = "faiss"


def command(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="Folder of the index; built there when absent.")],
    images: Annotated[
        Path | None,
        typer.Option(
            "--images", metavar="DIR_OR_CSV", help="Build it of these pictures: a folder, or a CSV with a column path."
        ),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(
            "--texts", metavar="FILE", help="Build it of these texts: one per line, or a CSV with a column text."
        ),
    ] = None,
    text: Annotated[str | None, typer.Option("--text", metavar="TEXT", help="Search by this text.")] = None,
    image: Annotated[Path | None, typer.Option("--image", metavar="IMAGE", help="Search by this picture.")] = None,
    top: Annotated[int | None, typer.Option("--top", min=1, help="How many results; 10 by default.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="CSV", help="Also write the results there.")] = None,
    engine: Annotated[
        Engine | None, typer.Option("--engine", help="How to search; exact by default, the results are the same.")
    ] = None,
    model: SpaceModel = "starter",
    mode: SpaceMode = None,
    view: Views = None,
    bfloat16: Bfloat16 = False,
) -> None:
    """Search pictures by text, texts by picture, or either by its own kind.

    A build that was stopped goes on where it left off; pictures that cannot be read are set aside with their reason. A
    picture is compared with other pictures from the centre of the index: 1 is the same direction, 0 an unrelated one.
    """
    folder, table = folder_for(index), csv_for(out)
    _check(images, texts, text, image, {"--top": top, "--out": out, "--engine": engine})
    from mammoscribe.explain.store import VectorStore

    space = open_space(model, mode, view, many=True, bfloat16=bfloat16)
    store = VectorStore(folder) if images is None and texts is None else _build(space, folder, images, texts)
    if text is not None or image is not None:
        _search(space, store, text, image, top or 10, engine or Engine.EXACT, table)


def _check(
    images: Path | None, texts: Path | None, text: str | None, image: Path | None, of_search: dict[str, object]
) -> None:
    for one, other, names in ((images, texts, "--images and --texts"), (text, image, "--text and --image")):
        if one is not None and other is not None:
            raise InputError(f"both {names}", "one of them")
    if text is not None and not text.strip():
        raise InputError("an empty --text", "what to look for, such as 'grouped calcifications'")
    query = text is not None or image is not None
    if not query and images is None and texts is None:
        raise InputError("nothing to do", "--images or --texts to build, --text or --image to search")
    unused = [name for name, value in of_search.items() if value is not None]
    if not query and unused:
        raise InputError(f"{unused[0]} without a search", "--text or --image beside it")


def _build(space: "JointSpace", folder: Path, images: Path | None, texts: Path | None) -> "VectorStore":
    from mammoscribe.explain.retrieval import find_images, find_texts
    from mammoscribe.explain.store import Kind, build_store

    kind = Kind.TEXTS if images is None else Kind.IMAGES
    items = find_texts(texts) if images is None and texts is not None else find_images(images or folder)
    with progress_bar() as progress:
        task = progress.add_task(f"indexing {kind}", total=len(items))
        store = build_store(space, kind, items, folder, on_rows=lambda n: progress.update(task, completed=n))
    for row, reason in store.state.set_aside.items():
        warn(f"{items[row].id} is not in the index: {reason}")
    count = len(store) - len(store.state.set_aside)
    console.print(f"{folder} holds {count} {kind}", highlight=False, markup=False, soft_wrap=True)
    return store


def _search(
    space: "JointSpace",
    store: "VectorStore",
    text: str | None,
    image: Path | None,
    top: int,
    engine: Engine,
    out: Path | None,
) -> None:
    from mammoscribe.explain.retrieval import Index, image_queries, search, text_queries
    from mammoscribe.explain.search_note import search_note
    from mammoscribe.explain.store import Kind

    store.check_space(space)
    among_pictures = image is not None and store.state.kind is Kind.IMAGES
    if image is not None:
        prepared = space.prepare(image)
        store.check_mode(prepared.mode)
        query = image_queries(space, [prepared])
        if among_pictures:
            warn(search_note(space, prepared))
    else:
        query = text_queries(space, [text or ""])
    (hits,) = search(store, query, top, Index(engine.value), centred=among_pictures)
    if not hits:
        raise InputError(f"the index in {store.folder} holds nothing that could be read")
    # a picture's path tells nothing that its id does not tell, where that is its end; all rows have the same columns
    shows_value = store.state.kind is Kind.TEXTS or not all(hit.item.value.endswith(hit.item.id) for hit in hits)
    rows = [
        {"rank": n, "similarity": hit.score, "id": hit.item.id, **({"value": hit.item.value} if shows_value else {})}
        for n, hit in enumerate(hits, 1)
    ]
    show_table(rows, out)
