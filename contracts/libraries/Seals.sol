// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TaskId} from "../types/TaskId.sol";

/// @notice Sealed commitments. Each binds chain, contract, task, round and sender: a copy opens for nobody else.
library Seals {
    bytes32 private constant MODEL_TAG = keccak256("quorate/seal/model/1");
    bytes32 private constant BALLOT_TAG = keccak256("quorate/seal/ballot/1");
    bytes32 private constant SHARD_TAG = keccak256("quorate/shard/1");
    uint256 private constant ROUND = 0; // a fuse task has one round

    /// @notice Seal of a model: weights by SHA-256 and size, manifest by the SHA-256 that is its CID's digest.
    function model(
        TaskId task,
        address contributor,
        bytes32 weights,
        bytes32 manifest,
        uint40 sizeBytes,
        uint24 claimedPpm,
        bytes32 salt
    ) internal view returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    MODEL_TAG,
                    block.chainid,
                    address(this),
                    task,
                    ROUND,
                    contributor,
                    weights,
                    manifest,
                    sizeBytes,
                    claimedPpm,
                    salt
                )
            );
    }

    /// @notice Seal of a ballot: one score of 3 big-endian bytes (ppm) per opened model, in order of opening.
    function ballot(
        TaskId task,
        address verifier,
        bytes calldata scores,
        bytes16 salt
    ) internal view returns (bytes32) {
        return
            keccak256(
                abi.encode(BALLOT_TAG, block.chainid, address(this), task, ROUND, verifier, keccak256(scores), salt)
            );
    }

    /// @notice Leaf of the shard tree; its 128-byte preimage cannot be mistaken for an inner node's 64.
    function shard(uint256 index, bytes32 digest, bytes32 salt) internal pure returns (bytes32) {
        return keccak256(abi.encode(SHARD_TAG, index, digest, salt));
    }
}
