"""A lineage of the life-long demo from its first head to its end, measured after every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from dapp.chain import events
from dapp.chain.badges import BadgeKind, badges_of
from dapp.demo.cast import GasBook
from dapp.demo.lifelong.budget import CHALLENGE_S, COMMITTEE, PRIZE_WEI, RULE
from dapp.demo.lifelong.cast import Cast
from dapp.demo.lifelong.measures import Course, Measured
from dapp.demo.lifelong.protocols import Protocol, Turn
from dapp.demo.lifelong.report import BadgeRow, Candidate, Life, RivalStep, Step
from dapp.demo.lifelong.rivals import Taught
from dapp.demo.lifelong.setting import Setting
from dapp.demo.lifelong.turns import Played, Table
from dapp.lineage import heads
from dapp.lineage.heads import HeadModel, Known
from dapp.stages import badges, lineage
from dapp.stages.badges import POINTS
from ml.data.samples import Samples, concatenate
from ml.evaluate import choose, likelihood_ppm
from ml.growth import Grown, found
from ml.weights import parse


@dataclass(frozen=True, eq=False)
class Seen:
    """The test images and their features, which are the same for every head on the same data-free base."""

    samples: Samples
    features_NF: Tensor


@dataclass(frozen=True, eq=False)
class Lived:
    """A lineage that has ended, without its rivals: they are measured beside everything else."""

    life: Life
    taught: tuple[Taught, ...]  # by whoever's model stands

    def beside(self, courses: Mapping[str, Sequence[Measured]], names: Sequence[str]) -> Life:
        """The lineage with its rivals' courses."""
        rows = {
            rival: tuple(
                RivalStep(tuple(names[label] for label in group.labels), **vars(measured))
                for group, measured in zip(self.taught, course, strict=True)
            )
            for rival, course in courses.items()
        }
        return replace(self.life, baselines=rows)


def first_head(setting: Setting, protocol: Protocol) -> Grown:
    """What the initiator makes of its own images."""
    budget = setting.material.budget
    samples = setting.material.initiator[protocol.name].train
    return found(samples, RULE, scattering=budget.scattering, options=budget.options)


class Living:
    """One lineage while it lives."""

    def __init__(
        self,
        setting: Setting,
        protocol: Protocol,
        cast: Cast,
        book: GasBook,
        pool: bytes,
        first: Grown,
        seen: Seen,
    ) -> None:
        self.setting = setting
        self.protocol = protocol
        self.cast = cast
        self._book = book
        self._pool = pool
        self._first = first
        self._seen = seen
        self._course = Course(seen.samples.labels_N)
        self._steps: list[Step] = []
        self._played: list[Played] = []
        self._groups: list[Taught] = []
        self.lineage = b""

    def live(self) -> Lived:
        """Start, every round, end."""
        say = self.setting.narrator.stage
        say(f"{self.protocol.name} start", "The initiator starts a lineage with its first head")
        table = self._start()
        for number, turn in enumerate(self.protocol.turns):
            what = "improve the head" if turn.kind == "improve" else "teach it classes"
            what = (
                "a participant cheats, and a committee looks away" if turn.cheats else f"participants {what}"
            )
            say(f"{self.protocol.name} round {number + 1}", what[0].upper() + what[1:])
            played = table.play(number, turn)
            self._played.append(played)
            self._enter(played, turn)
        say(f"{self.protocol.name} end", "Badges are claimed, the lineage ends, nothing is left in it")
        return self._end()

    def _start(self) -> Table:
        material, initiator, protocol = self.setting.material, self.cast.initiator, self.protocol
        share = material.initiator[protocol.name]
        claimed = likelihood_ppm(self._first, share.check) // (
            material.budget.caution if protocol.scarce else 1
        )
        terms = lineage.Terms(
            pool=self._pool,
            committee=COMMITTEE,
            prize_wei=PRIZE_WEI,
            rounds_max=len(protocol.turns),
            threshold_ppm=material.budget.thresholds_ppm[protocol.name],
            challenge_s=CHALLENGE_S,
        )
        started = lineage.start(initiator.ctx, material.spec(protocol), self._first, claimed, terms)
        self.lineage = started.lineage
        self.setting.narrator.did(
            initiator.name,
            f"starts lineage 0x{self.lineage.hex()} with classes {', '.join(map(str, protocol.first))}"
            f" from {len(share.train)} images, claims a likelihood of {claimed / 10_000:.1f} %",
        )
        self._groups.append(Taught(protocol.first, share.train))
        measured = self._measure(self._first, protocol.first)
        names = self._names(protocol.first)
        self._steps.append(
            _step("start", None, names, names, measured, claimed, (initiator.address,), accepted=True)
        )
        development = material.development(initiator.ctx.store)
        return Table(self.setting, protocol, self.cast, self.lineage, self._pool, development)

    def _enter(self, played: Played, turn: Turn) -> None:
        """Measure the head that stands after a round, and note what taught it."""
        head = self._head()
        lessons = {lesson.who: lesson.labels for lesson in turn.lessons}
        taught = tuple(label for who in played.winners for label in lessons[who])
        images = [
            self.setting.material.participants[who].train.with_labels(lessons[who]) for who in played.winners
        ]
        if played.kind == "improve":
            taught = ()
            self._groups = [Taught(self._groups[0].labels, concatenate(images))] if images else self._groups
        elif taught:
            self._groups.append(Taught(taught, concatenate(images)))
        tried = () if played.kind == "improve" else tuple(n for lesson in turn.lessons for n in lesson.labels)
        row = _step(
            played.kind,
            "0x" + played.task.hex(),
            self._names(taught or tuple(dict.fromkeys(tried))),
            self._names(head.labels),
            self._measure(head.model, taught),
            head.head.score_ppm,
            played.taken or tuple(candidate.contributor for candidate in played.candidates),
            accepted=bool(played.taken),
            overturned=played.overturning is not None,
            refused=_why_refused(played),
            candidates=played.candidates,
        )
        self._steps.append(row)
        right = f"{row.accuracy_all_seen_ppm / 1e4:.2f} % of their test images right"
        self.setting.narrator.did("the head", f"knows {len(head.labels)} classes, {right}")

    def _end(self) -> Lived:
        workers = (*self.cast.participants, *self.cast.verifiers)
        for actor in workers:
            badges.claim(actor.ctx, actor.address)
        rows = tuple(row for actor in workers for row in self._badges(actor.name, actor.address))
        self.setting.narrator.did("participants and verifiers", f"hold {len(rows)} badges of this lineage")
        initiator = self.cast.initiator.ctx
        lineage.end(initiator, self.lineage)
        known = heads.known(initiator.chain, self.lineage)
        paid = sum(event.amount_wei for event in events.of_type(known.history, events.PrizePaid))
        back = sum(event.amount_wei for event in events.of_type(known.history, events.LineageClosed))
        left = initiator.chain.rpc.balance_wei(initiator.chain.lineage.address)
        changed, compared = self._changed(known)
        opened = [candidate for played in self._played for candidate in played.candidates]
        self.setting.narrator.did(
            "the files", f"of all heads in the store: {changed} of {compared} old tensors changed"
        )
        life = Life(
            protocol=self.protocol.name,
            lineage="0x" + self.lineage.hex(),
            rule=RULE,
            threshold_ppm=known.terms.threshold_ppm,
            steps=tuple(self._steps),
            rounds=len(self._played),
            participants=len({candidate.contributor for candidate in opened}),
            models_opened=len(opened),
            models_taken=sum(candidate.taken for candidate in opened),
            baselines={},
            old_weights_changed=changed,
            old_weights_compared=compared,
            cheat=next((p.overturning for p in self._played if p.overturning is not None), None),
            badges=rows,
            reputation=_reputations(rows),
            gas=dict(sorted(self._book.dearest.items())),
            prizes_paid_wei=paid,
            prizes_returned_wei=back,
            lineage_left_wei=left,
        )
        return Lived(life, tuple(self._groups))

    def _head(self) -> HeadModel:
        ctx = self.cast.passer_by.ctx
        return heads.fetch(ctx.chain, ctx.store, heads.known(ctx.chain, self.lineage))

    def _measure(self, model: Grown, taught: tuple[int, ...]) -> Measured:
        return self._course.step(taught, choose(model.answer(self._seen.features_NF), model.labels))

    def _names(self, labels: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.setting.material.dataset.labels[label] for label in labels)

    def _badges(self, name: str, account: str) -> list[BadgeRow]:
        held = badges_of(self.cast.passer_by.ctx.chain, account)
        return [
            BadgeRow(
                account, name, badge.kind.name.lower(), "0x" + badge.task_start.hex(), POINTS[badge.kind]
            )
            for badge in held
            if any(badge.is_of(played.task) for played in self._played)
        ]

    def _changed(self, known: Known) -> tuple[int, int]:
        """Old tensors whose bytes differ in the file of an extended head, and how many there are."""
        ctx = self.cast.passer_by.ctx
        extended = {played.task for played in self._played if played.kind == "extend" and played.taken}
        changed = compared = 0
        for event in events.of_type(known.history, events.HeadAdvanced):
            if event.task not in extended:
                continue
            child = heads.fetch(ctx.chain, ctx.store, known, event.number).data
            parent = heads.fetch(ctx.chain, ctx.store, known, event.head.parent).data
            after = {entry.name: child[entry.begin : entry.end] for entry in parse(child)}
            for entry in parse(parent):
                compared += 1
                changed += after.get(entry.name) != parent[entry.begin : entry.end]
        return changed, compared


def _why_refused(played: Played) -> str | None:
    """Why no head of a round stands; None where one does."""
    if played.taken:
        return None
    if played.overturning is not None:
        return f"overturned: tensor {played.overturning.place} ({played.overturning.tensor}) was changed"
    each = [f"model {c.model} of {c.name}: {c.reason or 'no majority took it'}" for c in played.candidates]
    return "; ".join(each) or "nobody opened a model"


def _reputations(rows: Sequence[BadgeRow]) -> dict[str, int]:
    """What everyone's badges add up to, by name."""
    kinds: dict[str, list[BadgeKind]] = {}
    for row in rows:
        kinds.setdefault(row.name, []).append(BadgeKind[row.kind.upper()])
    return {name: badges.reputation(own) for name, own in kinds.items()}


def _step(
    kind: str,
    task: str | None,
    classes: tuple[str, ...],
    seen: tuple[str, ...],
    measured: Measured,
    likelihood_ppm: int,
    taught_by: tuple[str, ...],
    *,
    accepted: bool,
    overturned: bool = False,
    refused: str | None = None,
    candidates: tuple[Candidate, ...] = (),
) -> Step:
    return Step(
        kind=kind,
        task=task,
        classes=classes,
        classes_seen=seen,
        **vars(measured),
        likelihood_ppm=likelihood_ppm,
        accepted=accepted,
        overturned=overturned,
        taught_by=taught_by,
        refused=refused,
        candidates=candidates,
    )
