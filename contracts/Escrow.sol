// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Ballots} from "./Ballots.sol";
import {IEscrow} from "./interfaces/IEscrow.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {Payouts} from "./libraries/Payouts.sol";
import {Phases} from "./libraries/Phases.sol";
import {Rosters} from "./libraries/Rosters.sol";
import {Tally} from "./libraries/Tally.sol";
import {DrawWord} from "./types/DrawWord.sol";
import {Panel} from "./types/Panel.sol";
import {Phase} from "./types/Phase.sol";
import {Submission, SubmissionWords} from "./types/Submission.sol";
import {TaskId, TaskIds, TaskKey} from "./types/TaskId.sol";
import {TaskWord} from "./types/TaskWord.sol";

/// @title Stage settle
abstract contract Escrow is Ballots, ReentrancyGuardTransient, IEscrow {
    using TaskIds for TaskKey;

    /// @dev What a task that is over owes, and to whom.
    struct Outcome {
        TaskId task;
        Phase phase;
        TaskWord word;
        DrawWord drawn;
        uint256 acceptedBits; // one bit a model
        uint256 accepted;
        uint256 opened;
        uint256 contributorWei;
        uint256 verifierWei;
        uint256 initiatorWei;
    }

    /// @inheritdoc IEscrow
    function withdraw(
        TaskKey calldata key,
        uint256 seat,
        address payable to
    ) external nonReentrant returns (uint256 amountWei) {
        Outcome memory o = _outcome(key);
        if (msg.sender == key.initiator) amountWei = _takeRemainder(o);
        else amountWei = _takeContribution(o, msg.sender);
        if (amountWei == 0 && _memberAt(o, seat) == msg.sender) amountWei = _takeFee(o, seat);
        if (amountWei == 0) revert NothingOwed(o.task, msg.sender);
        _pay(o.task, msg.sender, to, amountWei);
    }

    /// @inheritdoc IEscrow
    function settle(
        TaskKey calldata key,
        address[] calldata contributors,
        uint256[] calldata seats
    ) external nonReentrant {
        Outcome memory o = _outcome(key);
        for (uint256 i = 0; i < contributors.length; ++i) {
            Submission before = _submissions[o.task][contributors[i]];
            uint256 amountWei = _takeContribution(o, contributors[i]);
            if (!_tryPay(o.task, contributors[i], amountWei)) _submissions[o.task][contributors[i]] = before;
        }
        for (uint256 i = 0; i < seats.length; ++i) {
            (, uint256 place) = _placeOf(o, seats[i]);
            Panel before = _panels[o.task][place / Bounds.PANEL];
            uint256 amountWei = _takeFee(o, seats[i]);
            if (!_tryPay(o.task, _memberAt(o, seats[i]), amountWei)) _panels[o.task][place / Bounds.PANEL] = before;
        }
        uint256 remainderWei = _takeRemainder(o);
        if (!_tryPay(o.task, key.initiator, remainderWei)) _tasks[o.task] = o.word;
    }

    /// @inheritdoc IEscrow
    function outcomeOf(
        TaskKey calldata key
    ) external view returns (uint256, uint256, uint256, uint256, uint256) {
        Outcome memory o = _outcome(key);
        return (o.accepted, o.opened, o.contributorWei, o.verifierWei, o.initiatorWei);
    }

    function _pay(TaskId task, address payee, address payable to, uint256 amountWei) internal override {
        emit Paid(task, payee, to, amountWei);
        (bool ok, ) = to.call{value: amountWei}("");
        if (!ok) revert PaymentFailed(to, amountWei);
    }

    /// @dev Pays with bounded gas and takes no return data, so that a payee can harm only itself.
    function _tryPay(TaskId task, address payee, uint256 amountWei) private returns (bool ok) {
        if (amountWei == 0) return true;
        uint256 gasLimit = Bounds.PAYMENT_GAS;
        assembly ("memory-safe") {
            ok := call(gasLimit, payee, amountWei, 0, 0, 0, 0)
        }
        if (ok) emit Paid(task, payee, payee, amountWei);
        else emit PaymentRefused(task, payee, amountWei);
    }

    function _takeRemainder(Outcome memory o) private returns (uint256) {
        if (o.word.closed()) return 0;
        _tasks[o.task] = o.word.asClosed();
        return o.initiatorWei;
    }

    function _takeContribution(Outcome memory o, address contributor) private returns (uint256) {
        Submission submission = _submissions[o.task][contributor];
        if (submission.state() != SubmissionWords.OPENED || o.contributorWei == 0) return 0;
        if (o.phase == Phase.Settled && o.acceptedBits & (1 << submission.index()) == 0) return 0;
        _submissions[o.task][contributor] = Submission.wrap(0);
        return o.contributorWei;
    }

    function _takeFee(Outcome memory o, uint256 seat) private returns (uint256) {
        if (o.verifierWei == 0) return 0;
        (bool isMember, uint256 place) = _placeOf(o, seat);
        if (!isMember) return 0;
        (uint256 number, uint256 member) = (place / Bounds.PANEL, place % Bounds.PANEL);
        Panel panel = _panels[o.task][number];
        if (o.phase == Phase.Settled) {
            if (!panel.isOpened(member) || !panel.isSealed(member)) return 0;
            _panels[o.task][number] = panel.withPaid(member);
        } else {
            if (panel.isOpened(member)) return 0;
            _panels[o.task][number] = panel.withCompensated(member);
        }
        return o.verifierWei;
    }

    function _memberAt(Outcome memory o, uint256 seat) private view returns (address) {
        if (o.word.roster() == 0) return address(0);
        return Rosters.memberAt(Rosters.addressOf(address(membership), o.word.roster()), seat);
    }

    /// @dev In a lapsed task no committee was drawn: everyone in the roster stood ready.
    function _placeOf(Outcome memory o, uint256 seat) private pure returns (bool, uint256) {
        if (o.phase == Phase.Settled) return _place(o.drawn, seat);
        return (seat < o.word.poolSize(), seat);
    }

    function _outcome(TaskKey calldata key) private view returns (Outcome memory o) {
        o.task = key.toId();
        o.word = _tasks[o.task];
        o.drawn = _draws[o.task];
        o.phase = Phases.at(o.word, o.drawn, block.timestamp);
        uint256 potWei = _pot(key);
        if (o.phase == Phase.Settled) {
            _tally(o);
            o.contributorWei = Payouts.share(key.rewardWei, o.accepted);
            o.verifierWei = key.feeWei;
            o.initiatorWei = potWei - o.contributorWei * o.accepted - o.verifierWei * o.opened;
        } else if (o.phase == Phase.Lapsed) {
            uint256 heads = o.word.models() - _panels[o.task][0].struckCount();
            (o.contributorWei, o.verifierWei) = Payouts.forfeited(key.bondWei, heads, o.word.poolSize());
            o.initiatorWei = potWei - o.contributorWei * heads - o.verifierWei * o.word.poolSize();
        } else if (o.phase == Phase.Empty) {
            o.initiatorWei = potWei;
        } else if (o.phase != Phase.Cancelled) {
            revert NotOver(o.task);
        }
    }

    function _tally(Outcome memory o) private view {
        uint256 committee = o.drawn.committee();
        uint256 models = o.drawn.models();
        uint256[] memory votesFor = new uint256[](models);
        for (uint256 i = 0; i * Bounds.PANEL < committee; ++i) {
            Panel panel = _panels[o.task][i];
            o.opened += panel.openedCount();
            for (uint256 model = 0; model < models; ++model) votesFor[model] += panel.votes(model);
        }
        Panel first = _panels[o.task][0];
        for (uint256 model = 0; model < models; ++model) {
            if (!Tally.accepted(votesFor[model], committee) || first.isStruck(model)) continue;
            o.acceptedBits |= 1 << model;
            ++o.accepted;
        }
    }
}
