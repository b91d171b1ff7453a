// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Name of a task: the hash of its key, of the chain and of the board that opened it.
type TaskId is bytes32;

/// @notice Everything a task promises. It travels in calldata and hashes to the task's id, so the board stores
/// two packed words per task instead of a struct.
struct TaskKey {
    address initiator; // who escrows, shows the shards, and takes what is left
    bytes32 spec; // SHA-256 of the canonical JSON spec, which is also the digest of its CID
    bytes32 shards; // root over the salted verification shards, each bound to its place
    bytes32 contributors; // Merkle root of the allow-list, zero: anyone may contribute
    bytes32 pool; // pool of verifiers (Membership) that the committee is drawn from
    uint96 rewardWei; // shared equally by the accepted models
    uint96 feeWei; // paid to each verifier who opens a ballot
    uint96 bondWei; // forfeited when the initiator does not show the drawn shards
    uint24 mafrPpm; // minimum acceptable fitness rate, parts per million
    uint8 cap; // at most so many models are opened
    uint16 committee; // verifiers drawn, all of the pool when it has no more
    uint16 shardCount; // D_n, shards committed
    uint16 shardsDrawn; // D_k, shards drawn and shown
    uint24 noticeSeconds; // the task may still be cancelled
    uint24 submitSeconds; // models are sealed
    uint24 openSeconds; // models are opened
    uint24 drawSeconds; // the draw is made and the shards are shown
    uint24 voteSeconds; // ballots are sealed
    uint24 ballotSeconds; // ballots are opened
    uint64 salt; // tells apart two tasks with the same terms
}

library TaskIds {
    bytes32 private constant TASK_TAG = keccak256("quorate/task/1");

    /// @notice Id of the task that `key` describes on this chain and this board.
    /// @dev keccak256(abi.encode(TASK_TAG, chain id, board, key)), with the key copied as it lies in calldata. A key
    /// with dirty padding has an id that was never opened: taskOpen decodes, and so checks, every field.
    function toId(TaskKey calldata key) internal view returns (TaskId task) {
        bytes32 tag = TASK_TAG;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, tag)
            mstore(add(free, 32), chainid())
            mstore(add(free, 64), address())
            calldatacopy(add(free, 96), key, 640) // 20 fields of one word
            task := keccak256(free, 736)
        }
    }
}
