// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Quorate} from "./Quorate.sol";
import {ILineage} from "./interfaces/ILineage.sol";
import {LineageId, LineageIds, LineageTerms} from "./types/LineageId.sol";
import {TaskId} from "./types/TaskId.sol";

/// @title Lineages, their heads and rounds, as they stand
abstract contract Heads is ILineage {
    using LineageIds for LineageTerms;

    Quorate public immutable board;

    mapping(LineageId lineage => Line) internal _lines;
    mapping(LineageId lineage => mapping(uint256 number => Head)) internal _heads;
    mapping(TaskId task => Round) internal _rounds;

    constructor(Quorate board_) {
        board = board_;
    }

    /// @inheritdoc ILineage
    function lineageId(LineageTerms calldata terms) external view returns (LineageId) {
        return terms.toId();
    }

    /// @inheritdoc ILineage
    function lineageOf(LineageId lineage) external view returns (Line memory line, Head memory head) {
        line = _known(lineage);
        head = _heads[lineage][line.head];
    }

    /// @inheritdoc ILineage
    function headOf(LineageId lineage, uint256 number) external view returns (Head memory) {
        return _heads[lineage][number];
    }

    /// @inheritdoc ILineage
    function roundOf(TaskId task) external view returns (Round memory) {
        return _rounds[task];
    }

    function _known(LineageId lineage) internal view returns (Line memory line) {
        line = _lines[lineage];
        if (!line.started) revert LineageUnknown(lineage);
    }

    function _openRound(TaskId task) internal view returns (Round memory round) {
        round = _rounds[task];
        if (round.state == State.None) revert RoundUnknown(task);
        if (round.state != State.Open) revert RoundNotOpen(task);
    }

    /// @dev The head before becomes the head again; the first has none before it.
    function _fall(LineageId lineage, Line storage line) internal {
        uint16 number = line.head;
        Head storage head = _heads[lineage][number];
        if (number == 0) {
            line.ended = true;
            emit HeadFell(lineage, 0, 0);
            return;
        }
        head.fallen = true;
        (line.head, line.idle) = (head.parent, head.idleBefore);
        emit HeadFell(lineage, number, head.parent);
    }
}
