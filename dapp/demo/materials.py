"""What participants bring to a task when a public data set is shared out as in Table II of Mendis et al."""

from __future__ import annotations

from dataclasses import dataclass

from dapp.store import Store
from ml.architecture import Architecture, with_labels
from ml.data.samples import Dataset, Samples
from ml.data.shards import pack, split
from ml.data.shares import ContributorShare, Shares, table_ii
from ml.models import table_i
from ml.spec import DataRef, Development, TaskSpec, sha256


@dataclass(frozen=True, eq=False)
class Material:
    """A data set, shared out."""

    dataset: Dataset
    shares: Shares

    @property
    def shards(self) -> list[bytes]:
        """The verification pool, cut into shards (D_n of them)."""
        return [pack(shard) for shard in split(self.shares.verification_pool, self.shares.sizes.shards)]

    @property
    def shards_drawn(self) -> int:
        """How many of them the chain draws (D_k)."""
        return self.shares.sizes.shards_drawn

    @property
    def all_labels(self) -> tuple[int, ...]:
        """The task's label indices."""
        return tuple(range(len(self.dataset.labels)))

    def contributor(self, number: int) -> ContributorShare:
        """The private samples of contributor `number`, 1 to 5."""
        return self.shares.contributors[number - 1]

    @property
    def design(self) -> Architecture:
        """What a task of Scenario II prescribes: the first design of Table I."""
        return table_i(1, self.all_labels, self.dataset.input_shape)

    def architecture(self, number: int, prescribed: Architecture | None = None) -> Architecture:
        """What contributor `number` trains for its labels: its own design of Table I, else the prescribed
        one.
        """
        labels = self.contributor(number).labels
        if prescribed is not None:
            return with_labels(prescribed, labels)
        return table_i(number, labels, self.dataset.input_shape)

    def spec(
        self,
        store: Store,
        *,
        name: str,
        scenario: int,
        rule: str,
        fusion: str,
        metric: str = "accuracy",
    ) -> TaskSpec:
        """The initiator's specification; its development data go into `store`."""
        return TaskSpec(
            name=name,
            scenario=scenario,
            dataset=self.dataset.name,
            input_shape=self.dataset.input_shape,
            labels=self.dataset.labels,
            development=Development(
                train=_publish(self.shares.development, store),
                test=_publish(self.shares.development_test, store),
            ),
            architecture=self.design if scenario == 2 else None,
            metric=metric,
            rule=rule,
            fusion=fusion,
        )


def share_out(dataset: Dataset, seed: int) -> Material:
    """The shares of Table II, fixed by the seed."""
    return Material(dataset, table_ii(dataset, seed))


def publish_development(samples: Samples, store: Store) -> Development:
    """Public samples into the store: four fifths to train on, the rest to test with."""
    fifth = len(samples) // 5
    return Development(
        train=_publish(samples.take(slice(fifth, None)), store),
        test=_publish(samples.take(slice(0, fifth)), store),
    )


def _publish(samples: Samples, store: Store) -> DataRef:
    data = pack(samples)
    return DataRef(cid=store.put(data), sha256=sha256(data).hex(), bytes=len(data), samples=len(samples))
