// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LateWord} from "../types/LateWord.sol";
import {Panel} from "../types/Panel.sol";
import {TaskId} from "../types/TaskId.sol";

/// @title Stage vote
/// @notice Committee members seal one ballot for all models, then open it. Each may send its own transactions, or
/// sign and let anyone submit a batch; both count the same and nobody gets two ballots.
interface IBallots {
    event BallotSealed(TaskId indexed task, address indexed verifier, uint256 seat, bytes32 seal);
    event BallotOpened(TaskId indexed task, address indexed verifier, bytes scores);
    /// @param ballots 34 bytes each: seat (2), seal (32)
    event BallotsSealed(TaskId indexed task, bytes ballots);
    /// @param ballots 2 + 3 * models bytes each: seat, then a score (ppm) per model
    event BallotsOpened(TaskId indexed task, bytes ballots);

    error NotSeated(uint256 seat, address account);
    error NotDrawn(uint256 seat);
    error VerifierIsContributor(address verifier);
    error BallotAlreadySealed(TaskId task, address verifier);
    error BallotNotSealed(TaskId task, address verifier);
    error BallotSealMismatch(TaskId task, address verifier);
    error ScoreCountMismatch(uint256 bytesGiven, uint256 bytesNeeded);
    error BallotScoreOutOfRange(uint256 model, uint256 scorePpm);
    error BatchUnknown(TaskId task, bytes32 root);

    /// @notice Seals the sender's ballot.
    /// @param seat of the sender in the task's roster
    /// @param seal libraries/Seals.sol, `ballot`
    function voteSeal(TaskId task, uint256 seat, bytes32 seal) external;

    /// @notice Opens the sender's sealed ballot.
    /// @param scores 3 big-endian bytes (ppm) per opened model, in order of opening
    /// @param salt of the seal
    function voteOpen(TaskId task, bytes calldata scores, bytes16 salt) external;

    /// @notice Seals signed ballots in one transaction. Entries that cannot be taken (not drawn, sealed already,
    /// signed by someone else) are left out, so that one bad entry does not spoil a batch. A contract wallet may sign
    /// too (ERC-1271): it is left out unless it says yes within Bounds.SIGNATURE_GAS.
    /// @param entries 99 bytes each: seat (2), seal (32), signature (65) of EIP-712 `Ballot(bytes32 task,bytes32 seal)`
    function voteSealMany(TaskId task, bytes calldata entries) external;

    /// @notice Opens ballots of one sealed batch; may be called again for those whose scores arrive later.
    /// @param earlier what the batches before this one left as the task's LateWord (types/LateWord.sol)
    /// @param entries in the batch's order, each either seat (2), salt (16), scores (3 per model): opened; or 0x8000
    /// plus seat (2), seal (32): still sealed
    /// @param later roots of the batches after this one, in order: keccak256 of `ballots` in BallotsSealed
    function voteOpenMany(
        TaskId task,
        LateWord earlier,
        bytes calldata entries,
        bytes32[] calldata later
    ) external;

    /// @notice Digest that a verifier signs for a batch (EIP-712).
    function ballotDigest(TaskId task, bytes32 seal) external view returns (bytes32);

    /// @notice Seal that `verifier` would have to have made on this chain and board.
    function ballotSeal(
        TaskId task,
        address verifier,
        bytes calldata scores,
        bytes16 salt
    ) external view returns (bytes32);

    /// @notice Votes of committee places 48 * number and up, packed as in types/Panel.sol.
    function panelOf(TaskId task, uint256 number) external view returns (Panel);

    /// @notice Votes for model `index`, and whether they are a majority of the committee (and it was not struck).
    function votesOf(TaskId task, uint256 index) external view returns (uint256 votesFor, bool accepted);
}
