// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Phase} from "../types/Phase.sol";
import {TaskId, TaskKey} from "../types/TaskId.sol";
import {TaskWord} from "../types/TaskWord.sol";

/// @title Stages task and draw
/// @notice An initiator opens a task and escrows all it can ever owe. After the models are opened, a future block
/// is fixed; its hash draws committee and shards; the initiator shows the drawn shards.
interface ITaskBoard {
    /// @notice One drawn shard: SHA-256 of its bytes (the digest of its CID) and the salt of its leaf.
    struct Shard {
        uint16 index;
        bytes32 digest;
        bytes32 salt;
    }

    event TaskOpened(TaskId indexed task, address indexed initiator, TaskKey key);
    event TaskCancelled(TaskId indexed task);
    event DrawFixed(TaskId indexed task, uint256 drawBlock, uint256 roster, uint256 poolSize);
    event ShardsShown(TaskId indexed task, uint256 seed, uint256 committee, Shard[] shards);

    error WrongPhase(TaskId task, Phase phase, Phase needed);
    error TaskExists(TaskId task);
    error NotInitiator(address sender, address initiator);
    error MafrOutOfRange(uint256 mafrPpm);
    error CapOutOfRange(uint256 cap, uint256 max);
    error CommitteeOutOfRange(uint256 committee, uint256 max);
    error ShardsOutOfRange(uint256 drawn, uint256 count, uint256 max);
    error WindowOutOfRange(uint256 window, uint256 min, uint256 max);
    error EscrowMismatch(uint256 sentWei, uint256 owedWei);
    error InitiatorSeated(address initiator);
    error InitiatorContributed(address initiator);
    error DrawAlreadyFixed(TaskId task, uint256 drawBlock);
    error DrawNotFixed(TaskId task);
    error DrawBlockPending(uint256 drawBlock, uint256 blockNumber);
    error DrawBlockForgotten(uint256 drawBlock);
    error ShardCountMismatch(uint256 shown, uint256 drawn);
    error ShardNotDrawn(uint256 index);
    error ShardsOutOfOrder(uint256 index);
    error ShardsUnproven(bytes32 root);

    /// @notice Opens the task of `key`. The sender is its initiator and pays reward, fees and bond in full.
    function taskOpen(TaskKey calldata key) external payable returns (TaskId task);

    /// @notice Ends the task while nobody can have submitted yet (phase Notice), and pays everything back to `to`.
    function taskCancel(TaskKey calldata key, address payable to) external;

    /// @notice Fixes the roster and the future block whose hash draws committee and shards. Once, by anyone.
    /// Refused while the initiator plays another role in its own task: it sits in the pool, or opened a model.
    function draw(TaskKey calldata key) external;

    /// @notice Shows the drawn shards, in rising order of index, with their proof (libraries/PlacedTree.sol), and opens
    /// the vote.
    /// @dev By anyone: only who knows the salts can, and the proof decides.
    function drawReveal(
        TaskKey calldata key,
        Shard[] calldata shards,
        bytes32[] calldata proof
    ) external;

    /// @notice Id that `key` has on this chain and board, opened or not.
    function taskId(TaskKey calldata key) external view returns (TaskId);

    /// @notice Phase of the task now.
    function phaseOf(TaskId task) external view returns (Phase);

    /// @notice The stored word of a task: types/TaskWord.sol until its shards were shown, types/DrawWord.sol after.
    function wordOf(TaskId task) external view returns (TaskWord);

    /// @notice Seed of a fixed draw: kept once the shards were shown, else from the draw block's hash.
    function seedOf(TaskId task) external view returns (uint256 seed);

    /// @notice Whether `seat` of the task's roster was drawn, and its place in the committee.
    function isDrawn(TaskId task, uint256 seat) external view returns (bool drawn, uint256 place);
}
