"""One round of the life-long demo: opened, contributed to, judged, and closed by whoever's turn it is."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from dapp.chain.lineage import Kind
from dapp.chain.tasks import TaskView
from dapp.chain.words import Phase
from dapp.demo.cast import Actor
from dapp.demo.lifelong import cheating
from dapp.demo.lifelong.budget import BOND_WEI, COMMITTEE, FEE_WEI, RULE
from dapp.demo.lifelong.cast import Cast
from dapp.demo.lifelong.protocols import Lesson, Protocol, Turn
from dapp.demo.lifelong.report import Candidate, Overturning
from dapp.demo.lifelong.setting import Setting
from dapp.demo.lifelong.work import Job
from dapp.lineage import heads
from dapp.stages import commit, draw, extend, lineage, settle, task, vote
from dapp.stages import round as rounds
from dapp.stages.train import Trained
from dapp.stages.verify import Verified
from ml.round_rules import TAKEN, measured_ppm
from ml.spec import Development
from ml.weights import parse

KINDS = {"improve": Kind.IMPROVE, "extend": Kind.EXTEND}


@dataclass(frozen=True)
class Played:
    """A round that is over."""

    task: bytes
    kind: str
    candidates: tuple[Candidate, ...]
    taken: tuple[str, ...]  # contributors of the head that stands, in order
    winners: tuple[int, ...]  # their numbers
    overturning: Overturning | None


@dataclass(frozen=True)
class Table:
    """Where rounds are played: a lineage, who plays, and what the initiator published."""

    setting: Setting
    protocol: Protocol
    cast: Cast
    lineage: bytes
    pool: bytes
    development: Development

    def play(self, number: int, turn: Turn) -> Played:
        """Round `number`, counted from 0."""
        of = self._open(number, turn)
        trained = self._contribute(of, number, turn)
        verified = self._judge(of, turn, trained)
        self._settle(of)
        view, who = task.show(self.cast.initiator.ctx, of), self.cast.passer_by
        if not view.accepted:
            rounds.close(who.ctx, of)
            opened = f"{len(view.models)} model{'' if len(view.models) == 1 else 's'}"
            self._did(who, f"closes the round: of {opened} none was accepted, the head stays")
            return Played(of, turn.kind, self._candidates(view, turn, verified, ()), (), (), None)
        extended = extend.extend(who.ctx, of)
        models = [f"model {m.index} of {self.cast.named(m.contributor)}" for m in view.accepted]
        self._did(who, f"makes {' and '.join(models)} head {extended.head}")
        overturning = self._overturn(of, extended.head, trained) if turn.cheats else None
        self._pass_challenge()
        taken = () if overturning else extended.contributors
        winners = [n for n, actor in enumerate(self.cast.participants) if actor.address in taken]
        for winner in winners:
            actor = self.cast.participants[winner]
            prize = extend.withdraw_prize(actor.ctx, of)
            self._did(actor, f"takes {prize.amount_wei / 1e18:g} ether of the round's prize")
        ordered = sorted(winners, key=lambda n: taken.index(self.cast.participants[n].address))
        candidates = self._candidates(view, turn, verified, taken)
        return Played(of, turn.kind, candidates, taken, tuple(ordered), overturning)

    def _open(self, number: int, turn: Turn) -> bytes:
        ctx, kind = self.cast.initiator.ctx, KINDS[turn.kind]
        spec = rounds.spec_for(ctx, self.lineage, kind, self.development)
        shards = self.setting.material.shards[self.protocol.name, number]
        opened = task.open_task(ctx, spec, self._terms(number), shards).task
        round_ = rounds.open_round(ctx, self.lineage, opened)
        self._did(self.cast.initiator, f"opens a round that may {turn.kind} head {round_.head}")
        return opened

    def _terms(self, number: int) -> task.Terms:
        return task.Terms(
            reward_wei=0,
            fee_wei=FEE_WEI,
            bond_wei=BOND_WEI,
            mafr_ppm=TAKEN,
            cap=8,
            committee=COMMITTEE,
            shards_drawn=self.setting.material.budget.drawn,
            pool=self.pool,
            notice_s=60,
            submit_s=3_600,
            open_s=600,
            draw_s=600,
            vote_s=3_600,
            ballot_s=600,
            number=number,
        )

    def _contribute(self, of: bytes, number: int, turn: Turn) -> dict[str, Trained]:
        """Train, seal, open, declare; what each sealed, by name."""
        material, actors = self.setting.material, self.cast.participants
        shown = lineage.show(self.cast.initiator.ctx, self.lineage)
        known = tuple(material.dataset.labels.index(c.name) for c in shown.classes)
        jobs = [(actors[lesson.who], self._job(lesson, number, turn, known)) for lesson in turn.lessons]
        trained = self.setting.train(of, jobs)
        if turn.cheats:
            (name,) = trained
            head = heads.fetch(self.cast.passer_by.ctx.chain, self.setting.stage.store, shown.known)
            nudged = cheating.nudge(trained[name], next(n for n in head.model.tensors if n.endswith(".mean")))
            self._say(name, f"moves one old number of {nudged.tensor} by its smallest step")
            trained[name] = nudged.trained
        self._wait(of, Phase.NOTICE)
        for actor, _ in jobs:
            commit.seal(actor.ctx, of, trained[actor.name].manifest, trained[actor.name].weights)
        self._wait(of, Phase.SUBMIT)
        for model, (actor, job) in enumerate(jobs):
            commit.open_model(actor.ctx, of)
            if turn.cheats:
                cheating.declare(actor.ctx, of)
            else:
                rounds.declare(actor.ctx, of)
            what = "a better head" if turn.kind == "improve" else f"class {_listed(job.labels)}"
            claimed = trained[actor.name].manifest.claimed_ppm
            self._did(actor, f"opens model {model}: {what}, claims a likelihood of {_percent(claimed)}")
        self._wait(of, Phase.OPEN)
        return trained

    def _job(self, lesson: Lesson, number: int, turn: Turn, known: tuple[int, ...]) -> Job:
        material = self.setting.material
        return Job(
            turn.kind,
            lesson.labels,
            material.participants[lesson.who].train.with_labels(lesson.labels),
            material.check_of(lesson.who, known, lesson.labels),
            RULE,
            dict(material.budget.options),
            self.setting.seed + number,
        )

    def _judge(self, of: bytes, turn: Turn, trained: dict[str, Trained]) -> dict[str, Verified]:
        """Draw, verify, vote; what each honest verifier found, by name."""
        initiator = self.cast.initiator.ctx
        draw.fix(initiator, of)
        shards = draw.reveal(initiator, of).indices
        self._did(self.cast.initiator, f"shows {len(shards)} drawn shards of images that nobody has seen")
        drawn = {seat.verifier for seat in task.show(initiator, of).drawn_seats}
        committee = [actor for actor in self.cast.verifiers if actor.address in drawn]
        bought = committee[: len(committee) // 2 + 1] if turn.cheats else []
        verified = self.setting.verify(of, [actor for actor in committee if actor not in bought])
        for actor in committee:
            if actor in bought:
                (cheat,) = trained.values()
                scores: tuple[int, ...] = (cheating.colluding_score(cheat.manifest.claimed_ppm),)
            else:
                scores = verified[actor.name].scores_ppm
            vote.seal(actor.ctx, of, scores)
        self._wait(of, Phase.VOTE)
        for actor in committee:
            scores = vote.open_ballot(actor.ctx, of).scores_ppm
            told = ", ".join(
                f"model {model} {_percent(measured_ppm(s))} {'take' if s >= TAKEN else 'leave'}"
                for model, s in enumerate(scores)
            )
            self._did(actor, f"{'is bought and votes' if actor in bought else 'votes'}: {told}")
        name, found = next(iter(verified.items()))  # all honest ones find the same
        for score in found.scores:
            if score.reason is not None:
                whose = self.cast.named(score.contributor)
                self._say(name, f"would not take model {score.index} of {whose}: {score.reason}")
        self._wait(of, Phase.BALLOT)
        return verified

    def _settle(self, of: bytes) -> None:
        settle.settle(self.cast.passer_by.ctx, of)

    def _overturn(self, of: bytes, head: int, trained: dict[str, Trained]) -> Overturning:
        """A passer-by shows the changed tensor; the head falls, the challenger is paid."""
        actor = self.cast.passer_by
        before = actor.ctx.chain.rpc.balance_wei(actor.address)
        found = extend.overturn(actor.ctx, of)
        spent = 0 if found.receipt is None else found.receipt.fee_wei
        paid = actor.ctx.chain.rpc.balance_wei(actor.address) - before + spent
        after = lineage.show(actor.ctx, self.lineage).known.view.number
        (cheat,) = trained.values()
        tensor = parse(cheat.weights)[found.tensor].name
        view = task.show(actor.ctx, of)
        self._did(
            actor,
            f"proves that tensor {found.tensor} ({tensor}) was changed: head {head} falls back to {after},"
            f" {paid / 1e18:g} ether to the challenger",
        )
        rounds.close(actor.ctx, of)
        return Overturning(
            task="0x" + of.hex(),
            cheat=found.cheat,
            challenger=actor.address,
            tensor=tensor,
            place=found.tensor,
            colluding_votes=view.models[0].votes_for,
            committee=view.committee or 0,
            challenger_paid_wei=paid,
            head_before=head,
            head_after=after,
        )

    def _candidates(
        self, view: TaskView, turn: Turn, verified: dict[str, Verified], taken: tuple[str, ...]
    ) -> tuple[Candidate, ...]:
        labels = {self.cast.participants[lesson.who].address: lesson.labels for lesson in turn.lessons}
        honest = next(iter(verified.values()))
        reasons = {score.contributor: score.reason for score in honest.scores}
        names = self.setting.material.dataset.labels
        return tuple(
            Candidate(
                model=model.index,
                contributor=model.contributor,
                name=self.cast.named(model.contributor),
                classes=tuple(names[n] for n in labels[model.contributor]) if turn.kind == "extend" else (),
                claimed_ppm=model.claimed_ppm,
                measured_ppm=round(median(map(measured_ppm, model.scores_ppm))) if model.scores_ppm else None,
                votes_for=model.votes_for,
                taken=model.contributor in taken,
                reason=reasons[model.contributor],
            )
            for model in view.models
        )

    def _pass_challenge(self) -> None:
        view = lineage.show(self.cast.initiator.ctx, self.lineage).known.view
        self.setting.stage.clock.wait_until(view.head.challenge_ends_at_s)

    def _wait(self, of: bytes, phase: Phase) -> None:
        ends_at_s = task.show(self.cast.initiator.ctx, of).ends_at_s(phase)
        if ends_at_s is not None:
            self.setting.stage.clock.wait_until(ends_at_s)

    def _did(self, actor: Actor, what: str) -> None:
        self._say(actor.name, what)

    def _say(self, who: str, what: str) -> None:
        self.setting.narrator.did(who, what)


def _listed(labels: tuple[int, ...]) -> str:
    return " and ".join(map(str, labels))


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:.1f} %"
