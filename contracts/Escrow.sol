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
import {LateWord, LateWords} from "./types/LateWord.sol";
import {Panel, Panels} from "./types/Panel.sol";
import {Payment, Payments} from "./types/Payment.sol";
import {Phase} from "./types/Phase.sol";
import {Submission, SubmissionWords} from "./types/Submission.sol";
import {TaskId, TaskIds, TaskKey} from "./types/TaskId.sol";
import {TaskWord} from "./types/TaskWord.sol";

/// @title Stage settle
abstract contract Escrow is Ballots, ReentrancyGuardTransient, IEscrow {
    using TaskIds for TaskKey;

    /// @inheritdoc IEscrow
    function settle(
        TaskKey calldata key,
        address[] calldata contributors,
        uint256[] calldata seats
    ) external nonReentrant {
        TaskId task = key.toId();
        TaskWord word = _tasks[task];
        (LateWord late, uint256 initiatorWei) = _decide(key, task, word);
        Payment[] memory due = new Payment[](1 + contributors.length + seats.length);
        due[0] = Payments.pack(key.initiator, initiatorWei);
        late = _takeShares(task, late, contributors, due);
        _takeFees(task, word, late, seats, due);
        _lates[task] = late;
        // all that is due counts as paid by now: whoever is called can take nothing twice
        (uint256 paid, LateWord before) = (0, late);
        for (uint256 i = 0; i < due.length; ++i) {
            Payment payment = due[i];
            if (payment.amountWei() == 0) continue;
            if (_tryPay(payment)) {
                due[paid++] = payment;
            } else {
                emit PaymentRefused(task, payment.payee(), payment.amountWei());
                if (i == 0) late = late.asUnclosed();
                else if (i <= contributors.length) late = late.withUnpaid(_submissions[task][contributors[i - 1]].index());
                else _markFee(task, word, late, seats[i - 1 - contributors.length], false);
            }
        }
        if (LateWord.unwrap(late) != LateWord.unwrap(before)) _lates[task] = late;
        if (paid == 0) return;
        Payments.truncate(due, paid);
        emit PaidMany(task, due);
    }

    /// @inheritdoc IEscrow
    function voteOpenAndWithdraw(
        TaskKey calldata key,
        bytes calldata scores,
        bytes16 salt,
        address payable to
    ) external nonReentrant {
        TaskId task = key.toId();
        (uint256 number, uint256 member, Panel panel) = _openBallot(task, scores, salt);
        _panels[task][number] = panel.withOpened(member).withPaid(member, false, true);
        _pay(task, msg.sender, to, key.feeWei);
    }

    /// @inheritdoc IEscrow
    function withdraw(TaskId task, address payable to) external nonReentrant returns (uint256 amountWei) {
        LateWord late = _requireSettled(task);
        Submission submission = _submissions[task][msg.sender];
        amountWei = late.contributorWei();
        if (submission.state() != SubmissionWords.OPENED || !late.owes(submission.index()) || amountWei == 0) {
            revert NothingOwed(task, msg.sender);
        }
        _lates[task] = late.withPaid(submission.index());
        _pay(task, msg.sender, to, amountWei);
    }

    /// @inheritdoc IEscrow
    function withdrawFee(
        TaskId task,
        uint256 seat,
        address payable to
    ) external nonReentrant returns (uint256 amountWei) {
        LateWord late = _requireSettled(task);
        TaskWord word = _tasks[task];
        if (Rosters.memberAt(_rosterAt(word, late), seat) != msg.sender) revert NotSeated(seat, msg.sender);
        amountWei = late.verifierWei();
        if (!_markFee(task, word, late, seat, true) || amountWei == 0) revert NothingOwed(task, msg.sender);
        _pay(task, msg.sender, to, amountWei);
    }

    /// @inheritdoc IEscrow
    function withdrawRemainder(
        TaskKey calldata key,
        address payable to
    ) external nonReentrant returns (uint256 amountWei) {
        if (msg.sender != key.initiator) revert NotInitiator(msg.sender, key.initiator);
        TaskId task = key.toId();
        LateWord late = _requireSettled(task);
        amountWei = late.closed() ? 0 : _outcome(key, task, _tasks[task]).initiatorWei;
        if (amountWei == 0) revert NothingOwed(task, msg.sender);
        _lates[task] = late.asClosed();
        _pay(task, msg.sender, to, amountWei);
    }

    /// @inheritdoc IEscrow
    function outcomeOf(TaskKey calldata key) external view returns (Outcome memory) {
        TaskId task = key.toId();
        return _outcome(key, task, _tasks[task]);
    }

    /// @inheritdoc IEscrow
    function lateOf(TaskId task) external view returns (LateWord) {
        return _lates[task];
    }

    function _pay(TaskId task, address payee, address payable to, uint256 amountWei) internal override {
        emit Paid(task, payee, to, amountWei);
        (bool ok, ) = to.call{value: amountWei}("");
        if (!ok) revert PaymentFailed(to, amountWei);
    }

    /// @dev Pays with bounded gas and takes no return data, so that a payee can harm only itself.
    function _tryPay(Payment payment) private returns (bool ok) {
        (address payee, uint256 amountWei) = (payment.payee(), payment.amountWei());
        uint256 gasLimit = Bounds.PAYMENT_GAS;
        assembly ("memory-safe") {
            ok := call(gasLimit, payee, amountWei, 0, 0, 0, 0)
        }
    }

    /// @dev The outcome as it is to be written down, closed, and what the initiator is owed now.
    function _decide(
        TaskKey calldata key,
        TaskId task,
        TaskWord word
    ) private returns (LateWord late, uint256 initiatorWei) {
        late = _lates[task];
        if (late.settled() && late.closed()) return (late, 0);
        Outcome memory outcome = _outcome(key, task, word);
        if (!late.settled()) {
            bool lapsed = !word.isDrawn();
            late = LateWords.outcome(outcome.contributorWei, outcome.verifierWei, outcome.models, lapsed);
            emit Settled(task, outcome);
        }
        return (late.asClosed(), outcome.initiatorWei);
    }

    /// @dev Marks the shares of these contributors as paid, and lists them in `due` behind the initiator's.
    function _takeShares(
        TaskId task,
        LateWord late,
        address[] calldata contributors,
        Payment[] memory due
    ) private view returns (LateWord) {
        mapping(address contributor => Submission) storage submissions = _submissions[task];
        uint256 shareWei = late.contributorWei();
        for (uint256 i = 0; i < contributors.length; ++i) {
            Submission submission = submissions[contributors[i]];
            if (submission.state() != SubmissionWords.OPENED || !late.owes(submission.index())) continue;
            late = late.withPaid(submission.index());
            due[1 + i] = Payments.pack(contributors[i], shareWei);
        }
        return late;
    }

    /// @dev Marks the fees of these seats as paid, and lists them at the end of `due`.
    function _takeFees(
        TaskId task,
        TaskWord word,
        LateWord late,
        uint256[] calldata seats,
        Payment[] memory due
    ) private {
        if (seats.length == 0) return;
        mapping(uint256 number => Panel) storage panels = _panels[task];
        (uint256 places, bool lapsed) = (_places(word, late), late.lapsed());
        address roster = _rosterAt(word, late);
        (uint256 number, Panel panel) = (0, panels[0]); // at hand
        for (uint256 i = 0; i < seats.length; ++i) {
            uint256 place = _placeAt(word, late, seats[i]);
            if (place >= places) continue;
            if (place / Bounds.PANEL != number) {
                panels[number] = panel;
                number = place / Bounds.PANEL;
                panel = panels[number];
            }
            uint256 member = place % Bounds.PANEL;
            if (!panel.owes(member, lapsed)) continue;
            panel = panel.withPaid(member, lapsed, true);
            due[due.length - seats.length + i] = Payments.pack(Rosters.memberAt(roster, seats[i]), late.verifierWei());
        }
        panels[number] = panel;
    }

    /// @dev Marks the fee of a seat as paid, or (again) as not paid.
    /// @return changed false when it was not owed, or not paid
    function _markFee(
        TaskId task,
        TaskWord word,
        LateWord late,
        uint256 seat,
        bool paid
    ) private returns (bool changed) {
        uint256 place = _placeAt(word, late, seat);
        if (place >= _places(word, late)) return false;
        (uint256 number, uint256 member, bool lapsed) = (place / Bounds.PANEL, place % Bounds.PANEL, late.lapsed());
        Panel panel = _panels[task][number];
        changed = panel.owes(member, lapsed) == paid;
        if (changed) _panels[task][number] = panel.withPaid(member, lapsed, paid);
    }

    function _requireSettled(TaskId task) private view returns (LateWord late) {
        late = _lates[task];
        if (!late.settled()) revert NotSettled(task);
    }

    /// @dev In a lapsed task no committee was drawn: everyone in the roster stood ready.
    function _placeAt(TaskWord word, LateWord late, uint256 seat) private pure returns (uint256) {
        return late.lapsed() ? seat : _placeOf(word.drawn(), seat);
    }

    /// @dev How many verifiers may be owed something.
    function _places(TaskWord word, LateWord late) private pure returns (uint256) {
        return late.lapsed() ? word.poolSize() : word.drawn().committee();
    }

    function _rosterAt(TaskWord word, LateWord late) private view returns (address) {
        uint256 roster = late.lapsed() ? word.roster() : word.drawn().roster();
        return Rosters.addressOf(address(membership), roster);
    }

    function _outcome(TaskKey calldata key, TaskId task, TaskWord word) private view returns (Outcome memory o) {
        Phase phase = Phases.at(word, block.timestamp);
        if (phase == Phase.Settled) {
            _tally(task, word.drawn(), o);
            o.contributorWei = Payouts.share(key.rewardWei, o.paidModels);
            o.verifierWei = key.feeWei;
        } else if (phase == Phase.Lapsed) {
            Panel first = _panels[task][0];
            o.paidModels = word.models() - first.struckCount();
            o.models = ((1 << word.models()) - 1) & ~first.struckBits();
            o.paidVerifiers = word.poolSize();
            (o.contributorWei, o.verifierWei) = Payouts.forfeited(key.bondWei, o.paidModels, o.paidVerifiers);
        } else if (phase != Phase.Empty) {
            revert NotOver(task);
        }
        o.initiatorWei = _pot(key) - o.contributorWei * o.paidModels - o.verifierWei * o.paidVerifiers;
    }

    function _tally(TaskId task, DrawWord drawn, Outcome memory o) private view {
        mapping(uint256 number => Panel) storage panels = _panels[task];
        uint256 committee = drawn.committee();
        (uint256 even, uint256 odd, Panel first) = (0, 0, panels[0]);
        for (uint256 i = 0; i * Bounds.PANEL < committee; ++i) {
            Panel panel = i == 0 ? first : panels[i];
            o.paidVerifiers += panel.openedCount();
            even += panel.evenVotes();
            odd += panel.oddVotes();
        }
        uint256 models = drawn.models();
        for (uint256 model = 0; model < models; ++model) {
            if (!Tally.accepted(Panels.votesIn(even, odd, model), committee) || first.isStruck(model)) continue;
            o.models |= 1 << model;
            ++o.paidModels;
        }
    }
}
