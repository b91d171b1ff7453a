// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Buffers} from "./Buffers.sol";
import {TaskId} from "../types/TaskId.sol";

/// @notice EIP-712 digests of sealed models and ballots, both `KIND(bytes32 task,bytes32 seal)`: what those of one kind
/// and task have in common is encoded once, so that a batch only fills in the seals.
library Digests {
    /// @notice The struct (type, task, a seal), then the message (0x1901, domain, the struct's hash).
    /// @return where it stands in memory
    function preimage(bytes32 kind, TaskId task, bytes32 domain) internal pure returns (uint256) {
        return Buffers.start(abi.encodePacked(kind, task, bytes32(0), hex"1901", domain, bytes32(0)));
    }

    /// @notice The digest of that seal.
    function digestOf(uint256 preimage_, bytes32 seal) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let message := add(preimage_, 96)
            mstore(add(preimage_, 64), seal)
            mstore(add(message, 34), keccak256(preimage_, 96))
            digest := keccak256(message, 66)
        }
    }
}
