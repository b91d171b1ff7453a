"""The paper's own table, and other systems, beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dapp.gas import peers as data
from dapp.gas.document import Section, table
from dapp.gas.measure import Gas, total
from dapp.gas.sections.cells import both, number

if TYPE_CHECKING:
    from dapp.gas.report import Report


def paper(report: Report) -> Section:
    """Bae and Shin, recomputed and measured."""
    found, ours = report.paper, report.paper.measured
    printed = (
        (r.operation, number(r.count), number(r.gas_each), number(r.recomputed), number(r.printed),
         "differs" if r.differs else "agrees")
        for r in found.rows
    )  # fmt: skip
    same = [
        (what, number(theirs), *both(gas), f"{theirs / gas.today:,.1f}")
        for what, theirs, gas in (
            ("name all nodes, once", found.fixed, ours.start),
            ("the first block or entry", found.per_block, ours.first),
            ("each later one", found.per_block, ours.block),
            ("ten at once", 10 * found.per_block, ours.batch),
        )
    ]
    return Section(
        "Bae and Shin's table",
        (
            f"{found.source}.",
            f"By its own assumptions a block takes {found.per_block:,} gas ({found.per_block / 10**6:.1f} M)."
            " Its table counts 65,536 additions and multiplications a node, for all its ten hashes.",
            f"Measured: the same {ours.nodes} nodes on ModelLedger, of whom {ours.signers} sign an entry. An"
            " entry registered alone shows its whole header; a batch of any length is one registration.",
        ),
        (
            table("Table 5 from Table 4's prices", "~operation|times|gas each|recomputed|printed|~", printed),
            table("The text beside its own table", "~what|printed|recomputed",
                  ((s.what, s.printed, s.recomputed) for s in found.statements)),
            table("The same scenario", "~what|the paper's|ours|ours, announced|the paper's / ours", same),
        ),
    )  # fmt: skip


def peers(report: Report) -> Section:
    """The nearest operation of each."""
    ours = nearest(report)
    rows = []
    for peer in report.peers:
        gas = number(peer.least) if peer.least == peer.most else f"{peer.least:,}–{peer.most:,}"
        mine = ours[peer.nearest]
        times = f"{peer.least / mine.today:.1f}"
        rows.append(
            (
                peer.system,
                peer.operation,
                gas,
                data.NEAREST[peer.nearest],
                *both(mine),
                times,
                peer.evm,
                peer.source,
            )
        )
    header = "~system|~operation|gas|~our nearest|ours|ours, announced|theirs / ours|~EVM|~source"
    remark = "Ours does more in each: ballots are sealed before they are opened, and everyone is paid."
    return Section("Other systems", (data.note(), remark), (table("The nearest operation", header, rows),))


def nearest(report: Report) -> dict[str, Gas]:
    """Our figures to compare with (dapp.gas.peers.NEAREST)."""
    of_three = {
        point.operation.function: point.most
        for point in report.measured.points
        if point.kind == "everyone alone" and point.sizes == {"verifiers": 3, "models": 3}
    }
    return {
        "deploy": total([d.gas for d in report.measured.deployments]),
        "commit": of_three["commitSeal"] + of_three["commitOpen"],
        "vote": of_three["voteSeal"] + of_three["voteOpenAndWithdraw"],
        "withdraw": of_three["withdraw"],
        "round": report.plans["fuse, 3 contributors, 3 verifiers, batched"][1].sum,
    }
