// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMembership} from "./interfaces/IMembership.sol";
import {ITaskBoard} from "./interfaces/ITaskBoard.sol";
import {BlockHashes} from "./libraries/BlockHashes.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {Draw} from "./libraries/Draw.sol";
import {Payouts} from "./libraries/Payouts.sol";
import {Phases} from "./libraries/Phases.sol";
import {PlacedTree} from "./libraries/PlacedTree.sol";
import {Seals} from "./libraries/Seals.sol";
import {DrawWord, DrawWords} from "./types/DrawWord.sol";
import {Phase} from "./types/Phase.sol";
import {PoolId} from "./types/PoolId.sol";
import {TaskId, TaskIds, TaskKey} from "./types/TaskId.sol";
import {TaskWord, TaskWords} from "./types/TaskWord.sol";

/// @title Stages task and draw
abstract contract TaskBoard is ITaskBoard {
    using TaskIds for TaskKey;

    IMembership public immutable membership;
    uint256 public immutable drawDelayBlocks; // between fixing a draw and the block that decides it

    mapping(TaskId task => TaskWord) internal _tasks;

    constructor(IMembership membership_, uint256 drawDelayBlocks_) {
        membership = membership_;
        drawDelayBlocks = drawDelayBlocks_;
    }

    /// @inheritdoc ITaskBoard
    function taskOpen(TaskKey calldata key) external payable returns (TaskId task) {
        if (msg.sender != key.initiator) revert NotInitiator(msg.sender, key.initiator);
        _checkTerms(key);
        uint256 owedWei = _pot(key);
        if (msg.value != owedWei) revert EscrowMismatch(msg.value, owedWei);
        task = key.toId();
        if (_tasks[task].exists()) revert TaskExists(task);
        _tasks[task] = TaskWords.pack(
            block.timestamp + key.noticeSeconds,
            key.submitSeconds,
            key.openSeconds,
            key.drawSeconds,
            key.cap,
            key.contributors != 0
        );
        emit TaskOpened(task, msg.sender, key);
    }

    /// @inheritdoc ITaskBoard
    function taskCancel(TaskKey calldata key, address payable to) external {
        if (msg.sender != key.initiator) revert NotInitiator(msg.sender, key.initiator);
        TaskId task = key.toId();
        TaskWord word = _requireNow(task, Phase.Notice);
        _tasks[task] = word.asCancelled();
        emit TaskCancelled(task);
        _pay(task, msg.sender, to, _pot(key));
    }

    /// @inheritdoc ITaskBoard
    function draw(TaskKey calldata key) external {
        TaskId task = key.toId();
        TaskWord word = _requireNow(task, Phase.Draw);
        if (word.drawBlock() != 0) revert DrawAlreadyFixed(task, word.drawBlock());
        PoolId pool = PoolId.wrap(key.pool);
        if (membership.isMember(pool, key.initiator)) revert InitiatorSeated(key.initiator);
        if (word.mayContribute(key.initiator) && _hasOpened(task, key.initiator)) revert InitiatorContributed(key.initiator);
        // slither-disable-next-line reentrancy-no-eth: membership is our own immutable contract and calls nobody
        (uint256 roster, uint256 poolSize) = membership.publish(pool);
        uint256 drawBlock = block.number + drawDelayBlocks;
        _tasks[task] = word.withDraw(drawBlock, roster, poolSize);
        emit DrawFixed(task, drawBlock, roster, poolSize);
    }

    /// @inheritdoc ITaskBoard
    function drawReveal(
        TaskKey calldata key,
        Shard[] calldata shards,
        bytes32[] calldata proof
    ) external {
        TaskId task = key.toId();
        TaskWord word = _requireNow(task, Phase.Draw);
        uint256 seed = _seed(task, word);
        _checkShards(key, seed, shards, proof);
        uint256 committee = word.poolSize() < key.committee ? word.poolSize() : key.committee;
        _tasks[task] = DrawWords.pack(
            word,
            seed,
            committee,
            block.timestamp + key.voteSeconds,
            key.ballotSeconds,
            key.mafrPpm
        );
        _openVote(task);
        emit ShardsShown(task, seed, committee, shards);
    }

    /// @inheritdoc ITaskBoard
    function taskId(TaskKey calldata key) external view returns (TaskId) {
        return key.toId();
    }

    /// @inheritdoc ITaskBoard
    function phaseOf(TaskId task) public view returns (Phase) {
        return Phases.at(_tasks[task], block.timestamp);
    }

    /// @inheritdoc ITaskBoard
    function wordOf(TaskId task) external view returns (TaskWord) {
        return _tasks[task];
    }

    /// @inheritdoc ITaskBoard
    function seedOf(TaskId task) external view returns (uint256 seed) {
        TaskWord word = _tasks[task];
        return word.isDrawn() ? word.drawn().seed() : _seed(task, word);
    }

    /// @inheritdoc ITaskBoard
    function isDrawn(TaskId task, uint256 seat) external view returns (bool drawn, uint256 place) {
        TaskWord word = _tasks[task];
        if (!word.isDrawn()) return (false, 0);
        place = _placeOf(word.drawn(), seat);
        return place < word.drawn().committee() ? (true, place) : (false, 0);
    }

    /// @dev Prepares the storage that ballots are counted in.
    function _openVote(TaskId task) internal virtual;

    /// @dev Whether `account` opened a model of the task.
    function _hasOpened(TaskId task, address account) internal view virtual returns (bool);

    /// @dev Sends `amountWei` of the task's pot to `to` on behalf of `payee`, or reverts.
    function _pay(TaskId task, address payee, address payable to, uint256 amountWei) internal virtual;

    function _pot(TaskKey calldata key) internal pure returns (uint256) {
        return Payouts.pot(key.rewardWei, key.feeWei, key.committee, key.bondWei);
    }

    /// @dev Place of a seat in the draw: below the committee's size when it was drawn.
    function _placeOf(DrawWord drawn, uint256 seat) internal pure returns (uint256) {
        return Draw.placeOf(drawn.seed(), Draw.COMMITTEE, drawn.poolSize(), drawn.committee(), seat);
    }

    /// @return word of the task, which is in that phase now
    function _requireNow(TaskId task, Phase needed) internal view returns (TaskWord word) {
        word = _tasks[task];
        Phase phase = Phases.at(word, block.timestamp);
        if (phase != needed) revert WrongPhase(task, phase, needed);
    }

    function _checkTerms(TaskKey calldata key) private pure {
        if (key.mafrPpm == 0 || key.mafrPpm > Bounds.PPM) revert MafrOutOfRange(key.mafrPpm);
        if (key.cap == 0 || key.cap > Bounds.MAX_MODELS) revert CapOutOfRange(key.cap, Bounds.MAX_MODELS);
        if (key.committee == 0 || key.committee > Bounds.MAX_POOL) {
            revert CommitteeOutOfRange(key.committee, Bounds.MAX_POOL);
        }
        if (
            key.shardsDrawn == 0 || key.shardsDrawn > key.shardCount || key.shardsDrawn > Bounds.MAX_SHARDS_DRAWN
        ) revert ShardsOutOfRange(key.shardsDrawn, key.shardCount, Bounds.MAX_SHARDS_DRAWN);
        if (key.noticeSeconds > Bounds.MAX_WINDOW) {
            revert WindowOutOfRange(key.noticeSeconds, 0, Bounds.MAX_WINDOW);
        }
        _checkWindow(key.submitSeconds);
        _checkWindow(key.openSeconds);
        _checkWindow(key.drawSeconds);
        _checkWindow(key.voteSeconds);
        _checkWindow(key.ballotSeconds);
    }

    function _checkWindow(uint256 window) private pure {
        if (window < Bounds.MIN_WINDOW || window > Bounds.MAX_WINDOW) {
            revert WindowOutOfRange(window, Bounds.MIN_WINDOW, Bounds.MAX_WINDOW);
        }
    }

    function _checkShards(
        TaskKey calldata key,
        uint256 seed,
        Shard[] calldata shards,
        bytes32[] calldata proof
    ) private pure {
        uint256 count = key.shardsDrawn;
        if (shards.length != count) revert ShardCountMismatch(shards.length, count);
        bytes32[] memory leaves = new bytes32[](count);
        uint256[] memory places = new uint256[](count);
        uint256 next = 0;
        for (uint256 i = 0; i < count; ++i) {
            uint256 index = shards[i].index;
            if (index < next) revert ShardsOutOfOrder(index);
            next = index + 1;
            if (Draw.placeOf(seed, Draw.SHARDS, key.shardCount, count, index) >= count) revert ShardNotDrawn(index);
            places[i] = index;
            leaves[i] = Seals.shard(index, shards[i].digest, shards[i].salt);
        }
        if (!PlacedTree.verify(key.shards, key.shardCount, places, leaves, proof)) revert ShardsUnproven(key.shards);
    }

    function _seed(TaskId task, TaskWord word) private view returns (uint256) {
        uint256 drawBlock = word.drawBlock();
        if (drawBlock == 0) revert DrawNotFixed(task);
        if (block.number <= drawBlock) revert DrawBlockPending(drawBlock, block.number);
        bytes32 hash = BlockHashes.at(drawBlock);
        if (hash == 0) revert DrawBlockForgotten(drawBlock);
        return uint64(uint256(keccak256(abi.encode(hash, task))));
    }
}
