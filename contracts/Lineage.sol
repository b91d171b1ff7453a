// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Challenges} from "./Challenges.sol";
import {Heads} from "./Heads.sol";
import {Quorate} from "./Quorate.sol";
import {ILineage} from "./interfaces/ILineage.sol";
import {ITaskBoard} from "./interfaces/ITaskBoard.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {LineageId, LineageIds, LineageTerms} from "./types/LineageId.sol";

/// @title Lineages: models that are improved, and extended by classes, round by round
/// @notice One address, from a lineage's start to its end. Holds the prizes of its lineages and nothing else; no owner, no
/// proxy, no upgrade.
contract Lineage is Challenges {
    using LineageIds for LineageTerms;

    constructor(Quorate board_) Heads(board_) {}

    /// @inheritdoc ILineage
    function lineageStart(
        LineageTerms calldata terms,
        Class[] calldata classes
    ) external payable returns (LineageId lineage) {
        if (msg.sender != terms.initiator) revert ITaskBoard.NotInitiator(msg.sender, terms.initiator);
        _checkTerms(terms);
        uint256 prizesWei = uint256(terms.prizeWei) * terms.roundsMax;
        if (msg.value != prizesWei) revert PrizesMismatch(msg.value, prizesWei);
        lineage = terms.toId();
        Line storage line = _lines[lineage];
        if (line.started) revert LineageExists(lineage);
        _checkClasses(classes, Bounds.MAX_FIRST_CLASSES);
        // cast: 96 bits times 16
        (line.potWei, line.heads, line.started) = (uint112(prizesWei), 1, true);
        line.challengeSeconds = terms.challengeSeconds;
        Head storage first = _heads[lineage][0];
        (first.tensors, first.tensorCount, first.scorePpm) = (terms.tensors, terms.tensorCount, terms.scorePpm);
        first.classes = uint16(classes.length); // cast: at most MAX_FIRST_CLASSES
        emit LineageStarted(lineage, msg.sender, terms, classes);
        _teach(lineage, 0, msg.sender, 0, classes);
    }

    /// @inheritdoc ILineage
    function lineageEnd(
        LineageTerms calldata terms,
        address payable to
    ) external nonReentrant returns (uint256 amountWei) {
        if (msg.sender != terms.initiator) revert ITaskBoard.NotInitiator(msg.sender, terms.initiator);
        LineageId lineage = terms.toId();
        Line memory line = _known(lineage);
        if (line.open) revert RoundIsOpen(line.round);
        uint256 endsAtS = _heads[lineage][line.head].challengeEndsAtS;
        if (block.timestamp < endsAtS) revert ChallengeOpen(lineage, endsAtS);
        amountWei = line.potWei;
        if (line.ended && amountWei == 0) revert LineageEnded(lineage);
        (_lines[lineage].potWei, _lines[lineage].ended) = (0, true);
        emit LineageClosed(lineage, to, amountWei);
        _pay(to, amountWei);
    }

    function _checkTerms(LineageTerms calldata terms) private pure {
        if (terms.tensorCount == 0) revert LineageTermsInvalid("tensorCount");
        if (terms.scorePpm > Bounds.PPM) revert LineageTermsInvalid("scorePpm");
        if (terms.committee == 0 || terms.committee > Bounds.MAX_POOL) revert LineageTermsInvalid("committee");
        if (terms.roundsMax == 0) revert LineageTermsInvalid("roundsMax");
        if (terms.thresholdPpm > Bounds.PPM) revert LineageTermsInvalid("thresholdPpm");
        if (terms.challengeSeconds < Bounds.MIN_WINDOW || terms.challengeSeconds > Bounds.MAX_WINDOW) {
            revert LineageTermsInvalid("challengeSeconds");
        }
    }
}
