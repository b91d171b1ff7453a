// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Prizes} from "./Prizes.sol";
import {IBallots} from "./interfaces/IBallots.sol";
import {ILineage} from "./interfaces/ILineage.sol";
import {IMembership} from "./interfaces/IMembership.sol";
import {ITaskBoard} from "./interfaces/ITaskBoard.sol";
import {Payouts} from "./libraries/Payouts.sol";
import {PlacedTree} from "./libraries/PlacedTree.sol";
import {Tally} from "./libraries/Tally.sol";
import {DrawWord} from "./types/DrawWord.sol";
import {LineageId} from "./types/LineageId.sol";
import {Phase} from "./types/Phase.sol";
import {SubmissionWords} from "./types/Submission.sol";
import {TaskId} from "./types/TaskId.sol";

/// @title How a head falls: by proof that a tensor changed, or by its next committee's doubt
abstract contract Challenges is Prizes {
    IMembership private immutable _membership;

    mapping(TaskId task => mapping(address verifier => bool)) private _doubted;
    mapping(TaskId task => uint256) private _doubts;

    constructor() {
        _membership = board.membership();
    }

    /// @inheritdoc ILineage
    function overturn(
        TaskId task,
        address contributor,
        Growth calldata growth,
        uint256 place,
        bytes32 oldLeaf,
        bytes32[] calldata oldProof,
        bytes32 newLeaf,
        bytes32[] calldata newProof,
        address payable to
    ) external nonReentrant {
        Round memory round = _rounds[task];
        LineageId lineage = round.lineage;
        uint256 bit = _takenBit(task, round, contributor);
        uint256 endsAtS = _heads[lineage][round.head].challengeEndsAtS;
        if (block.timestamp >= endsAtS) revert ChallengeOver(task, endsAtS);
        _requireDeclared(task, contributor, growth);
        Head storage parent = _heads[lineage][round.parent];
        if (
            round.kind != Kind.Extend ||
            oldLeaf == newLeaf ||
            !PlacedTree.holds(parent.tensors, parent.tensorCount, place, oldLeaf, oldProof) ||
            !PlacedTree.holds(growth.tensors, growth.tensorCount, place, newLeaf, newProof)
        ) revert FraudUnproven(task, contributor, place);
        uint256 shareWei = Payouts.share(round.prizeWei, round.accepted);
        uint256 rewardWei = shareWei / 2;
        Line storage line = _lines[lineage];
        line.potWei += uint112(_count(round.taken) * shareWei - rewardWei); // cast: at most prizeWei
        line.open = true;
        (round.taken, round.teachers, round.state) = (0, 0, State.Open);
        round.cheats |= uint24(bit); // cast: below 2^21
        _rounds[task] = round;
        emit Overturned(lineage, task, contributor, msg.sender, place, rewardWei);
        _fall(lineage, line);
        _pay(to, rewardWei);
    }

    /// @inheritdoc ILineage
    function doubt(TaskId task, uint256 seat) external {
        Round memory round = _openRound(task);
        LineageId lineage = round.lineage;
        Line storage line = _lines[lineage];
        if (line.ended) revert LineageEnded(lineage);
        if (line.head != round.parent) revert HeadMoved(round.parent, line.head);
        Phase phase = board.phaseOf(task);
        if (phase != Phase.Vote && phase != Phase.Ballot) revert ITaskBoard.WrongPhase(task, phase, Phase.Vote);
        DrawWord drawn = board.wordOf(task).drawn();
        if (_membership.memberAt(drawn.roster(), seat) != msg.sender) revert IBallots.NotSeated(seat, msg.sender);
        // slither-disable-next-line unused-return: the place does not matter
        (bool isDrawn, ) = board.isDrawn(task, seat);
        if (!isDrawn) revert IBallots.NotDrawn(seat);
        if (board.submissionOf(task, msg.sender).state() > SubmissionWords.SEALED) {
            revert IBallots.VerifierIsContributor(msg.sender);
        }
        if (_doubted[task][msg.sender]) revert AlreadyDoubted(task, msg.sender);
        _doubted[task][msg.sender] = true;
        uint256 doubts = ++_doubts[task];
        emit Doubted(lineage, task, msg.sender, round.parent);
        if (Tally.accepted(doubts, drawn.committee())) _fall(lineage, line);
    }

    /// @inheritdoc ILineage
    function doubtsOf(TaskId task) external view returns (uint256) {
        return _doubts[task];
    }

    function _count(uint256 bits) private pure returns (uint256 count) {
        for (; bits != 0; bits &= bits - 1) ++count;
    }
}
