"""Growth by a dual memory: frozen long-term parts, a plastic short-term part, and a gate between all of them.

The roles are FearNet's (Kemker & Kanan, 2018, arXiv 1711.10563): hippocampus, prefrontal cortex, and the
amygdala that says which of them answers. Here each part is an expert that was trained by gradient on its own
classes alone, and the gate weighs parts by the statistics of their classes. ml.growth.memory holds the
two memories of somebody who learns; a part is long-term once the ledger accepted it.
"""

from __future__ import annotations

from torch import Generator, Tensor
from torch.nn import functional

from ml.growth.lesson import Lesson
from ml.growth.neurons import Layer, scaling, start, train


def teach(lesson: Lesson) -> dict[str, Tensor]:
    """The tensors of the new part, by local name."""
    _, _, statistics = lesson.statistics()
    inputs = scaling(lesson.features_NF)
    generator = Generator().manual_seed(lesson.seed)
    weights = start(lesson.part, generator)

    def loss(index_B: Tensor, _: Generator) -> Tensor:
        layer = Layer(inputs | weights)
        outputs_BO = layer.out(layer.hidden(lesson.features_NF[index_B], None))
        return functional.cross_entropy(outputs_BO, lesson.target_N[index_B])

    if len(lesson.part.labels) > 1:  # an expert for one label has nothing to tell apart
        weights = train(weights, loss, len(lesson.target_N), lesson.recipe, generator)
    return statistics | inputs | {name: tensor.detach() for name, tensor in weights.items()}
