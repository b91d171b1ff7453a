// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TaskId, TaskKey} from "../types/TaskId.sol";

/// @title Stage settle
/// @notice The only code that pays ether out. What is owed follows from the votes; nothing drives it. Everyone
/// withdraws for themselves, or anyone settles for anyone.
interface IEscrow {
    event Paid(TaskId indexed task, address indexed payee, address to, uint256 amountWei);
    event PaymentRefused(TaskId indexed task, address indexed payee, uint256 amountWei);

    error NotOver(TaskId task);
    error NothingOwed(TaskId task, address payee);
    error PaymentFailed(address to, uint256 amountWei);

    /// @notice Pays the sender what the task owes it, in whatever role, to `to`.
    /// @param seat of the sender in the task's roster; only verifiers need it
    function withdraw(TaskKey calldata key, uint256 seat, address payable to) external returns (uint256 amountWei);

    /// @notice Pays what the task owes to the given contributors, seats, and its initiator, each to its own account.
    /// Who is owed nothing is passed over; who refuses the payment keeps the claim and can withdraw elsewhere.
    function settle(TaskKey calldata key, address[] calldata contributors, uint256[] calldata seats) external;

    /// @notice Outcome of a task that is over: share of each accepted model, fee of each opened ballot, and what
    /// returns to the initiator, in wei. For a lapsed task: parts of the bond.
    function outcomeOf(
        TaskKey calldata key
    )
        external
        view
        returns (uint256 accepted, uint256 opened, uint256 contributorWei, uint256 verifierWei, uint256 initiatorWei);
}
