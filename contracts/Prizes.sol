// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Rounds} from "./Rounds.sol";
import {IEscrow} from "./interfaces/IEscrow.sol";
import {ILineage} from "./interfaces/ILineage.sol";
import {Payouts} from "./libraries/Payouts.sol";
import {Submission} from "./types/Submission.sol";
import {TaskId} from "./types/TaskId.sol";

/// @title Prizes of rounds, paid once nobody can overturn their heads
abstract contract Prizes is Rounds, ReentrancyGuardTransient {
    /// @inheritdoc ILineage
    function prizeWithdraw(TaskId task, address payable to) external nonReentrant returns (uint256 amountWei) {
        Round memory round = _rounds[task];
        uint256 bit = _takenBit(task, round, msg.sender);
        uint256 endsAtS = _heads[round.lineage][round.head].challengeEndsAtS;
        if (block.timestamp < endsAtS) revert ChallengeOpen(round.lineage, endsAtS);
        amountWei = Payouts.share(round.prizeWei, round.accepted);
        if (round.paid & bit != 0 || amountWei == 0) revert IEscrow.NothingOwed(task, msg.sender);
        _rounds[task].paid = round.paid | uint24(bit); // cast: below 2^21
        emit PrizePaid(round.lineage, task, msg.sender, to, amountWei);
        _pay(to, amountWei);
    }

    /// @dev The bit of a contributor whose model was taken.
    function _takenBit(TaskId task, Round memory round, address contributor) internal view returns (uint256 bit) {
        Submission submission = board.submissionOf(task, contributor);
        bit = submission.stands() ? 1 << submission.index() : 0;
        if (round.taken & bit == 0) revert IEscrow.NothingOwed(task, contributor);
    }

    function _pay(address payable to, uint256 amountWei) internal {
        if (amountWei == 0) return;
        // slither-disable-next-line arbitrary-send-eth: every caller is owed the amount, and names where it goes
        (bool ok, ) = to.call{value: amountWei}("");
        if (!ok) revert IEscrow.PaymentFailed(to, amountWei);
    }
}
