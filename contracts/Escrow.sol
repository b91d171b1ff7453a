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
import {Panel} from "./types/Panel.sol";
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
        LateWord late = _lates[task];
        if (!(late.settled() && late.closed())) late = _settleInitiator(key, task, word, late);
        for (uint256 i = 0; i < contributors.length; ++i) _settleContributor(task, late, contributors[i]);
        for (uint256 i = 0; i < seats.length; ++i) _settleVerifier(task, word, late, seats[i]);
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
        _panels[task][number] = panel.withOpened(member).withPaid(member);
        _pay(task, msg.sender, to, key.feeWei);
    }

    /// @inheritdoc IEscrow
    function withdraw(TaskId task, address payable to) external nonReentrant returns (uint256 amountWei) {
        amountWei = _takeShare(task, _requireSettled(task), msg.sender);
        if (amountWei == 0) revert NothingOwed(task, msg.sender);
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
        if (_memberAt(word, late, seat) != msg.sender) revert NotSeated(seat, msg.sender);
        amountWei = _takeFee(task, word, late, seat);
        if (amountWei == 0) revert NothingOwed(task, msg.sender);
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
    function _tryPay(TaskId task, address payee, uint256 amountWei) private returns (bool ok) {
        if (amountWei == 0) return true;
        uint256 gasLimit = Bounds.PAYMENT_GAS;
        assembly ("memory-safe") {
            ok := call(gasLimit, payee, amountWei, 0, 0, 0, 0)
        }
        if (ok) emit Paid(task, payee, payee, amountWei);
        else emit PaymentRefused(task, payee, amountWei);
    }

    /// @dev Writes the outcome down, once, and pays what is left to the initiator.
    function _settleInitiator(
        TaskKey calldata key,
        TaskId task,
        TaskWord word,
        LateWord late
    ) private returns (LateWord) {
        Outcome memory outcome = _outcome(key, task, word);
        if (!late.settled()) {
            bool lapsed = !word.isDrawn();
            late = LateWords.outcome(outcome.contributorWei, outcome.verifierWei, outcome.models, lapsed);
            emit Settled(task, outcome);
        }
        _lates[task] = late.asClosed();
        if (_tryPay(task, key.initiator, outcome.initiatorWei)) return late.asClosed();
        _lates[task] = late;
        return late;
    }

    function _settleContributor(TaskId task, LateWord late, address contributor) private {
        Submission before = _submissions[task][contributor];
        uint256 amountWei = _takeShare(task, late, contributor);
        if (!_tryPay(task, contributor, amountWei)) _submissions[task][contributor] = before;
    }

    function _settleVerifier(TaskId task, TaskWord word, LateWord late, uint256 seat) private {
        uint256 number = _placeAt(word, late, seat) / Bounds.PANEL;
        Panel before = _panels[task][number];
        uint256 amountWei = _takeFee(task, word, late, seat);
        if (amountWei == 0) return;
        if (!_tryPay(task, _memberAt(word, late, seat), amountWei)) _panels[task][number] = before;
    }

    function _takeShare(TaskId task, LateWord late, address contributor) private returns (uint256) {
        Submission submission = _submissions[task][contributor];
        if (submission.state() != SubmissionWords.OPENED || !late.pays(submission.index())) return 0;
        _submissions[task][contributor] = submission.paid();
        return late.contributorWei();
    }

    function _takeFee(TaskId task, TaskWord word, LateWord late, uint256 seat) private returns (uint256) {
        uint256 place = _placeAt(word, late, seat);
        if (place >= _places(word, late)) return 0;
        (uint256 number, uint256 member) = (place / Bounds.PANEL, place % Bounds.PANEL);
        Panel panel = _panels[task][number];
        if (late.lapsed()) {
            if (panel.isOpened(member)) return 0;
            _panels[task][number] = panel.withCompensated(member);
        } else {
            if (!panel.isOpened(member) || !panel.isSealed(member)) return 0;
            _panels[task][number] = panel.withPaid(member);
        }
        return late.verifierWei();
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

    function _memberAt(TaskWord word, LateWord late, uint256 seat) private view returns (address) {
        uint256 roster = late.lapsed() ? word.roster() : word.drawn().roster();
        return Rosters.memberAt(Rosters.addressOf(address(membership), roster), seat);
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
        uint256 committee = drawn.committee();
        uint256 models = drawn.models();
        uint256[] memory votesFor = new uint256[](models);
        for (uint256 i = 0; i * Bounds.PANEL < committee; ++i) {
            Panel panel = _panels[task][i];
            o.paidVerifiers += panel.openedCount();
            for (uint256 model = 0; model < models; ++model) votesFor[model] += panel.votes(model);
        }
        Panel first = _panels[task][0];
        for (uint256 model = 0; model < models; ++model) {
            if (!Tally.accepted(votesFor[model], committee) || first.isStruck(model)) continue;
            o.models |= 1 << model;
            ++o.paidModels;
        }
    }
}
