// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Buffers} from "./Buffers.sol";
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

    /// @notice What all ballots of a task have in common; ballotFrom fills in the rest, so that a batch encodes it once.
    /// @return where it stands in memory
    function ballotPreimage(TaskId task) internal view returns (uint256) {
        bytes memory preimage = abi.encode(
            BALLOT_TAG,
            block.chainid,
            address(this),
            task,
            ROUND,
            address(0),
            bytes32(0),
            bytes16(0)
        );
        return Buffers.start(preimage);
    }

    /// @notice Seal of a ballot: one score of 3 big-endian bytes (ppm) per opened model, in order of opening.
    /// @dev keccak256(abi.encode(tag, chain id, board, task, round, verifier, keccak256(scores), salt))
    function ballotFrom(
        uint256 preimage,
        address verifier,
        bytes calldata scores,
        bytes16 salt
    ) internal pure returns (bytes32 seal) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, scores.offset, scores.length)
            mstore(add(preimage, 160), shr(96, shl(96, verifier)))
            mstore(add(preimage, 192), keccak256(free, scores.length))
            mstore(add(preimage, 224), shl(128, shr(128, salt)))
            seal := keccak256(preimage, 256)
        }
    }

    /// @notice Packs a ballot that calldata opens: as it was sealed, and as it is opened.
    /// @dev The seal is ballotFrom(preimage, verifier, scores, salt), in one piece.
    /// @param at where its seat (2 bytes), salt (16) and scores stand in calldata
    /// @param ballot where in memory its seat and seal go
    /// @param opened where in memory its seat and scores go; 32 bytes are written in any case
    function ballotAt(
        uint256 preimage,
        address verifier,
        uint256 at,
        uint256 scoreBytes,
        uint256 ballot,
        uint256 opened
    ) internal pure returns (bytes32 scoresHash) {
        assembly ("memory-safe") {
            let entry := calldataload(at)
            mstore(opened, entry) // seat; the rest is written over
            calldatacopy(add(opened, 2), add(at, 18), scoreBytes)
            scoresHash := keccak256(add(opened, 2), scoreBytes)
            mstore(add(preimage, 160), verifier)
            mstore(add(preimage, 192), scoresHash)
            calldatacopy(add(preimage, 224), add(at, 2), 16) // salt; zeros follow
            mstore(ballot, entry)
            mstore(add(ballot, 2), keccak256(preimage, 256))
        }
    }

    /// @notice Leaf of the shard tree; its 128-byte preimage cannot be mistaken for an inner node's 64.
    function shard(uint256 index, bytes32 digest, bytes32 salt) internal pure returns (bytes32) {
        return keccak256(abi.encode(SHARD_TAG, index, digest, salt));
    }
}
