// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Growths} from "./Growths.sol";
import {IEscrow} from "./interfaces/IEscrow.sol";
import {ILineage} from "./interfaces/ILineage.sol";
import {ITaskBoard} from "./interfaces/ITaskBoard.sol";
import {Payouts} from "./libraries/Payouts.sol";
import {LineageId, LineageIds, LineageTerms} from "./types/LineageId.sol";
import {Phase} from "./types/Phase.sol";
import {TaskId, TaskKey} from "./types/TaskId.sol";

/// @title Stages improve and extend: a round opens, and moves the head or closes
abstract contract Rounds is Growths {
    using LineageIds for LineageTerms;

    uint256 private constant MAFR_PPM = 500_000; // a round's score is a verdict: from here on it says "take this one"

    /// @inheritdoc ILineage
    function roundOpen(LineageTerms calldata terms, Kind kind, TaskKey calldata key) external returns (TaskId task) {
        if (msg.sender != terms.initiator) revert ITaskBoard.NotInitiator(msg.sender, terms.initiator);
        LineageId lineage = terms.toId();
        Line memory line = _known(lineage);
        if (line.ended) revert LineageEnded(lineage);
        if (line.open) revert RoundIsOpen(line.round);
        if (line.rounds >= terms.roundsMax) revert RoundsUsedUp(terms.roundsMax);
        _checkHead(terms, lineage, kind, line);
        task = _checkTask(terms, key);
        Round storage round = _rounds[task];
        if (round.state != State.None) revert RoundExists(task);
        round.lineage = lineage;
        (round.prizeWei, round.parent, round.kind, round.state) = (terms.prizeWei, line.head, kind, State.Open);
        (_lines[lineage].rounds, _lines[lineage].open) = (line.rounds + 1, true);
        _lines[lineage].round = task;
        emit RoundOpened(lineage, task, kind, line.head);
    }

    /// @inheritdoc ILineage
    function extend(
        TaskId task,
        address[] calldata contributors,
        Growth[] calldata growths,
        Merge calldata merge
    ) external {
        Round memory round = _openRound(task);
        Line memory line = _lines[round.lineage];
        if (line.ended) revert LineageEnded(round.lineage);
        if (line.head != round.parent) revert HeadMoved(round.parent, line.head);
        Phase phase = board.phaseOf(task);
        if (phase != Phase.Settled) revert ITaskBoard.WrongPhase(task, phase, Phase.Settled);
        Head memory parent = _heads[round.lineage][round.parent];
        (uint256 accepted, uint256 number) = _accepted(task);
        _takeModels(task, round, parent, contributors, growths);
        uint256 expected = accepted & ~uint256(round.cheats);
        if (round.taken == 0 || round.taken != expected) revert AcceptedMismatch(round.taken, expected);
        if (round.kind == Kind.Improve && growths.length != 1) revert ImproveTakesOne(growths.length);

        Head memory head = _newHead(task, round, line, parent, growths);
        (head.tensors, head.tensorCount) = _grown(parent.tensorCount, growths, merge);
        (round.head, round.accepted, round.state) = (line.heads, uint8(number), State.Taken); // cast: at most MAX_MODELS
        line.potWei -= uint112(growths.length * Payouts.share(round.prizeWei, number)); // cast: at most prizeWei
        (line.head, line.heads, line.idle, line.open) = (line.heads, line.heads + 1, 0, false);
        _lines[round.lineage] = line;
        _heads[round.lineage][round.head] = head;
        _rounds[task] = round;
        emit HeadAdvanced(round.lineage, task, round.head, contributors, head);
        _teachAll(round.lineage, round.head, parent.classes, contributors, growths);
    }

    /// @inheritdoc ILineage
    function roundClose(TaskId task) external {
        Round memory round = _openRound(task);
        Phase phase = board.phaseOf(task);
        if (phase < Phase.Settled) revert IEscrow.NotOver(task);
        Line storage line = _lines[round.lineage];
        if (phase == Phase.Settled && !line.ended && line.head == round.parent) {
            (uint256 accepted, ) = _accepted(task);
            uint256 untilS = _graceEndsAtS(task, round, line.challengeSeconds);
            if (accepted & ~uint256(round.cheats) != 0 && block.timestamp < untilS) revert RoundPending(task, untilS);
        }
        line.open = false;
        if (line.idle != type(uint8).max) ++line.idle;
        _rounds[task].state = State.Closed;
        emit RoundClosed(round.lineage, task);
    }

    /// @dev Reverts unless the lineage is at a point where a round of this kind may begin.
    function _checkHead(LineageTerms calldata terms, LineageId lineage, Kind kind, Line memory line) private view {
        Head storage head = _heads[lineage][line.head];
        (uint256 scorePpm, uint256 endsAtS) = (head.scorePpm, head.challengeEndsAtS);
        if (block.timestamp < endsAtS) revert ChallengeOpen(lineage, endsAtS);
        if (kind == Kind.Improve) {
            if (scorePpm >= terms.thresholdPpm) revert HeadGoodEnough(scorePpm, terms.thresholdPpm);
            if (line.idle >= terms.idleMax) revert HeadIdle(line.idle, terms.idleMax);
        } else if (kind == Kind.Extend) {
            if (!terms.growable) revert HeadNotGrowable(lineage);
            if (scorePpm < terms.thresholdPpm) revert HeadNotGoodEnough(scorePpm, terms.thresholdPpm);
        } else {
            revert RoundKindUnknown();
        }
    }

    /// @dev Reverts unless the task is one that the lineage promises, and in time.
    function _checkTask(LineageTerms calldata terms, TaskKey calldata key) private view returns (TaskId task) {
        if (key.initiator != terms.initiator) revert RoundTaskUnfit("initiator");
        if (key.pool != terms.pool) revert RoundTaskUnfit("pool");
        if (key.mafrPpm != MAFR_PPM) revert RoundTaskUnfit("mafrPpm");
        if (key.committee < terms.committee) revert RoundTaskUnfit("committee");
        task = board.taskId(key);
        Phase phase = board.phaseOf(task);
        if (phase != Phase.Notice && phase != Phase.Submit) {
            revert ITaskBoard.WrongPhase(task, phase, Phase.Submit);
        }
    }

    /// @dev The models that the committee accepted, and their number, of a settled task.
    function _accepted(TaskId task) private view returns (uint256 models, uint256 number) {
        uint256 opened = board.wordOf(task).drawn().models();
        for (uint256 index = 0; index < opened; ++index) {
            // slither-disable-next-line unused-return: the verdict is enough
            (, bool accepted) = board.votesOf(task, index);
            if (!accepted) continue;
            models |= 1 << index;
            ++number;
        }
    }

    function _newHead(
        TaskId task,
        Round memory round,
        Line memory line,
        Head memory parent,
        Growth[] calldata growths
    ) private view returns (Head memory head) {
        (head.task, head.parent, head.idleBefore) = (task, round.parent, line.idle);
        head.challengeEndsAtS = uint40(block.timestamp + line.challengeSeconds); // cast: seconds fit for 30,000 years
        (head.classes, head.scorePpm) = (parent.classes, type(uint24).max);
        for (uint256 i = 0; i < growths.length; ++i) {
            head.classes += uint16(growths[i].classes.length); // cast: at most MAX_NEW_CLASSES
            if (growths[i].scorePpm < head.scorePpm) head.scorePpm = growths[i].scorePpm;
        }
    }

    /// @dev Until when others may still extend: as long as a challenge lasts, from the settlement or the last overturn's
    /// latest moment on.
    function _graceEndsAtS(TaskId task, Round memory round, uint256 challengeSeconds) private view returns (uint256) {
        uint256 fromS = round.cheats == 0
            ? board.wordOf(task).drawn().ballotEndsAt()
            : _heads[round.lineage][round.head].challengeEndsAtS;
        return fromS + challengeSeconds;
    }
}
