// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LateWord} from "../types/LateWord.sol";
import {Payment} from "../types/Payment.sol";
import {TaskId, TaskKey} from "../types/TaskId.sol";

/// @title Stage settle
/// @notice The only code that pays ether out. What is owed follows from the votes: `settle` writes it down once,
/// then everyone withdraws for themselves, or anyone settles for anyone.
interface IEscrow {
    /// @notice Outcome of a task that is over, in wei. For a lapsed task: parts of the bond, by head.
    struct Outcome {
        uint256 models; // one bit a model that is paid
        uint256 paidModels; // their number
        uint256 paidVerifiers;
        uint256 contributorWei; // for each paid model
        uint256 verifierWei; // for each paid verifier
        uint256 initiatorWei; // what is left
    }

    event Settled(TaskId indexed task, Outcome outcome);
    event Paid(TaskId indexed task, address indexed payee, address to, uint256 amountWei);
    event PaidMany(TaskId indexed task, Payment[] payments); // by settle, each to the payee's own account
    event PaymentRefused(TaskId indexed task, address indexed payee, uint256 amountWei);

    error NotOver(TaskId task);
    error NotSettled(TaskId task);
    error NothingOwed(TaskId task, address payee);
    error PaymentFailed(address to, uint256 amountWei);

    /// @notice Writes down the outcome of a task that is over (once), and pays its initiator, the given
    /// contributors, and the members at the given seats, each to its own account. Who is owed nothing is passed
    /// over; who refuses the payment keeps the claim and can withdraw it elsewhere. By anyone, any number of times.
    function settle(TaskKey calldata key, address[] calldata contributors, uint256[] calldata seats) external;

    /// @notice As voteOpen, and pays the fee at once: it is due whichever way the ballot went.
    function voteOpenAndWithdraw(
        TaskKey calldata key,
        bytes calldata scores,
        bytes16 salt,
        address payable to
    ) external;

    /// @notice Pays the sender, a contributor, what a settled task owes it, to `to`.
    function withdraw(TaskId task, address payable to) external returns (uint256 amountWei);

    /// @notice Pays the sender, a verifier at `seat` of the task's roster, what a settled task owes it, to `to`.
    function withdrawFee(TaskId task, uint256 seat, address payable to) external returns (uint256 amountWei);

    /// @notice Pays the sender, the initiator, what is left of a settled task, to `to`; for one whose account
    /// refused the payment that `settle` tried.
    function withdrawRemainder(TaskKey calldata key, address payable to) external returns (uint256 amountWei);

    /// @notice What a task that is over comes to, settled or not.
    function outcomeOf(TaskKey calldata key) external view returns (Outcome memory);

    /// @notice The second stored word of a task, packed as in types/LateWord.sol.
    function lateOf(TaskId task) external view returns (LateWord);
}
