"""Networks of one model put beside the first pass of another: those that do not depend on its features."""

from dataclasses import asdict, replace

from mammoscribe.models.reader.reader import Reader


def with_parts(reader: Reader, other: Reader) -> Reader:
    """`reader` with the crop refiner, calcification network and decoder of `other`, where it has none of its own.

    The text side is not taken: it was trained on the features of the other's first pass.
    """
    card, refiner, patches, decoder = reader.card, reader.look_net, reader.patch_net, reader.decoder
    if refiner is None and other.look_net is not None:
        refiner, card = other.look_net, replace(card, looks=asdict(other.look_net.config))
    if patches is None and other.patch_net is not None:
        patches, card = other.patch_net, replace(card, patches=asdict(other.patch_net.config))
    if decoder is None and other.decoder is not None:
        decoder, card = other.decoder, replace(card, decoder=other.decoder.config.as_dict())
    return replace(reader, card=card, look_net=refiner, patch_net=patches, decoder=decoder)
